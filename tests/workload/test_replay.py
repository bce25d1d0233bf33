# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The recorded session, judged by e2fsck: whole at both ends, recoverable between."""

from __future__ import annotations

import lzma
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from core.units import MIB
from core.workload import replay
from core.workload.run import start
from core.workload.trace import (
    BLOCK_BYTES,
    TRACE_VERSION,
    Flush,
    Phase,
    Trace,
    Write,
    file_block,
    load_trace,
    pack_trace,
    unpack_trace,
)

SBIN = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


def e2fsck(content: bytes | bytearray, image: Path, *flags: str) -> int:
    image.write_bytes(content)
    program = shutil.which("e2fsck", path=SBIN)
    assert program, "install e2fsprogs"
    return subprocess.run(
        [program, "-f", *flags, image], check=False, capture_output=True
    ).returncode


def cat(image: Path, path: str) -> bytes:
    program = shutil.which("debugfs", path=SBIN)
    assert program, "install e2fsprogs"
    return subprocess.run(
        [program, "-R", f"cat {path}", image], check=True, capture_output=True
    ).stdout


def apply(acts, volume: bytearray, *, stop_at: type, after: int = 1) -> None:
    """Apply acts until ``after`` acts of the kind ``stop_at`` were met."""
    for act in acts:
        if isinstance(act, tuple):
            volume[act[0] : act[0] + len(act[1])] = act[1]
        if isinstance(act, stop_at):
            after -= 1
            if after == 0:
                return


@pytest.fixture(scope="module")
def trace() -> Trace:
    return load_trace()


@pytest.fixture
def volume() -> bytearray:
    return bytearray(b"\xa5" * (64 * MIB))


def acts_of(volume: bytearray):
    return replay.rounds(
        len(volume), lambda offset, length: bytes(volume[offset : offset + length])
    )


def phases_of(trace: Trace) -> list[str]:
    return [step.title for step in trace.steps[trace.made :] if isinstance(step, Phase)]


@pytest.mark.interop
def test_a_session_begins_and_ends_with_a_whole_file_system(trace, volume, tmp_path):
    image = tmp_path / "disk.img"
    phases = len(phases_of(trace))
    acts = acts_of(volume)

    apply(acts, volume, stop_at=Flush)
    assert e2fsck(volume, image, "-n") == 0
    assert cat(image, "README.txt").startswith(b"This is a scratch volume of Rangepair")
    before = cat(image, "letters/letter-01.txt")

    # "Making a file system" of the second round comes after everything of the first.
    apply(acts, volume, stop_at=Phase, after=phases + 1)
    assert e2fsck(volume, image, "-n") == 0
    assert cat(image, "README.txt").startswith(b"This is a scratch volume of Rangepair")
    assert len(cat(image, "backup.tar")) == 16 * 96 * BLOCK_BYTES

    apply(acts, volume, stop_at=Flush)
    assert e2fsck(volume, image, "-n") == 0, "the second round begins where the first did"
    assert cat(image, "letters/letter-01.txt") == before


@pytest.mark.interop
@pytest.mark.parametrize("flushes", [2, 300, 777, 1300, 1501])
def test_the_file_system_recovers_at_any_flush(volume, tmp_path, flushes):
    image = tmp_path / "disk.img"
    apply(acts_of(volume), volume, stop_at=Flush, after=flushes)
    assert e2fsck(volume, image, "-p") <= 1, "preening replays the journal and repairs nothing else"
    assert e2fsck(image.read_bytes(), image, "-n") == 0
    assert cat(image, "README.txt").startswith(b"This is a scratch volume of Rangepair")


def test_a_round_on_its_own_beginning_writes_no_file_system(trace):
    volume = bytearray(64 * MIB)
    for offset, block in replay.settled_base(trace).items():
        volume[offset : offset + len(block)] = block
    first = next(acts_of(volume))
    assert first == Phase("Mounting")


def test_a_replay_tells_its_phases_and_flushes(trace, large_tablet):
    workload = start(large_tablet, "ext4", 0, allow_overwrite=True)
    large_tablet.wait_for_writes(1000)
    workload.stop()
    status = workload.status()
    assert status.phase in phases_of(trace)[2:]
    assert status.flushes == large_tablet.flushes > 100


def test_a_file_block_is_the_same_for_ever():
    """The shipped trace names blocks by number."""
    assert file_block(1)[:8].hex() == "599ca91df696ba16"
    assert len({file_block(number) for number in range(100)}) == 100
    assert len(file_block(1)) == BLOCK_BYTES


def test_a_trace_survives_packing():
    trace = Trace(
        version=TRACE_VERSION, size=8192, made=2, kept=b"k" * BLOCK_BYTES,
        steps=[Phase("Making"), Write(4096, [0, 7, -1]), Flush()],
    )  # fmt: skip
    unpacked = unpack_trace(pack_trace(trace))
    assert unpacked == trace
    assert list(unpacked.base()) == [(4096, bytes(4096) + file_block(7) + b"k" * 4096)]


@pytest.mark.parametrize(
    "packed", [b"", b"no trace", lzma.compress(b"\xc1"), lzma.compress(b"\x80")]
)
def test_a_damaged_trace_is_told(packed: bytes):
    with pytest.raises(ValueError, match="damaged"):
        unpack_trace(packed)


def test_a_trace_of_another_version_is_told():
    with pytest.raises(ValueError, match="version 2"):
        unpack_trace(pack_trace(Trace(version=2, size=0, made=0, steps=[], kept=b"")))
