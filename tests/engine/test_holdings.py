# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Questions that turn the map round, and what is foretold of deleting, against chance histories."""

from __future__ import annotations

import itertools
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from core.answers import PointerKind
from core.engine import open_volume
from core.errors import InvalidRangeError, NoSuchCopyError
from core.units import MIB
from tests.doubles.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.engine import Volume

SECTOR = 512


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    image = tmp_path / "disk.img"
    image.write_bytes(random.Random(9).randbytes(MIB // 2) + bytes(MIB // 2))
    with open_volume(image) as volume:
        yield volume


def readers_by_tables(volume: Volume) -> dict[int, tuple[int, str, set[str]]]:
    """Return, for each sector of the area that a table names: its place in the volume and so on."""
    found: dict[int, tuple[int, str, set[str]]] = {}
    for copy in volume.info().copies:
        columns = volume.table(copy.name).columns
        rows = zip(
            columns.starts.tolist(),
            columns.lengths.tolist(),
            columns.offsets.tolist(),
            columns.kinds.tolist(),
            strict=True,
        )
        for start, length, offset, kind in rows:
            if kind == PointerKind.ZERO:
                continue
            for at in range(0, length, SECTOR):
                content = PointerKind(kind).name.lower()
                entry = found.setdefault(offset + at, (start + at, content, set()))
                assert entry[:2] == (start + at, content)
                entry[2].add(copy.name)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_map_in_reverse_says_what_all_tables_say(volume: Volume, seed: int) -> None:
    history = History(volume, seed)
    history.live(30)
    volume.delete([next(reversed(history.views))])
    order = [copy.name for copy in volume.info().copies]
    expected = readers_by_tables(volume)
    size = volume.map().additional.size
    told = volume.holdings(0, size)
    at = 0
    seen = {}
    for part in told:
        assert part.offset == at
        at += part.length
        assert part.copies == sorted(part.copies, key=order.index)
        if part.content in {"original", "new"}:
            for step in range(0, part.length, SECTOR):
                seen[part.offset + step] = (part.start + step, part.content, set(part.copies))
        else:
            assert part.start == -1
            assert part.copies == []
    assert at == size
    assert {place: entry for place, entry in seen.items() if entry[2]} == expected
    assert told[0].content == "metadata"
    rng = random.Random(seed)
    for _ in range(20):
        start = rng.randrange(size)
        length = rng.randrange(1, min(20_000, size - start + 1))
        cut = volume.holdings(start, length)
        assert sum(part.length for part in cut) == length
        for part in cut:
            (whole,) = [
                other for other in told if other.offset <= part.offset < other.offset + other.length
            ]
            assert (part.content, part.copies) == (whole.content, whole.copies)
            assert whole.start == -1 or part.start - whole.start == part.offset - whole.offset


def test_neighbours_that_continue_are_told_as_one(volume: Volume) -> None:
    volume.snapshot("monday")
    volume.write(0, b"x" * 40960)
    volume.flush()
    parts = [part for part in volume.holdings(0, volume.map().additional.size) if part.copies]
    assert [(part.start, part.length, part.copies) for part in parts] == [(0, 40960, ["monday"])]
    for one, other in itertools.pairwise(volume.holdings(0, volume.map().additional.size)):
        assert (one.content, one.copies) != (other.content, other.copies)


def test_ranges_that_the_area_does_not_have_are_refused(volume: Volume) -> None:
    with pytest.raises(InvalidRangeError, match="no additional area before the first copy"):
        volume.holdings(0, 512)
    volume.snapshot("monday")
    size = volume.map().additional.size
    for offset, length in ((-1, 1), (0, 0), (0, -1), (size, 1), (0, size + 1), (1 << 62, 1)):
        with pytest.raises(InvalidRangeError, match="empty or passes the end"):
            volume.holdings(offset, length)
    assert len(volume.holdings(size - 1, 1)) == 1


@pytest.mark.parametrize("seed", range(6))
def test_outside_of_what_is_allocated_every_view_is_zero(volume: Volume, seed: int) -> None:
    history = History(volume, seed)
    for _ in range(4):
        history.live(8)
        for name, content in history.views.items():
            allocated = volume.allocation(name)
            bounds = [0]
            for start, length in zip(
                allocated.starts.tolist(), allocated.lengths.tolist(), strict=True
            ):
                assert length > 0
                bounds += [start, start + length]
            bounds.append(history.size)
            assert bounds == sorted(bounds)
            for start, stop in zip(bounds[::2], bounds[1::2], strict=True):
                assert not any(content[start:stop]), name
    with pytest.raises(NoSuchCopyError):
        volume.allocation("nobody")


def test_what_only_waits_is_allocated_to_who_must_not_write(volume: Volume, tmp_path: Path) -> None:
    """A killed engine's last flush lies in the ring, and the image still has the hole."""
    volume.snapshot("monday")
    volume.trim(0, MIB)
    volume.flush()
    volume.write(65536, b"x" * 4096)
    volume.flush()
    killed = tmp_path / "killed.img"
    shutil.copyfile(tmp_path / "disk.img", killed)
    shutil.copyfile(tmp_path / "disk.img.rangepair", tmp_path / "killed.img.rangepair")
    with open_volume(killed, read_only=True) as found:
        assert found.read(65536, 4096) == b"x" * 4096
        assert any(
            part.start <= 65536 and part.start + part.length >= 65536 + 4096
            for part in found.allocation()
        )


def test_a_discarded_range_is_not_allocated(volume: Volume) -> None:
    volume.snapshot("monday")
    volume.clone("test", "monday")
    volume.trim(0, 65536)
    volume.trim(131072, 65536, "test")
    for name, start in (("original", 0), ("test", 131072)):
        found = volume.allocation(name)
        spans = zip(found.starts.tolist(), found.lengths.tolist(), strict=True)
        assert not any(at < start + 65536 and at + length > start for at, length in spans)
    assert int(volume.allocation("monday").starts[0]) == 0


@pytest.mark.parametrize("seed", range(8))
def test_purging_frees_exactly_what_usage_foretells(volume: Volume, seed: int) -> None:
    """Of the space itself, which the allocator keeps, and not of pointers."""
    history = History(volume, 100 + seed)
    for _ in range(4):
        history.live(12)
        copies = [name for name in history.views if name != "original"]
        if not copies:
            continue
        chosen = history.rng.sample(copies, min(len(copies), history.rng.randrange(1, 4)))
        foretold = volume.usage(chosen).freed_bytes
        allocator = volume._state.area.allocator
        # The change itself is a group of the log, in room that was set apart for it before.
        before = allocator.free_bytes
        volume.delete(chosen, now=True)
        assert allocator.free_bytes - before == foretold
        for name in chosen:
            del history.views[name]
        history.clones = [name for name in history.clones if name in history.views]
    assert volume.check() == []
