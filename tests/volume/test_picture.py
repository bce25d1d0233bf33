# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The map of both areas, against what the pointers and the bytes say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.answers import AreaState, PointerKind
from core.device.memory import MemoryDevice
from core.engine import Volume
from core.format.layout import BLOCK_BYTES
from core.volume import opening
from tests.engine.stills import StillImage, still_volume

GRAIN = 4096
SIZE = 64 * GRAIN


def painted(extents):
    """Return the state of every 512 bytes of an area."""
    cells = np.full(-(-extents.size // 512), int(extents.rest), np.uint8)
    reached = 0
    for start, stop, state in zip(
        extents.starts.tolist(), extents.stops.tolist(), extents.states.tolist(), strict=True
    ):
        assert reached <= start < stop <= extents.size, "sorted, and none over another"
        cells[start // 512 : stop // 512] = state
        reached = stop
    return cells


def grains(cells):
    per_grain = cells.reshape(-1, GRAIN // 512)
    assert (per_grain == per_grain[:, :1]).all()
    return per_grain[:, 0].tolist()


@pytest.fixture
def image():
    """Grains 0 to 31 hold data, the rest is a hole."""
    device = MemoryDevice(SIZE)
    device.pwrite(b"d" * 32 * GRAIN, 0)
    return device


def plain_volume(image):
    state = opening.state_without_area(image, GRAIN, thin=False)
    return Volume(state, StillImage(image), Path("none"), sink=None, ticking=False)


@pytest.fixture
def volume(image):
    return still_volume(image, MemoryDevice(direct=True))


def test_without_copies_all_data_is_of_the_original_only(image):
    answer = plain_volume(image).map()
    initial, additional = answer.initial, answer.additional
    assert grains(painted(initial)) == [AreaState.ORIGINAL_ONLY] * 32 + [AreaState.FREE] * 32
    assert initial.used == 32 * GRAIN
    assert (additional.size, additional.used, len(additional.starts)) == (0, 0, 0)


def test_with_a_copy_data_is_shared_until_it_is_preserved(volume):
    volume.snapshot("S")
    shared = [AreaState.SHARED] * 32 + [AreaState.FREE] * 32
    assert grains(painted(volume.map().initial)) == shared
    volume.write(3 * GRAIN, b"x" * 2 * GRAIN)
    volume.write(40 * GRAIN, b"x" * GRAIN)
    shared[3] = shared[4] = shared[40] = AreaState.PRESERVED
    assert grains(painted(volume.map().initial)) == shared
    volume.flush()
    volume.write(5 * GRAIN, b"x" * GRAIN)
    shared[5] = AreaState.PRESERVED
    answer = volume.map()
    assert grains(painted(answer.initial)) == shared
    assert answer.initial.used == 33 * GRAIN
    assert answer.generation == volume.info().generation


def test_a_new_copy_shares_again_what_an_older_one_preserved(volume):
    volume.snapshot("S")
    volume.write(3 * GRAIN, b"x" * GRAIN)
    volume.snapshot("T")
    assert grains(painted(volume.map().initial))[3] == AreaState.SHARED


def test_every_pointer_lies_where_the_map_says_and_nothing_else_does(volume):
    volume.snapshot("S")
    volume.clone("C")
    volume.write(0, b"x" * 5 * GRAIN)
    volume.write(40 * GRAIN, b"x" * GRAIN)  # an original of zeroes: no data
    volume.write(9 * GRAIN + 512, b"y" * 1024, "C")
    for _ in range(2):  # staged, then written
        additional = volume.map().additional
        cells = painted(additional)
        expected = {"S": AreaState.PRESERVED, "C": AreaState.NEW}
        for name, wanted in expected.items():
            columns = volume.table(name).columns
            mine = columns.kinds == (
                PointerKind.NEW if wanted == AreaState.NEW else PointerKind.ORIGINAL
            )
            at, lengths = columns.offsets[mine], columns.lengths[mine]
            assert len(at)
            for offset, length in zip(at.tolist(), lengths.tolist(), strict=True):
                assert set(cells[offset // 512 : (offset + length) // 512].tolist()) == {wanted}
        counts = np.bincount(cells, minlength=len(AreaState)) * 512
        assert counts[AreaState.PRESERVED] == 5 * GRAIN
        assert counts[AreaState.NEW] == 1024
        start = volume._state.area.allocator.start
        assert set(cells[: start // 512].tolist()) == {AreaState.METADATA}
        assert additional.size == volume.usage().area_bytes
        volume.flush()
        volume._state.journal.barrier()


def test_what_is_used_and_what_is_free_make_the_whole(volume):
    volume.snapshot("S")
    volume.write(0, b"x" * 20 * GRAIN)
    usage = volume.usage()
    assert usage.used_bytes + usage.free_bytes == usage.area_bytes
    assert usage.used_bytes == usage.metadata_bytes + 20 * GRAIN
    assert usage.area_bytes % BLOCK_BYTES == 0
    assert volume.usage(["S"]).freed_bytes == 20 * GRAIN
    volume.delete(["S"], now=True)
    usage = volume.usage()
    assert usage.used_bytes + usage.free_bytes == usage.area_bytes
    assert usage.used_bytes == usage.metadata_bytes


def test_the_answers_of_a_volume_without_an_additional_area(image):
    volume = plain_volume(image)
    usage = volume.usage()
    assert (usage.area_bytes, usage.used_bytes, usage.copies) == (0, 0, [])
    assert volume.stats().overlay_bytes == 0
    assert volume.dump() == {"image": "memory", "size": SIZE, "area": None}
    assert volume.check() == []
    assert volume.info().uuid == ""
    assert len(volume.table("original").columns) == 0
    assert list(volume.diff("original")) == []
