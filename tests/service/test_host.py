# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The engine process as a process: real sockets, real signals, real deaths."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn, cast

import msgspec
import pytest

from core.engine import Volume, open_volume
from core.errors import (
    EngineGoneError,
    ImageError,
    InvalidRangeError,
    NoSuchCopyError,
    UsageError,
    VolumeBusyError,
)
from core.service import connection, host, launcher, meetingplace
from core.service.client import connect
from core.service.launcher import connect_or_open, connect_or_start
from core.service.meetingplace import meeting_place
from core.service.ring import RingWriter

if TYPE_CHECKING:
    from pathlib import Path

    from core.service.client import RemoteVolume


def ends_within(pid: int, seconds: float) -> bool:
    """Return whether the process ends in time; it is no child of ours, so no wait() tells."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def test_all_that_is_written_is_read_back(volume: RemoteVolume, image: Path) -> None:
    before = image.read_bytes()
    volume.snapshot("monday")
    volume.write(4096, b"n" * 8192)
    assert volume.read(4096, 8192) == b"n" * 8192
    assert volume.read(0, len(before), "monday") == before


def test_two_clients_see_one_volume(volume: RemoteVolume, image: Path) -> None:
    with connect(image) as other:
        assert other.welcome.pid == volume.welcome.pid
        assert other.welcome.clients == 2
        other.snapshot("monday")
        assert [copy.name for copy in volume.info().copies] == ["monday"]


def test_a_refusal_is_raised_as_its_class_and_the_connection_lives(volume: RemoteVolume) -> None:
    with pytest.raises(NoSuchCopyError, match="'friday'"):
        volume.read(0, 512, "friday")
    with pytest.raises(InvalidRangeError):
        volume.read(1 << 40, 512)
    with pytest.raises(InvalidRangeError, match="larger than any volume"):
        volume.write(1 << 90, bytes(512))
    assert volume.read(0, 0) == b""


def test_long_reads_and_writes_are_cut(runtime_folder: Path, tmp_path: Path) -> None:
    image = tmp_path / "nine.img"
    image.write_bytes(bytes(9 << 20))
    with connect_or_start(image, module="tests.doubles.naivehost") as volume:
        payload = os.urandom(9 << 20)
        volume.write(0, payload)
        assert volume.read(0, 9 << 20) == payload
        assert volume.stats().writes == 3


def test_the_ring_tells_what_was_written(volume: RemoteVolume) -> None:
    with volume.events() as events:
        volume.write(512, bytes(1024))
        records, lost = events.drain()
    assert lost == 0
    assert (records["start"][-1], records["length"][-1]) == (512, 1024)
    assert volume.info().event_seq == records["seq"][-1]


def test_the_meeting_place_is_the_users_alone(volume: RemoteVolume, image: Path) -> None:
    place = meeting_place(image)
    assert stat.S_IMODE(place.socket.parent.stat().st_mode) == 0o700
    for path in place:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_path_through_a_link_leads_to_the_same_engine(
    volume: RemoteVolume, image: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.img"
    link.symlink_to(image)
    with connect(link) as other:
        assert other.welcome.pid == volume.welcome.pid


def test_it_ends_when_the_last_client_has_left(volume: RemoteVolume, image: Path) -> None:
    volume.close()
    assert ends_within(volume.welcome.pid, 20)
    place = meeting_place(image)
    assert not place.socket.exists()
    assert not place.ring.exists()
    with pytest.raises(EngineGoneError, match="No engine process serves"):
        connect(image)


def test_it_stays_when_told_to_keep_serving(volume: RemoteVolume, image: Path) -> None:
    volume.keep_serving(keep=True)
    volume.snapshot("kept")
    volume.close()
    assert not ends_within(volume.welcome.pid, 0.6)
    with connect(image) as again:
        assert [copy.name for copy in again.info().copies] == ["kept"]
        again.keep_serving(keep=False)
    assert ends_within(volume.welcome.pid, 20)


def test_a_client_that_is_killed_disturbs_nobody(volume: RemoteVolume, image: Path) -> None:
    script = (
        "import sys, os, signal\n"
        "from core.service.client import connect\n"
        "volume = connect(sys.argv[1])\n"
        "volume.write(0, b'k' * 512)\n"
        "volume._peer.sendall(b'half a frame'[:7])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(image)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert volume.read(0, 512) == b"k" * 512


def nested() -> bytes:
    """Return a request with more lists in lists than any interpreter follows."""
    payload = msgspec.Raw(b"\x91" * 100_000 + b"\0")
    fields = {"ask": "write", "offset": 0, "payload": payload, "copy": "original"}
    message = msgspec.msgpack.encode(fields)
    return struct.pack("<II", len(message), 0) + message


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\xff" * 64,
        struct.pack("<II", 3, 0) + b"\xc1\xc1\xc1",
        b"GET / HTTP/1.0\r\n\r\n",
        nested(),
    ],
    ids=["nothing", "ones", "no msgpack", "http", "nested"],
)
def test_a_client_that_talks_nonsense_disturbs_nobody(
    volume: RemoteVolume, image: Path, junk: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(20)
        peer.connect(str(meeting_place(image).socket))
        peer.sendall(junk)
        peer.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while peer.recv(4096):
                continue
    assert volume.info().size == 1 << 20
    assert "Traceback" not in meeting_place(image).log.read_text()


def test_more_clients_than_it_takes_are_told(volume: RemoteVolume, image: Path) -> None:
    with contextlib.ExitStack() as silent:
        for _ in range(host.CLIENTS_MAX - 1):
            peer = silent.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(str(meeting_place(image).socket))
        with pytest.raises(VolumeBusyError, match="as many clients as it takes"):
            connect(image)
        assert volume.info().size == 1 << 20
    with connect_or_start(image) as other:
        assert other.welcome.pid == volume.welcome.pid


def test_who_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "GREETING_S_MAX", 0.05)
    left = list[connection.Connection]()
    for said in (b"", struct.pack("<II", 100, 0) + b"half"):
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.send(said)
            served = connection.Connection(
                cast("host.Host", SimpleNamespace(left=left.append)), ours
            )
            served.run()
            assert left.pop() is served
            assert theirs.recv(1) == b""


def test_a_client_for_whom_there_is_no_thread_is_told(
    image: Path, runtime_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = host.Host(str(image), open_volume(image), RingWriter(meeting_place(image).ring))

    def refuse(_thread: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    ours, theirs = socket.socketpair()
    with theirs, engine._alarm_in, engine._alarm_out, engine.volume:
        monkeypatch.setattr(host.threading.Thread, "start", refuse)
        engine._accept(cast("socket.socket", SimpleNamespace(accept=lambda: (ours, None))))
        monkeypatch.undo()
        assert engine.client_count == 0
        assert b"as many clients as it takes" in theirs.recv(4096)
        assert theirs.recv(1) == b""


def test_sigterm_ends_it_in_order(volume: RemoteVolume, image: Path) -> None:
    volume.write(0, bytes(512))
    os.kill(volume.welcome.pid, signal.SIGTERM)
    assert ends_within(volume.welcome.pid, 20)
    assert not meeting_place(image).socket.exists()
    with pytest.raises(EngineGoneError, match="The engine process ended"):
        volume.info()


def test_shutdown_returns_when_all_is_settled(volume: RemoteVolume, image: Path) -> None:
    with connect(image) as other:
        other.shutdown()
    assert not meeting_place(image).socket.exists()
    with pytest.raises(EngineGoneError):
        volume.info()


def test_a_socket_left_by_a_killed_engine_is_replaced(
    volume: RemoteVolume, image: Path, host_module: str
) -> None:
    os.kill(volume.welcome.pid, signal.SIGKILL)
    assert ends_within(volume.welcome.pid, 20)
    assert meeting_place(image).socket.exists()
    with connect_or_start(image, module=host_module) as again:
        assert again.welcome.pid != volume.welcome.pid
        assert again.read(0, 512) == image.read_bytes()[:512]


def test_what_keeps_a_volume_from_opening_reaches_the_caller(
    runtime_folder: Path, tmp_path: Path, host_module: str
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ImageError):
        connect_or_start(tmp_path / "folder", module=host_module)
    with pytest.raises(ImageError, match="there is no such file"):
        connect_or_start(tmp_path / "missing.img", module=host_module)


def test_an_engine_that_breaks_at_start_names_its_log(runtime_folder: Path, image: Path) -> None:
    with pytest.raises(EngineGoneError, match=r"\.log tells why"):
        connect_or_start(image, module="tests.doubles.nosuchmodule")
    assert "nosuchmodule" in meeting_place(image).log.read_text()


def test_without_an_engine_process_the_volume_opens_here(runtime_folder: Path, image: Path) -> None:
    with connect_or_open(image, open_volume) as session:
        assert isinstance(session, Volume)


def test_with_an_engine_process_the_volume_opens_there(volume: RemoteVolume, image: Path) -> None:
    with connect_or_open(image, open_volume) as session:
        assert not isinstance(session, Volume)
        session.snapshot("through the socket")
    assert volume.info().copies[0].name == "through the socket"


def test_a_runtime_folder_open_to_others_is_refused(runtime_folder: Path, image: Path) -> None:
    runtime_folder.mkdir(mode=0o755)
    runtime_folder.chmod(0o755)
    with pytest.raises(EngineGoneError, match="not private"):
        meeting_place(image)


def test_a_relative_runtime_folder_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    monkeypatch.setenv("TMPDIR", "temporary")
    assert meetingplace.runtime_folder().is_absolute()
    assert list(tmp_path.iterdir()) == []


def test_many_threads_share_one_client(volume: RemoteVolume) -> None:
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for turn in range(20):
                payload = bytes([number, turn]) * 256
                volume.write(number * 512, payload)
                assert volume.read(number * 512, 512) == payload
        except BaseException as error:  # noqa: BLE001 - told by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_all_who_start_an_engine_at_once_share_one(
    runtime_folder: Path, image: Path, host_module: str
) -> None:
    with ThreadPoolExecutor(5) as pool:
        starts = [pool.submit(connect_or_start, image, module=host_module) for _ in range(5)]
        clients = [start.result() for start in starts]
    assert len({client.welcome.pid for client in clients}) == 1
    for client in clients[1:]:
        client.close()
    clients[0].shutdown()


def test_a_volume_that_is_busy_is_awaited(runtime_folder: Path, image: Path) -> None:
    held = open_volume(str(image))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(connect_or_open, image, open_volume)
        assert not wait([waiting], timeout=0.3).done
        held.close()
        with waiting.result() as opened:
            assert opened.info().size == 1 << 20


def test_a_volume_that_stays_busy_is_told(
    runtime_folder: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "BUSY_WAIT_S_MAX", 0.1)
    with open_volume(str(image)), pytest.raises(VolumeBusyError, match="open already"):
        connect_or_open(image, open_volume)


def test_a_workload_writes_until_it_is_stopped(volume: RemoteVolume) -> None:
    with volume.events() as events:
        volume.start_workload("random", 0, allow_overwrite=True)
        while not len(events.drain()[0]):
            assert volume.is_alive()
        volume.start_workload("random", 500, allow_overwrite=True)
        status = volume.workload_status()
        assert status is not None
        assert (status["running"], status["rate_per_s"]) == (True, 500)
        volume.stop_workload()
        stopped = volume.workload_status()
        assert stopped is not None
        assert not stopped["running"]
        assert volume.stats().writes == stopped["writes"]


def test_a_workload_that_makes_no_sense_leaves_the_running_one(volume: RemoteVolume) -> None:
    with pytest.raises(UsageError, match="no workload"):
        volume.start_workload("nonsense", 10, allow_overwrite=True)
    assert volume.workload_status() is None
    volume.start_workload("sequential", 1, allow_overwrite=True)
    with pytest.raises(UsageError, match="writes a second"):
        volume.start_workload("random", -1, allow_overwrite=True)
    status = volume.workload_status()
    assert status is not None
    assert (status["kind"], status["running"]) == ("sequential", True)
    volume.stop_workload()


def test_an_engine_ends_although_a_workload_runs(volume: RemoteVolume) -> None:
    volume.start_workload("random", 0, allow_overwrite=True)
    volume.close()
    assert ends_within(volume.welcome.pid, 20)


def test_a_client_knows_whether_its_engine_is_alive(volume: RemoteVolume, image: Path) -> None:
    assert volume.is_alive()
    with connect(image) as other:
        os.kill(volume.welcome.pid, signal.SIGKILL)
        assert ends_within(volume.welcome.pid, 20)
        assert not volume.is_alive()
        other.close()
        assert not other.is_alive()


def test_plain_structures_travel(volume: RemoteVolume) -> None:
    volume.snapshot("monday")
    assert isinstance(volume.dump(), dict)
    assert volume.check() == []
    assert volume.check(structures=True) == []
    assert volume.scrub_step().is_done
    assert volume.pack(hides_names=True).startswith(b"RPAIRPAK")


@pytest.mark.parametrize("output", ["<&- >&-", ">/dev/full"])
def test_a_start_that_nobody_listens_to_ends_in_order(tmp_path: Path, output: str) -> None:
    command = f'exec "$0" -m core.service.host "$1" {output}'
    words = ["sh", "-c", command, sys.executable, str(tmp_path)]
    done = subprocess.run(words, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "it is a folder" in done.stderr
    assert "does not listen" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_that_has_no_number_left_for_a_file_says_so(image: Path) -> None:
    command = 'ulimit -n 7; exec "$0" -m core.service.host "$1"'
    words = ["sh", "-c", command, sys.executable, str(image)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Too many open files" in msgspec.json.decode(done.stdout)["message"]
    assert "Traceback" not in done.stderr


class FullDoor:
    """A listener with a client before it for whom there is no descriptor left."""

    def __init__(self) -> None:
        self.asked = 0
        self._peers = socket.socketpair()
        self._peers[1].send(b"knock")

    def fileno(self) -> int:
        return self._peers[0].fileno()

    def accept(self) -> NoReturn:
        self.asked += 1
        raise OSError(errno.EMFILE, "Too many open files")

    def close(self) -> None:
        for peer in self._peers:
            peer.close()


def test_a_client_that_cannot_be_let_in_yet_waits_outside(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for again and again, it would keep a processor busy and fill the log."""
    engine = host.Host(str(image), open_volume(image), RingWriter(meeting_place(image).ring))
    door, waits = FullDoor(), list[float]()

    def wait_a_while(*arguments: Any) -> None:
        waits.append(arguments[-1])
        if len(waits) == 3:
            engine.end()

    monkeypatch.setattr(host.select, "select", wait_a_while)
    with engine._alarm_in, engine._alarm_out:
        engine.serve(cast("socket.socket", door), tmp_path / "socket")
    assert door.asked == 3
    assert waits == [host.ACCEPT_AGAIN_S] * 3
