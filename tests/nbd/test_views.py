# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What exports are told by a real volume, against what they read."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from core.engine import open_volume
from core.nbd.exports import VolumeExports
from core.nbd.metacontexts import extents
from tests.nbd.conftest import IMAGE_BYTES, CountingSink

if TYPE_CHECKING:
    from pathlib import Path

    from core.engine import Volume

MIB = 1 << 20
SECTORS = IMAGE_BYTES // 512


def sectors(export, context: str) -> list[int]:
    """Return the state of every sector, asked for in odd pieces."""
    asked, found, at = export.context(context), [], 0
    while at < IMAGE_BYTES:
        length = min(IMAGE_BYTES - at, 512 * random.Random(at).randrange(1, 5000))
        for size, state in extents(asked.states(at, at + length), at, length, 7):
            found += [state] * (size // 512)
            at += size
    return found


def live(volume: Volume, seed: int) -> None:
    """Write, discard and copy at random."""
    chosen = random.Random(seed)
    for number in range(100 * seed, 100 * seed + 60):
        offset = chosen.randrange(SECTORS - 300) * 512
        length = chosen.randrange(1, 300) * 512
        copies = [copy.name for copy in volume.info().copies if copy.kind == "clone"]
        name = chosen.choice(["original", *copies])
        match chosen.randrange(12):
            case 0:
                volume.snapshot(f"s{number}", name)
            case 1:
                volume.clone(f"c{number}", name)
            case 2 | 3:
                volume.trim(offset, length, name)
            case 4:
                volume.flush()
            case _:
                volume.write(offset, chosen.randbytes(length), name)


def is_zero(content: bytes, sector: int) -> bool:
    return not any(content[sector * 512 : sector * 512 + 512])


@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["in place", "elsewhere"])
@pytest.mark.parametrize("seed", range(4))
def test_contexts_are_true(volume: Volume, seed: int, is_elsewhere: bool) -> None:
    live(volume, seed)
    if is_elsewhere:
        volume.choose_mechanism("always-additional")
        live(volume, seed + 100)
    table = VolumeExports(volume)
    contents = {listed.name: volume.read(0, IMAGE_BYTES, listed.name) for listed in table.listed()}
    snapshots = [copy.name for copy in volume.info().copies if copy.kind == "snapshot"]
    for name, content in contents.items():
        export = table.find(name)
        assert export is not None
        wrong = [
            sector
            for sector, state in enumerate(sectors(export, "base:allocation"))
            if state and not is_zero(content, sector)
        ]
        assert wrong == [], name
        for other in snapshots:
            if other == name:
                assert export.context(f"rangepair:changed/{other}") is None
                continue
            changed = sectors(export, f"rangepair:changed/{other}")
            pieces = zip(_sectors(content), _sectors(contents[other]), strict=True)
            assert all(
                state or one == two for state, (one, two) in zip(changed, pieces, strict=True)
            )
        owners = sectors(export, "rangepair:owner")
        kinds = [0] * SECTORS
        columns = volume.table(name).columns
        for start, length, kind in zip(
            columns.starts.tolist(), columns.lengths.tolist(), columns.kinds.tolist(), strict=True
        ):
            kinds[start // 512 : (start + length) // 512] = [kind + 1] * (length // 512)
        assert owners == kinds


def _sectors(content: bytes) -> list[bytes]:
    return [content[at : at + 512] for at in range(0, len(content), 512)]


def test_what_is_told_follows_every_change(volume: Volume) -> None:
    """An answer that was kept must not outlive a write, a discard or a restore."""
    volume.snapshot("monday")
    export = VolumeExports(volume).find("")
    assert export is not None
    changed, status = export.context("rangepair:changed/monday"), export.context("base:allocation")
    assert changed is not None
    assert status is not None

    def told(context) -> int:
        return extents(context.states(MIB, MIB + 4096), MIB, 4096, 1)[0][1]

    assert (told(changed), told(status)) == (0, 0)
    volume.trim(MIB, 4096)
    assert (told(changed), told(status)) == (1, 3)
    volume.write(MIB, b"x" * 4096)
    assert (told(changed), told(status)) == (1, 0)
    volume.flush()
    assert told(status) == 0


def test_a_clones_status_follows_its_writes(volume: Volume) -> None:
    volume.clone("draft")
    export = VolumeExports(volume).find("draft")
    assert export is not None
    context = export.context("base:allocation")
    assert context is not None

    def told() -> int:
        return extents(context.states(0, IMAGE_BYTES), 0, 4096, 1)[0][1]

    assert told() == 0
    export.trim(0, 4096)
    assert told() == 3
    export.write(0, b"x" * 4096)
    assert told() == 0


def test_only_snapshots_are_listed_for_comparison(volume: Volume) -> None:
    volume.snapshot("monday")
    volume.clone("draft")
    export = VolumeExports(volume).find("")
    assert export is not None
    assert export.context_names() == [
        "base:allocation",
        "rangepair:owner",
        "rangepair:changed/monday",
    ]
    assert export.context("rangepair:changed/draft") is not None
    assert export.context("rangepair:changed/friday") is None


@pytest.mark.parametrize("thin", [False, True])
def test_cold_reads(tmp_path: Path, thin: bool) -> None:
    """What is not in memory is refused at first, and then read."""
    path = tmp_path / "cold.img"
    content = os.urandom(IMAGE_BYTES)
    if thin:
        from core.engine import create_volume

        create_volume(path, IMAGE_BYTES, thin=True)
        with open_volume(path) as volume:
            volume.write(0, content)
    else:
        path.write_bytes(content)
    with open_volume(path, sink=CountingSink()) as volume:
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
        export = VolumeExports(volume).find("")
        assert export is not None
        target = memoryview(bytearray(8192))
        for offset in range(0, IMAGE_BYTES, 128 * 1024):
            export.advise(offset, 8192)
            export.read_into(offset, target)
            assert target == content[offset : offset + 8192]
            assert export.try_read(offset, target)
            assert target == content[offset : offset + 8192]


def test_reads_see_what_waits_in_memory(volume: Volume) -> None:
    volume.snapshot("monday")
    export = VolumeExports(volume).find("")
    assert export is not None
    payload = os.urandom(4096)
    volume.write(8192, payload)
    target = memoryview(bytearray(16384))
    assert export.try_read(4096, target)
    assert target[4096:8192] == payload
    assert target[:4096] == volume.read(4096, 4096)


def test_an_original_whose_new_data_is_elsewhere(image: Path, volume: Volume) -> None:
    """An export that a client has held since before follows it there and home again."""
    volume.snapshot("monday")
    export = VolumeExports(volume).find("")
    assert export is not None
    names = ("rangepair:owner", "rangepair:changed/monday", "base:allocation")
    contexts = [export.context(name) for name in names]
    target = memoryview(bytearray(8192))

    def told() -> list[int]:
        return [
            extents(context.states(MIB, MIB + 4096), MIB, 4096, 1)[0][1]
            for context in contexts
            if context is not None
        ]

    def read() -> bytes:
        export.read_into(MIB, target)
        once = bytes(target)
        assert not export.try_read(MIB, target) or target == once
        return once

    before = volume.read(MIB, 8192)
    assert (told(), read()) == ([0, 0, 0], before)
    volume.choose_mechanism("always-additional")
    export.write(MIB, b"x" * 4096)
    assert (told(), read()) == ([2, 1, 0], b"x" * 4096 + before[4096:])
    export.trim(MIB, 4096)
    assert (told(), read()) == ([3, 1, 3], bytes(4096) + before[4096:])
    export.write(MIB, b"y" * 4096)
    finish = export.begin_flush()
    if finish is not None:
        finish()
    with image.open("rb") as file:
        file.seek(MIB)
        assert file.read(8192) == before
    volume.separate()
    while volume.info().restoring is not None:
        assert read() == b"y" * 4096 + before[4096:]
        time.sleep(0.001)
    assert (told(), read()) == ([0, 1, 0], b"y" * 4096 + before[4096:])
    assert volume.read(MIB, 8192, "monday") == before
