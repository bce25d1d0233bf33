# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import sys
import threading

import pytest

from core.cli import progress
from core.cli.progress import Progress, Waiting


class Screen(io.StringIO):
    """A terminal that tells when something was written to it."""

    encoding = "utf-8"

    def __init__(self, *, is_tty: bool = True) -> None:
        super().__init__()
        self._is_tty = is_tty
        self.written = threading.Event()

    def isatty(self) -> bool:
        return self._is_tty

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show everything at once, without colours."""
    monkeypatch.setattr(progress, "_QUIET_S", 0.0)
    monkeypatch.setattr(progress, "_STEP_S", 0.0)
    monkeypatch.setenv("NO_COLOR", "1")


def errors_on(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Make ``screen`` standard error; not as a fixture, for pytest sets it anew before a test."""
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_a_bar_tells_how_far_it_is_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = errors_on(Screen(), monkeypatch)
    with Progress("reading monday", 1 << 20) as bar:
        bar.add(1 << 19)
        shown = screen.getvalue()
    assert "reading monday" in shown
    assert " 50%  512 KiB of 1 MiB" in shown
    assert screen.getvalue().endswith("\r\x1b[K")


def test_what_has_no_known_end_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = errors_on(Screen(), monkeypatch)
    with Progress("writing", None) as bar:
        bar.add(4096)
        assert "writing  4 KiB  " in screen.getvalue()
        assert "%" not in screen.getvalue()


def test_waiting_is_told_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = errors_on(Screen(), monkeypatch)
    with Waiting("checking"):
        assert screen.written.wait(20)
    assert "checking  0 s" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_a_pipe_gets_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = errors_on(Screen(is_tty=False), monkeypatch)
    with Progress("reading", 4096) as bar, Waiting("checking"):
        bar.add(4096)
    assert pipe.getvalue() == ""
