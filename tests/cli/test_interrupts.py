# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C comes between two acts on a volume, never in the midst of one."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from core.cli.cancelling import Cancelling, read_patiently
from core.cli.unbroken import Unbroken, postponed, unbroken
from core.engine import open_volume
from tests.cli.warmcommand import ROOT


class Session:
    """What is interrupted in the midst of each act, and notes what was done to its end."""

    size = 7

    def __init__(self) -> None:
        self.done: list[str] = []

    def act(self, name: str, *, times: int = 1) -> str:
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        self.done.append(name)
        return name

    def close(self) -> None:
        self.act("close")


def through(session: Session) -> Any:
    return Unbroken(session)  # type: ignore[arg-type]


def test_an_act_is_carried_out_to_its_end() -> None:
    session = Session()
    assert through(session).size == 7
    with pytest.raises(KeyboardInterrupt):
        _write_and_close(session)
    assert session.done == ["write", "close"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def _write_and_close(session: Session) -> None:
    with through(session) as volume:
        volume.act("write")
        session.done.append("the interrupt was lost")


def test_another_handler_hears_of_each_behind_the_act() -> None:
    session, heard = Session(), list[int]()
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        assert through(session).act("write", times=2) == "write"
    finally:
        signal.signal(signal.SIGINT, before)
    assert (session.done, heard) == (["write"], [signal.SIGINT] * 2)


def test_who_undoes_things_is_asked_between_two_acts() -> None:
    session = Session()
    with Cancelling() as cancelling:
        through(session).act("write")
        with pytest.raises(KeyboardInterrupt):
            cancelling.check()
    assert session.done == ["write"]


def test_what_is_loaded_is_not_interrupted_at_all() -> None:
    loaded = []
    with pytest.raises(KeyboardInterrupt):
        _load(loaded)
    assert loaded == ["all of it"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def _load(loaded: list[str]) -> None:
    with postponed():
        signal.raise_signal(signal.SIGINT)
        loaded.append("all of it")
    loaded.append("the interrupt was lost")


def test_elsewhere_and_where_interrupts_are_ignored_nothing_is_held() -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(_handler_within()))
    thread.start()
    thread.join()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        found.append(_handler_within())
    finally:
        signal.signal(signal.SIGINT, before)
    assert found == [signal.default_int_handler, signal.SIG_IGN]


def _handler_within() -> Any:
    with unbroken():
        return signal.getsignal(signal.SIGINT)


def test_a_second_interrupt_ends_the_process_at_once() -> None:
    program = (
        "import signal\n"
        "from core.cli.unbroken import unbroken\n"
        "with unbroken():\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    print('once', flush=True)\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    print('twice', flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"once\n", b"")


def test_a_write_that_is_interrupted_leaves_a_volume_in_order(image: Path) -> None:
    """Input comes bit by bit, so the interrupt meets a write, or the wait for the next."""
    with open_volume(image) as volume:
        before = volume.read(0, 1 << 20)
        volume.snapshot("before")
    command = [sys.executable, "-m", "core.cli", "write", str(image), "--offset", "0"]
    with subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for _ in range(64):
            process.stdin.write(b"new" + bytes(4093))
            process.stdin.flush()
        _wait_until_open(image, process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == b""
    with open_volume(image) as volume:
        assert volume.check() == []
        assert volume.read(0, 1 << 20, "before") == before


def _wait_until_open(image: Path, process: int) -> None:
    deadline = time.monotonic() + 20
    while str(image) not in _open_files(process):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _open_files(process: int) -> list[str]:
    return [os.path.realpath(entry) for entry in Path(f"/proc/{process}/fd").iterdir()]


class Bits(io.BufferedIOBase):
    """Input that comes bit by bit."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts

    def read1(self, size: int = -1, /) -> bytes:
        assert size >= len(self.parts[0])
        return self.parts.pop(0)


def test_input_is_read_part_by_part_up_to_the_length() -> None:
    source = Bits([b"a" * 100, b"b" * 28, b"c" * 10, b""])
    assert read_patiently(source, 128) == b"a" * 100 + b"b" * 28  # type: ignore[arg-type]
    assert read_patiently(source, 128) == b"c" * 10  # type: ignore[arg-type]
