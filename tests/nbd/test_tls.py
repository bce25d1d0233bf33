# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""TLS with certificates on both sides, with a client of ours and with other people's."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from core.errors import UsageError
from core.nbd.exports import VolumeExports
from core.nbd.listening import listen_at_port, server_context
from core.nbd.server import Server
from tests.doubles import nbdpeer as peer
from tests.doubles.nbdclient import Client, connected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.engine import Volume

MIB = 1 << 20


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_key(folder: Path, name: str, *, of: str, extension: str = "") -> None:
    """Make a key, and a certificate that the authority of name ``of`` has signed."""
    key, cert = folder / f"{name}-key.pem", folder / f"{name}-cert.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    request = ["-key", key, "-subj", f"/CN={name}"]
    if of == name:
        openssl("req", "-x509", "-days", "2", *request, "-out", cert)
        return
    openssl("req", "-new", *request, "-out", folder / "request")
    (folder / "extension").write_text(extension or "keyUsage=digitalSignature\n", encoding="ascii")
    openssl(
        "x509", "-req", "-in", folder / "request", "-CA", folder / f"{of}-cert.pem", "-CAkey",
        folder / f"{of}-key.pem", "-CAcreateserial", "-days", "2", "-out", cert, "-extfile",
        folder / "extension",
    )  # fmt: skip


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of an authority, a server, a client, and somebody whom another authority knows."""
    folder = tmp_path_factory.mktemp("keys")
    make_key(folder, "ca", of="ca")
    make_key(folder, "other", of="other")
    make_key(folder, "server", of="ca", extension="subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    make_key(folder, "client", of="ca")
    make_key(folder, "stranger", of="other")
    return folder


@pytest.fixture
def secure(volume: Volume, keys: Path) -> Iterator[Server]:
    listener = listen_at_port("127.0.0.1", 0, is_secure=True)
    server = Server(VolumeExports(volume), listener, context=server_context(keys))
    yield server
    server.stop()


def wrapper(keys: Path, name: str = "") -> Callable:
    """Return what begins TLS as the client of this name."""
    context = ssl.create_default_context(cafile=keys / "ca-cert.pem")
    if name:
        context.load_cert_chain(keys / f"{name}-cert.pem", keys / f"{name}-key.pem")
    return lambda link: context.wrap_socket(link, server_hostname="127.0.0.1")


def test_who_has_a_certificate_is_served(secure: Server, volume: Volume, keys: Path) -> None:
    assert secure.uri.startswith("nbds://127.0.0.1:")
    volume.snapshot("monday")
    before = volume.read(0, 4 * MIB)
    with Client(secure.uri, wrap=wrapper(keys, "client")) as client:
        payload = before[:MIB][::-1]
        cookies = [client.send(peer.WRITE, at * MIB, payload=payload) for at in range(4)]
        for cookie in cookies:
            assert client.wait(cookie).error == 0
        assert client.read(0, 4 * MIB) == payload * 4
        client.flush()
    with Client(secure.uri, "monday", wrap=wrapper(keys, "client")) as client:
        assert client.read(0, 4 * MIB) == before


@pytest.mark.parametrize("name", ["", "stranger"])
def test_who_has_none_is_not(secure: Server, keys: Path, name: str) -> None:
    with pytest.raises((OSError, ConnectionError)):
        Client(secure.uri, wrap=wrapper(keys, name))
    with Client(secure.uri, wrap=wrapper(keys, "client")) as client:
        assert client.read(0, 512)


def test_nothing_goes_without_tls(secure: Server) -> None:
    with connected(secure.uri) as link:
        assert link.recv(18) == peer.GREETING
        link.sendall(peer.client_flags() + peer.go())
        assert peer.option_replies(link.recv(4096))[0][1] == peer.ERR_TLS_REQD
    with connected(secure.uri) as link:
        link.sendall(peer.client_flags() + peer.option(peer.STARTTLS) + b"no TLS at all" * 9)
        said = b""
        while piece := link.recv(4096):
            said += piece
        assert b"\0\0" * 50 not in said


@pytest.mark.interop
def test_nbdinfo_and_qemu_img_have_certificates(
    secure: Server, keys: Path, volume: Volume, tmp_path: Path
) -> None:
    folder = tmp_path / "pki"
    folder.mkdir()
    for name in ("ca-cert", "client-cert", "client-key"):
        (folder / f"{name}.pem").write_bytes((keys / f"{name}.pem").read_bytes())
    port = int(secure.uri.rstrip("/").rpartition(":")[2])
    done = subprocess.run(
        ["nbdinfo", "--size", f"nbds://localhost:{port}/?tls-certificates={folder}"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (f"{volume.info().size}\n", "")
    done = subprocess.run(
        [
            "qemu-img", "convert", "--object",
            f"tls-creds-x509,id=tls0,dir={folder},endpoint=client", "--image-opts",
            f"driver=nbd,host=localhost,port={port},tls-creds=tls0", "-O", "raw",
            str(tmp_path / "out.img"),
        ],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert (tmp_path / "out.img").read_bytes() == volume.read(0, volume.info().size)


def test_certificates_that_cannot_be_used_are_told(keys: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no .*ca-cert.pem"):
        server_context(tmp_path)
    for name in ("ca-cert", "server-cert", "server-key"):
        (tmp_path / f"{name}.pem").write_bytes((keys / f"{name}.pem").read_bytes())
    (tmp_path / "server-key.pem").write_bytes((keys / "client-key.pem").read_bytes())
    with pytest.raises(UsageError, match="cannot be used"):
        server_context(tmp_path)
    (tmp_path / "ca-cert.pem").write_bytes(b"no certificate")
    with pytest.raises(UsageError, match="cannot be used"):
        server_context(tmp_path)
