# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Serving as the command line and the window ask for it, and how long it keeps the engine alive."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from core.cli.serving import _host_and_port
from core.errors import EngineGoneError, UsageError, VolumeBusyError
from core.service.client import connect
from core.service.launcher import connect_or_start
from gui.bridge.engineprocess import EngineProcess
from gui.bridge.sharing import ServingWish
from tests.doubles import nbdpeer as peer
from tests.doubles.nbdclient import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.service.client import RemoteVolume

pytestmark = pytest.mark.e2e


def ends_within(pid: int, seconds: float) -> bool:
    """Return whether a process that is no child of ours ends in time."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def run(*arguments: object, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "core.cli", *map(str, arguments)],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


@pytest.fixture(autouse=True)
def runtime(folder: Path, monkeypatch: pytest.MonkeyPatch, image: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield
    with contextlib.suppress(EngineGoneError):
        connect(image).shutdown()


def test_serving_is_told_to_other_clients(engine: RemoteVolume, image: Path) -> None:
    first = engine.serve()
    second = engine.serve(host="127.0.0.1", read_only=True)
    with Client(first.uri), connect(image) as other:
        told = other.serving()
        assert [(each.uri, each.read_only, each.tls, each.stays) for each in told] == [
            (first.uri, False, False, False),
            (second.uri, True, False, False),
        ]
        assert [client.export for client in told[0].clients] == ["original"]
        assert told[1].clients == []
        with pytest.raises(VolumeBusyError, match="served there already, at nbd"):
            other.serve()
        with pytest.raises(VolumeBusyError, match="served there already, at nbd://127"):
            other.serve(host="127.0.0.1", port=int(second.uri[:-1].rpartition(":")[2]))
        assert other.stop_serving(second.uri) == [told[1]]
        with pytest.raises(UsageError, match="not served at"):
            other.stop_serving(second.uri)
        assert other.stop_serving() == [told[0]]
    assert engine.serving() == []


def test_a_client_keeps_its_disk_when_who_began_has_left(image: Path) -> None:
    with connect_or_start(image) as engine:
        uri, pid = engine.serve().uri, engine.welcome.pid
        client = Client(uri)
    payload = b"k" * 4096
    assert not ends_within(pid, 0.6)
    client.write(0, payload)
    client.flush()
    with Client(uri) as second:
        assert second.read(0, 4096) == payload
    client.close()
    assert ends_within(pid, 20)
    assert image.read_bytes()[:4096] == payload


def test_the_engine_ends_with_the_last_client_if_nobody_uses_it(image: Path) -> None:
    with connect_or_start(image) as engine:
        engine.serve()
        pid = engine.welcome.pid
    assert ends_within(pid, 20)


def test_what_is_kept_goes_on_until_it_is_stopped(image: Path) -> None:
    window = EngineProcess(str(image))
    wishes = (ServingWish(), ServingWish("127.0.0.1"), ServingWish("127.0.0.1", read_only=True))
    uris = [window.serve(wish).uri for wish in wishes]
    assert [each.read_only for each in window.serving()] == [False, False, True]
    window.stop_serving(uris.pop())
    pid = window.queries.welcome.pid
    window.keep_serving()
    window.close()
    assert not ends_within(pid, 0.6)
    with Client(uris[0]) as client, connect(image) as other:
        assert client.read(0, 512) == image.read_bytes()[:512]
        assert [(each.uri, each.stays) for each in other.serving()] == [(u, True) for u in uris]
        other.stop_serving(uris[0])
    assert not ends_within(pid, 0.6)
    with connect(image) as other:
        other.stop_serving()
    assert ends_within(pid, 20)


def test_keeping_what_is_not_served_keeps_no_engine(image: Path) -> None:
    window = EngineProcess(str(image))
    pid = window.queries.welcome.pid
    window.keep_serving()
    window.close()
    assert ends_within(pid, 20)


def test_a_signal_drains_and_ends(image: Path) -> None:
    with connect_or_start(image) as engine:
        pid = engine.welcome.pid
        with Client(engine.serve(stays=True).uri) as client:
            client.write(4096, b"d" * 4096)
            os.kill(pid, signal.SIGTERM)
            assert ends_within(pid, 20)
            with pytest.raises(OSError):  # noqa: PT011 - a reset or a broken pipe
                client.request(peer.FLUSH)
    assert image.read_bytes()[4096:8192] == b"d" * 4096


def test_detached_serving_goes_on_until_it_is_stopped(image: Path, folder: Path) -> None:
    path = folder / "own"
    told = json.loads(run("serve", image, "--socket", path, "--detach", "--json"))
    assert (told["uri"], told["stays"]) == (f"nbd+unix:///?socket={path}", True)
    with connect(image) as engine:
        pid = engine.welcome.pid
    assert not ends_within(pid, 0.6)
    with Client(told["uri"]) as client:
        assert client.read(0, 512) == image.read_bytes()[:512]
        run("snapshot", image, "monday")
        with Client(told["uri"], "monday") as monday:
            assert monday.read(0, 512) == image.read_bytes()[:512]
            lines = run("serve", image, "--list").splitlines()
    assert lines[0] == f"nbd+unix:///?socket={path} (detached)"
    assert [line.rpartition(" ")[2] for line in lines[1:]] == ["original", "monday"]
    assert json.loads(run("serve", image, "--list", "--json"))["servings"][0]["uri"] == told["uri"]
    assert run("serve", image, "--stop") == f"stopped {told['uri']}\n"
    assert ends_within(pid, 20)
    assert run("serve", image, "--stop") == "It was not served\n"
    assert run("serve", image, "--list").startswith("It is not served")
    assert not path.exists()


def test_one_address_of_several_is_stopped(image: Path, folder: Path) -> None:
    paths = [folder / "a", folder / "b"]
    a, b = (json.loads(run("serve", image, "--socket", p, "--detach", "--json")) for p in paths)
    tcp = json.loads(run("serve", image, "--tcp", "127.0.0.1:0", "--detach", "--json"))["uri"]
    told = run("serve", image, "--socket", paths[0], status=1)
    assert f"served there already, at {a['uri']}" in told
    with connect(image) as engine, Client(a["uri"]), Client(a["uri"]), Client(b["uri"]):
        (me,) = {client.peer for each in engine.serving() for client in each.clients}
        assert run("serve", image, "--list").splitlines() == [
            f"{a['uri']} (detached)",
            f"  {me}: original (2 connections)",
            f"{b['uri']} (detached)",
            f"  {me}: original",
            f"{tcp} (detached)",
        ]
        assert run("serve", image, "--commands").startswith(
            f"# It is served at 3 addresses; this is for {tcp}\n# QEMU"
        )
        page = run("serve", image, "--commands", "--socket", paths[1])
        assert page.startswith("# QEMU")
        assert b["uri"] in page
        assert (
            run("serve", image, "--stop", "--socket", folder / "c") == "It was not served there\n"
        )
        assert run("serve", image, "--stop", "--socket", paths[0]) == (
            f"stopped {a['uri']}; disconnected {me}\n"
        )
        assert [each.uri for each in engine.serving()] == [b["uri"], tcp]
        assert run("serve", image, "--stop", "--tcp", tcp[6:-1]) == f"stopped {tcp}\n"
        assert json.loads(run("serve", image, "--stop", "--json")) == {
            "stopped": [b["uri"]],
            "disconnected": [{"peer": me, "export": "original"}],
        }
        assert engine.serving() == []


def test_the_command_ends_when_another_stops_it(image: Path) -> None:
    command = [sys.executable, "-m", "core.cli", "serve", str(image), "--read-only"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        uri = serving.stdout.readline().split()[1]
        assert run("serve", image, "--list") == f"{uri} (read-only)\n"
        assert run("serve", image, "--stop") == f"stopped {uri}\n"
        assert serving.wait(20) == 0


def test_a_shell_can_use_what_is_told_to_be_typed(image: Path, folder: Path) -> None:
    run("snapshot", image, "it's monday")
    run("serve", image, "--socket", folder / "own", "--detach")
    told = json.loads(run("serve", image, "--commands", "--copy", "it's monday", "--json"))
    texts = {recipe["program"]: recipe["text"] for recipe in told}
    for program in ("qemu-img", "nbdinfo"):
        subprocess.run(["/bin/sh", "-c", texts[program]], cwd=folder, check=True, timeout=50)
    made = [path.name for path in folder.iterdir() if path.suffix == ".qcow2"]
    assert made == ["it's monday.qcow2"]
    page = run("serve", image, "--commands", "--copy", "it's monday").splitlines()
    assert page[0] == "# QEMU: attach it as a disk"
    assert texts["nbdinfo"] in page
    assert "'nobody'" in run("serve", image, "--commands", "--copy", "nobody", status=1)
    run("serve", image, "--stop")
    assert "not served" in run("serve", image, "--commands", status=64)


def test_what_is_wrong_is_told_in_a_sentence(image: Path, folder: Path) -> None:
    assert "Without TLS" in run("serve", image, "--tcp", "0.0.0.0:0", status=64)
    assert "is no address" in run("serve", image, "--tcp", "localhost:http", status=64)
    assert "ca-cert.pem" in run("serve", image, "--tcp", "0.0.0.0:0", "--tls", folder, status=64)
    assert "no socket" in run("serve", image, "--socket", image, status=64)
    assert "cannot be made" in run("serve", image, "--socket", folder / "no" / "s", status=1)
    assert "none.img" in run("serve", folder / "none.img", status=1)
    assert "none.img" in run("serve", folder / "none.img", "--stop", status=1)
    for what in ([], ["--stop"], ["--list"], ["--detach"]):
        told = run("serve", image, *what, "--copy", "monday", status=64)
        assert "--copy is for --commands only" in told


def test_a_path_that_is_no_text_is_served_nowhere(engine: RemoteVolume, image: Path) -> None:
    engine.serve()
    told = run("serve", image, "--stop", "--socket", os.fsdecode(b"\xff"))
    assert told == "It was not served there\n"
    assert len(engine.serving()) == 1


def test_an_image_that_got_another_name_is_served_on(
    engine: RemoteVolume, image: Path, folder: Path
) -> None:
    first = engine.serve(socket=str(folder / "first"))
    image.rename(image.with_name("renamed.img"))
    own, other = engine.serve(), engine.serve(socket=str(folder / "other"))
    for serving in (first, own, other):
        with Client(serving.uri) as client:
            assert client.size == image.with_name("renamed.img").stat().st_size
    image.with_name("renamed.img").rename(image)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:10809", ("127.0.0.1", 10809)),
        ("localhost", ("localhost", 10809)),
        ("[::1]:7", ("::1", 7)),
        ("[::1]", ("::1", 10809)),
        (None, ("", 0)),
    ],
)
def test_addresses(text: str | None, address: tuple[str, int]) -> None:
    assert _host_and_port(text) == address


@pytest.mark.parametrize("text", ["", ":5", "h:", "h:x", "h:70000", "h:-1", "h:٣"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        _host_and_port(text)
