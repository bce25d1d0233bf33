# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The ext4 session on a real volume, with copies taken meanwhile; e2fsck judges every copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from core.engine import open_volume
from core.session import VolumeSession
from core.units import MIB
from core.workload import replay
from core.workload.run import start
from core.workload.scratch import make_scratch
from core.workload.trace import Flush, Phase

SBIN = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


def e2fsck(volume: VolumeSession, copy: str, image: Path, *flags: str) -> int:
    """Read a copy out through the engine and check it."""
    program = shutil.which("e2fsck", path=SBIN)
    assert program, "install e2fsprogs"
    with image.open("wb") as file:
        for offset in range(0, volume.info().size, MIB):
            file.write(volume.read(offset, MIB, copy))
    return subprocess.run(
        [program, "-f", *flags, image], check=False, capture_output=True
    ).returncode


@pytest.mark.interop
@pytest.mark.slow
def test_copies_of_a_file_system_at_work_are_file_systems(tmp_path):
    scratch = make_scratch(folder=tmp_path)
    base = scratch.read_bytes()
    out = tmp_path / "out.img"
    with open_volume(scratch) as volume:
        volume.snapshot("before")
        flushes = phases = 0
        for act in replay.rounds(volume.info().size, volume.read):
            if isinstance(act, tuple):
                volume.write(act[0], act[1])
            elif isinstance(act, Flush):
                volume.flush()
                flushes += 1
                if flushes % 500 == 0:
                    volume.snapshot(f"at flush {flushes}")
            elif isinstance(act, Phase):
                phases += 1
                if act.title == "Making a file system":
                    break
        assert phases > 5
        assert e2fsck(volume, "original", out, "-n") == 0
        assert e2fsck(volume, "before", out, "-n") == 0
        assert out.read_bytes() == base
        for flush in (500, 1000, 1500):
            assert e2fsck(volume, f"at flush {flush}", out, "-p") <= 1
        assert volume.check() == []


def test_a_workload_runs_on_a_scratch_volume_while_copies_are_taken(tmp_path):
    scratch = make_scratch(folder=tmp_path)
    with open_volume(scratch) as volume:
        before = volume.read(0, 64 * MIB)
        volume.snapshot("before")
        workload = start(volume, "hotspot", 0)
        for number in range(5):
            written = volume.stats().writes
            pause = threading.Event()
            while volume.stats().writes < written + 200:
                assert workload.status().running
                pause.wait(0.002)
            volume.snapshot(f"copy {number}")
        workload.stop()
        assert workload.status().error is None
        assert volume.read(0, 64 * MIB, "before") == before
        assert volume.read(0, 64 * MIB) != before
        assert volume.check() == []
