# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Wherever the power goes while a stream is applied, what was there before can be had."""

from __future__ import annotations

import random
import tempfile

import pytest

from core.transfer.apply import apply
from core.transfer.rbddiff import END, Header, Record, pack_header, pack_record
from core.transfer.source import StreamSource
from tests.doubles.bareengine import new_volume, reopened
from tests.doubles.crashdisk import CrashDisk
from tests.doubles.oracle import ORIGINAL, content_of

pytestmark = pytest.mark.crash

SECTORS = 160
SIZE = SECTORS * 512
LOSSES_A_STEP = 4
BEFORE = b"".join(b"i%7d" % at * 64 for at in range(SECTORS))


def stream_and_after(source: str | None) -> tuple[bytes, bytes]:
    """Return a stream, and what it makes of ``BEFORE``."""
    rng = random.Random(1)
    after = bytearray(BEFORE if source else bytes(SIZE))
    parts = [pack_header(Header(source, "tuesday", SIZE))]
    for start in range(0, SIZE - 8192, 9000):
        length = rng.randrange(1, 8192)
        is_zero = rng.random() < 0.3
        payload = bytes(length) if is_zero else rng.randbytes(length)
        after[start : start + length] = payload
        parts += [pack_record(Record(is_zero, start, length)), b"" if is_zero else payload]
    return b"".join([*parts, END]), bytes(after)


@pytest.mark.parametrize("target", [ORIGINAL, "new"])
@pytest.mark.parametrize("source", [None, "monday"])
def test_the_power_may_go_at_any_step(target: str, source: str | None) -> None:
    rng = random.Random(f"{target} {source}")
    stream, after = stream_and_after(source)
    disk = CrashDisk(BEFORE, direct=True)
    volume = new_volume(disk.image, disk.area, 4096)
    volume.snapshot("monday")
    seen: set[str] = set()

    def lose_power() -> None:
        for _ in range(LOSSES_A_STEP):
            lost = disk.after_loss(rng)
            seen.add(state_of(reopened(lost.image, lost.area), after))

    with tempfile.TemporaryFile() as file:
        file.write(stream)
        file.seek(0)
        disk.watch(lose_power)
        applied = apply(volume, StreamSource(file), target, lambda _: None)
        disk.watch(None)
    assert content_of(volume, target, SIZE) == content_of(volume, "tuesday", SIZE) == after
    assert (applied.safety is None) == (source is not None or target != ORIGINAL)
    assert volume.check() == []
    volume.close()
    expected = {"untouched", "under way", "taken"}
    assert seen >= expected, "the power went before, within and after"


def state_of(volume, after: bytes) -> str:
    """Return how far the stream was applied, after seeing that nothing is lost."""
    assert volume.check() == []
    names = [copy.name for copy in volume.info().copies]
    assert content_of(volume, "monday", SIZE) == BEFORE
    for name in names:
        if name.startswith("before-apply"):
            assert content_of(volume, name, SIZE) == BEFORE
    if "tuesday" in names:
        assert content_of(volume, "tuesday", SIZE) == after
        return "taken"
    if names == ["monday"]:
        assert content_of(volume, ORIGINAL, SIZE) == BEFORE
        return "untouched"
    assert names[1].startswith(("before-apply", "unfinished-apply"))
    return "under way"
