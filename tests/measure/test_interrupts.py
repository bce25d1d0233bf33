# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Signals end a measurement once, between two steps, and all that it started with it."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from core.measure.interrupts import ending_once, held, whole
from core.measure.processes import outlived, running

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_ends_and_the_others_are_ignored(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in NUMBERS]
    tidied: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        _interrupted(number, tidied)
    assert tidied == ["tidied"]
    assert [signal.getsignal(each) for each in NUMBERS] == before


def _interrupted(number: signal.Signals, tidied: list[str]) -> None:
    with ending_once():
        try:
            signal.raise_signal(number)
        finally:
            for each in NUMBERS:
                signal.raise_signal(each)
            tidied.append("tidied")


def test_what_the_starter_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_once():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_step_is_made_to_its_end() -> None:
    done: list[str] = []

    def step() -> str:
        signal.raise_signal(signal.SIGINT)
        done.append("step")
        return "step"

    with pytest.raises(KeyboardInterrupt):
        whole(step)()
    assert done == ["step"]
    assert whole(lambda: 7)() == 7
    with held():
        assert callable(signal.getsignal(signal.SIGINT))


def test_a_program_is_gone_behind_the_block() -> None:
    with running(["sleep", "60"]) as process:
        assert os.getpgid(process.pid) == process.pid
    assert process.returncode == -signal.SIGTERM


def test_a_program_that_does_not_listen_is_killed() -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)\n"
    command = [sys.executable, "-c", deaf + "time.sleep(60)"]
    with running(command, patience_s=0.05) as process:
        assert process.stdout is not None
        process.stdout.readline()
    assert process.returncode == -signal.SIGKILL


def test_a_process_that_is_nobodys_is_waited_for_and_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.measure.processes.END_S_MAX", 0.05)
    with running(["sleep", "60"]) as process:
        with outlived(process.pid):
            pass
        assert process.wait(20) == -signal.SIGKILL
    with running(["sleep", "60"]) as process:
        reaper = threading.Thread(target=process.wait)
        reaper.start()
        with outlived(process.pid):
            process.terminate()
        reaper.join(20)
        assert process.returncode == -signal.SIGTERM
