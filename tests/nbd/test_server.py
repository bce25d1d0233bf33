# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The server in this process, over real sockets."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.errors import UsageError, VolumeBusyError
from core.nbd import server as server_module
from core.nbd.exports import VolumeExports
from core.nbd.listening import listen_at_path, listen_at_port, server_context
from core.nbd.server import Server
from tests.doubles import nbdpeer as peer
from tests.doubles.nbdclient import Client, connected
from tests.nbd.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    from core.engine import Volume

MIB = 1 << 20


def until(true, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_socket_is_its_users_alone(server: Server, folder: Path) -> None:
    assert stat.S_IMODE((folder / "s").stat().st_mode) == 0o600
    assert server.uri == f"nbd+unix:///?socket={folder}/s"


def told_by(server: Server) -> list[tuple[str, str | None]]:
    return [(each.peer.split(" ")[-1], each.export) for each in server.connected()]


def test_clients_are_told_with_their_exports(server: Server, volume: Volume) -> None:
    volume.snapshot("monday")
    with Client(server.uri), Client(server.uri, "monday"), connected(server.uri):
        pid = f"({os.getpid()})"
        expected = [(pid, "original"), (pid, "monday"), (pid, None)]
        until(lambda: told_by(server) == expected)
    until(lambda: not server.connected())


def answers(client: Client, cookies: list[int]) -> int:
    """Return how many requests were answered before the server hung up."""
    for count, cookie in enumerate(cookies):
        try:
            client.wait(cookie)
        except OSError:
            return count
    return len(cookies)


def test_stopping_answers_what_is_under_way(server: Server, image: Path, folder: Path) -> None:
    with Client(server.uri) as client:
        payload = os.urandom(4096)
        cookies = [client.send(peer.WRITE, 4096 * each, payload=payload) for each in range(30)]
        client.wait(cookies[0])
        server.stop()
        count = 1 + answers(client, cookies[1:])
        assert answers(client, [1 << 40]) == 0
    assert image.read_bytes()[: 4096 * count] == payload * count
    assert not (folder / "s").exists()
    with pytest.raises(OSError, match="No such file"):
        connected(server.uri)


def test_stopping_does_not_wait_for_a_client_that_does_not_read(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "STOP_S_MAX", 0.2)
    client = Client(server.uri)
    for _ in range(20):
        client.send(peer.READ, 0, 4 * MIB)
    with Client(server.uri) as other:
        assert len(other.read(0, MIB)) == MIB  # nobody else is held up
    begun = time.monotonic()
    server.stop()
    assert time.monotonic() - begun < 8
    assert server.connected() == []
    client.close()


def drip(link: socket.socket) -> None:
    """Say something, but never anything whole in time."""
    for byte in peer.client_flags() + peer.option(peer.LIST) * 100:
        link.sendall(bytes([byte]))
        time.sleep(0.02)


def test_who_says_nothing_is_disconnected(
    volume: Volume, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "HANDSHAKE_S_MAX", 0.3)
    server = Server(VolumeExports(volume), listen_at_path(folder / "quick"))
    with Client(server.uri) as other, connected(server.uri, 10) as silent:
        assert silent.recv(18) == peer.GREETING
        assert silent.recv(1) == b""
        with connected(server.uri, 10) as dripping, pytest.raises(OSError, match=r"pipe|reset"):
            drip(dripping)
        time.sleep(0.5)
        assert other.read(0, 512)  # who has chosen may be silent for days
    server.stop()


def test_there_is_a_largest_number_of_clients(
    volume: Volume, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "CLIENTS_MAX", 2)
    server = Server(VolumeExports(volume), listen_at_path(folder / "small"))
    with Client(server.uri) as one, Client(server.uri):
        with connected(server.uri) as third:
            assert third.recv(18) == b""
        assert one.read(0, 512)
    until(lambda: not server.connected())
    with Client(server.uri) as again:
        assert again.read(0, 512)
    server.stop()


def test_a_client_that_dies_is_forgotten(server: Server) -> None:
    with Client(server.uri) as other:
        for said in (b"", b"\0", peer.client_flags(77), peer.client_flags() + peer.option(peer.GO)):
            link = connected(server.uri)
            link.sendall(said)
            link.close()
        until(lambda: len(server.connected()) == 1)
        assert other.read(0, 512)


def test_a_copy_that_is_renamed_stays_the_same_export(server: Server, volume: Volume) -> None:
    before = volume.read(0, 4096)
    volume.clone("draft")
    with Client(server.uri, "draft") as client:
        volume.rename("draft", "final")
        volume.write(0, bytes(4096))
        volume.snapshot("draft")
        assert client.read(0, 4096) == before
        client.write(0, b"n" * 4096)
        assert volume.read(0, 4096, "final") == b"n" * 4096
        assert volume.read(0, 4096, "draft") == bytes(4096)


def test_names_that_change_hands_while_a_client_reads(server: Server, volume: Volume) -> None:
    """Two copies swap their names again and again; each client sees its own bytes, no error."""
    size = 1 * MIB
    for name, byte in (("one", b"1"), ("two", b"2")):
        volume.write(0, byte * size)
        volume.snapshot(name)
    volume.write(0, bytes(size))
    is_stopping = threading.Event()

    def swap() -> None:
        while not is_stopping.is_set():
            for old, new in (("one", "x"), ("two", "one"), ("x", "two")):
                volume.rename(old, new)

    with Client(server.uri, "one") as one, Client(server.uri, "two") as two:
        thread = threading.Thread(target=swap)
        thread.start()
        try:
            for number in range(150):
                offset = number * 4096
                assert one.read(offset, 4096) == b"1" * 4096
                assert two.read(offset, 4096) == b"2" * 4096
        finally:
            is_stopping.set()
            thread.join()


@pytest.mark.parametrize("now", [True, False])
def test_a_copy_that_is_deleted_gives_errors(server: Server, volume: Volume, now: bool) -> None:
    volume.clone("draft")
    with Client(server.uri, "draft", queries=["base:allocation", "rangepair:owner"]) as client:
        assert client.request(peer.BLOCK_STATUS, 0, 512).error == 0
        volume.delete(["draft"], now=now)
        for command in (peer.READ, peer.TRIM, peer.BLOCK_STATUS):
            reply = client.request(command, 0, 512)
            assert (reply.error, "is deleted" in reply.message) == (5, True)
        assert client.request(peer.WRITE, 0, payload=bytes(512)).error == 5
        assert client.request(peer.FLUSH).error == 0
        with pytest.raises(LookupError, match="no copy named 'draft'"):
            Client(server.uri, "draft")
    with Client(server.uri) as client:
        assert client.read(0, 512)


def test_a_server_may_be_for_readers_only(volume: Volume, folder: Path) -> None:
    volume.clone("draft")
    server = Server(VolumeExports(volume, read_only=True), listen_at_path(folder / "r"))
    for name in ("", "draft"):
        with Client(server.uri, name) as client:
            assert client.request(peer.WRITE, 0, payload=bytes(512)).error == 1
            assert client.request(peer.TRIM, 0, 512).error == 1
            assert len(client.read(0, IMAGE_BYTES)) == IMAGE_BYTES
    server.stop()


# -- where a server may be ---------------------------------------------------------------------


def test_a_socket_left_behind_is_replaced_and_nothing_else_is(folder: Path) -> None:
    path = folder / "left"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with listen_at_path(path).socket, pytest.raises(VolumeBusyError, match="answers at"):
        listen_at_path(path)
    file = folder / "file"
    file.write_bytes(b"precious")
    with pytest.raises(UsageError, match="no socket"):
        listen_at_path(file)
    assert file.read_bytes() == b"precious"
    with pytest.raises(UsageError, match="too long"):
        listen_at_path(folder / ("n" * 100))
    with pytest.raises(UsageError, match="zero byte"):
        listen_at_path(folder / "a\0b")
    assert sorted(folder.iterdir()) == [file, path]


def test_certificates_in_a_folder_that_no_system_has() -> None:
    for name in ("n" * 300, "a\0b"):
        with pytest.raises(UsageError, match="There is no"):
            server_context(Path(name))


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_tcp_without_tls_is_for_this_machine(host: str) -> None:
    with pytest.raises(UsageError, match="Without TLS"):
        listen_at_port(host, 0, is_secure=False)


def test_tcp_on_this_machine(volume: Volume) -> None:
    server = Server(VolumeExports(volume), listen_at_port("127.0.0.1", 0, is_secure=False))
    assert server.uri.startswith("nbd://127.0.0.1:")
    with Client(server.uri) as client:
        client.write(MIB, b"t" * MIB)
        assert client.read(MIB, MIB) == b"t" * MIB
        until(lambda: bool(server.connected()))
        assert server.connected()[0].peer.startswith("127.0.0.1 port")
        port = int(server.uri.rpartition(":")[2].strip("/"))
        with pytest.raises(VolumeBusyError, match="cannot be listened at"):
            listen_at_port("127.0.0.1", port, is_secure=False)
    server.stop()


# -- several at once ---------------------------------------------------------------------------


def test_several_connections_see_each_others_writes(server: Server, volume: Volume) -> None:
    volume.snapshot("monday")
    before = volume.read(0, IMAGE_BYTES, "monday")
    failures = []

    def work(number: int) -> None:
        try:
            with Client(server.uri) as one, Client(server.uri) as two:
                for each in range(60):
                    offset = (each * 8 + number) * 8192
                    payload = os.urandom(8192)
                    one.write(offset, payload, peer.FUA if each % 20 == 0 else 0)
                    assert two.read(offset, 8192) == payload
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert volume.read(0, IMAGE_BYTES, "monday") == before
    assert volume.check() == []


def test_memory_stays_bounded(server: Server) -> None:
    """Clients that announce the longest writes and reads, and then are slow."""

    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096

    clients = [Client(server.uri) for _ in range(8)]
    before = resident_bytes()
    for client in clients:
        client.peer.sendall(peer.request(peer.WRITE, 99, 0, 32 * MIB) + bytes(3 * MIB // 2))
    for client in [Client(server.uri) for _ in range(8)]:
        clients.append(client)
        for _ in range(50):
            client.send(peer.READ, 0, IMAGE_BYTES)
    time.sleep(1)
    assert resident_bytes() - before < 64 * MIB
    for client in clients:
        client.close()


def test_nobody_listens_to_a_server_that_is_gone(volume: Volume, folder: Path) -> None:
    server = Server(VolumeExports(volume), listen_at_path(folder / "twice"))
    server.stop()
    server.stop()
    done = subprocess.run(["nbdinfo", server.uri], capture_output=True, check=False)
    assert done.returncode
