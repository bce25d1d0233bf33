# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Memory that was freed goes back to the system when it is asked for, where the C library can."""

from __future__ import annotations

import ctypes
import subprocess
import sys

from core.engine import memory

PROGRAM = """
import os
from core.engine.memory import give_back_freed

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

pieces = [bytearray(b"x" * 60_000) for _ in range(2000)]
last = bytearray(b"y" * 60_000)
del pieces
before = resident()
give_back_freed()
print(before - resident())
"""


def test_what_was_freed_is_given_back():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) > 2000 * 60_000 // 2


def test_without_such_a_call_nothing_happens(monkeypatch):
    class Library:
        """A C library of another maker."""

    memory._trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library())
    memory.give_back_freed()
    memory._trim.cache_clear()
