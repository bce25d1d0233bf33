# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Make golden files of the present format: ``python -m tests.golden.generate FOLDER NAME...``.

Run once for each name, and the files are committed; those that are there are never made again: a
later program makes other bytes that say the same. Content, uuid and times are fixed, so the same
code makes the same bytes. What is in them:

==========  ====================================================================================
clean       closed; snapshots, a clone, a clone of a clone; locked, renamed, deleted and purged
            copies; originals handed down, pointers to zeroes, pieces of extents; a volume that
            ends within a grain
dirty       the same life, as a power cut after the last flush left it: groups in the log, one of
            them with a long tail, changes of the catalog, live groups in the ring, which hold
            originals and new data of clones
flushed     the same, with groups in the ring that hold new data alone: from before the newest copy
            and from after it, whose originals only the image has
small       grains of 512 bytes, thin, closed
moved       a thin image with a map: extents with a load point and with full pointers, some of
            them moved; closed
moving      the same life, as a power cut after the last flush left it: changes of the map in the
            log, live groups in the ring
portions    a volume of portions, some with another size than copies have; closed
resized     longer and shorter while copies exist, so that they have three sizes; one ends within a
            grain, one is longer than the volume; not closed after the last of it
scrubbed    closed after a scrub; of the copies it is known which are intact and which suspect, and
            of one extent that it is lost
elsewhere   new data of the original is in the additional area, for copies taken before and after
            that was chosen, and after a restore; closed
homeward    the same life, gone on: a copy's new data went home, the original's is on its way, as a
            power cut left it: changes of both kinds in the log, live groups in the ring
==========  ====================================================================================

Beside each pair of files lies what they must show: ``expected.json``.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from core.area.places import IMAGE_BYTES_MIN
from core.device.memory import MemoryDevice
from core.engine import restores
from core.extent import Extent
from core.format.catalog import LostExtent
from core.volume import integrity
from core.volume.fold import fold
from core.volume.portions import SLOT_BYTES
from tests.engine.stills import bytes_of, still_volume, views_of
from tests.faults.script import SECTOR, filled

if TYPE_CHECKING:
    from core.answers import CopyInfo, VolumeInfo
    from core.engine import Volume

MTIME_NS = 1_000_000_000 * 10**9
GRAIN = 4096
SIZE = 300 * GRAIN + SECTOR
PORTION_SIZES = (8 * SECTOR, 4 * SECTOR, 16 * SECTOR, 2 * SECTOR)


def live(volume: Volume) -> None:
    """Lead a life that leaves something of everything."""
    volume.snapshot("monday")
    for grain in range(0, 260, 2):
        volume.write(grain * GRAIN, filled(grain + 1, GRAIN))
    volume.flush()
    volume.snapshot("tuesday")
    fold(volume._state)
    volume.clone("test", "monday")
    volume.write(3 * GRAIN, filled(500, 2 * GRAIN), "test")
    volume.write(4 * GRAIN + SECTOR, filled(501, SECTOR), "test")
    volume.write(290 * GRAIN, filled(502, 10 * GRAIN + SECTOR))
    volume.trim(20 * GRAIN, 2 * GRAIN, "test")
    volume.flush()
    volume.clone("test of a test", "test")
    volume.write(21 * GRAIN, filled(503, GRAIN), "test of a test")
    volume.trim(100 * GRAIN, 3 * GRAIN + SECTOR)
    volume.snapshot("wednesday")
    volume.write(100 * GRAIN, filled(504, 2 * GRAIN))
    volume.write(0, filled(505, 4 * GRAIN))
    volume.delete(["tuesday"], now=True)
    for grain in [*range(1, 260, 2), *range(0, 260, 2)]:
        volume.write(grain * GRAIN, filled(grain + 1000, GRAIN))
    volume._state.journal.barrier()
    for number in range(120):  # more records than fit into a group's first block
        volume.write(100 * GRAIN + number * 2 * SECTOR, filled(700 + number, SECTOR), "test")
    volume.snapshot("été 日本")
    volume.rename("wednesday", "kept")
    volume.lock(["kept"])
    volume.delete(["monday"])
    for number in range(3):
        volume.write((2 + number) * GRAIN, filled(2000 + number, GRAIN))
        volume.write((50 + number) * GRAIN, filled(2100 + number, GRAIN), "test")
        volume.flush()


def live_flushed(volume: Volume) -> None:
    """Leave the ring full of new data of the original."""
    volume.snapshot("first")
    for number in range(4):
        volume.write(number * GRAIN, filled(number + 1, 2 * GRAIN))
        volume.flush()
    volume.snapshot("second")
    for number in range(1, 40, 3):
        volume.write(number * GRAIN + SECTOR, filled(number + 100, GRAIN))
        volume.write(SIZE - SECTOR, filled(number + 200, SECTOR))
        volume.flush()


def live_small(volume: Volume) -> None:
    """Lead a short life in sectors."""
    volume.snapshot("first")
    for sector in range(0, 60, 7):
        volume.write(sector * SECTOR, filled(sector + 1, SECTOR))
    volume.clone("second")
    volume.write(9 * SECTOR, filled(100, 3 * SECTOR), "second")
    volume.write(9 * SECTOR, filled(101, 5 * SECTOR))


def live_moved(volume: Volume) -> None:
    """Let an image grow, and lie otherwise than it grew."""
    for grain in (200, 10, 100, 250):
        volume.write(grain * GRAIN, filled(grain, 20 * GRAIN))
    volume.snapshot("first")
    volume.rearrange("load-point", 100 * GRAIN, 10 * GRAIN)
    volume.rearrange("relocate", 200 * GRAIN, 10 * GRAIN, 400 * GRAIN)
    volume.trim(15 * GRAIN, 4 * GRAIN + SECTOR)
    volume.flush()
    fold(volume._state)
    volume.write(205 * GRAIN, filled(1, 2 * GRAIN))
    volume.clone("second")
    volume.rearrange("full-pointer", 100 * GRAIN, 5 * GRAIN)
    volume.write(SIZE - SECTOR, filled(2, SECTOR))
    volume.flush()
    volume.rearrange("relocate", 250 * GRAIN, 5 * GRAIN, 300 * GRAIN)
    volume.write(16 * GRAIN, filled(3, GRAIN))
    volume.write(0, filled(4, GRAIN), "second")
    volume.flush()
    volume.write(250 * GRAIN, filled(5, GRAIN))
    volume.flush()


def live_portions(volume: Volume) -> None:
    """Give portions other sizes, so that copies have theirs."""
    for number, size in enumerate(PORTION_SIZES):
        volume.write_portion(number, filled(number, size))
    volume.snapshot("first")
    volume.write_portion(1, filled(10, 2 * SECTOR))
    volume.clone("second")
    volume.write_portion(3, filled(11, 6 * SECTOR))
    volume.write(2 * SLOT_BYTES + SECTOR, filled(12, SECTOR))
    volume.write(SLOT_BYTES, filled(13, SECTOR), "second")


def live_resized(volume: Volume) -> None:
    """Let copies have sizes of their own."""
    volume.snapshot("first")
    volume.write(20 * GRAIN, filled(1, 8 * GRAIN))
    volume.resize(SIZE + 20 * GRAIN)
    volume.write(SIZE - SECTOR, filled(2, 9 * GRAIN))
    volume.snapshot("longest")
    volume.clone("of the first", "first")
    volume.write(SIZE - 2 * SECTOR, filled(3, 2 * SECTOR), "of the first")
    volume.resize(50 * GRAIN + 3 * SECTOR, shrinks=True)
    volume.snapshot("last")
    volume.write(48 * GRAIN, filled(4, 2 * GRAIN + 3 * SECTOR))
    volume.write(290 * GRAIN, filled(5, GRAIN), "of the first")
    volume.flush()


def live_elsewhere(volume: Volume) -> None:
    """Leave the image alone from the second copy on."""
    volume.snapshot("first")
    volume.write(0, filled(1, 4 * GRAIN))
    volume.choose_mechanism("always-additional")
    for number in range(2, 30, 3):
        volume.write(number * GRAIN + SECTOR, filled(number, GRAIN))
    volume.clone("second")
    volume.write(8 * GRAIN, filled(40, 2 * GRAIN), "second")
    volume.trim(20 * GRAIN, 3 * GRAIN)
    volume.snapshot("third")
    volume.restore("second", "fourth")
    volume.write(9 * GRAIN, filled(41, GRAIN))
    volume.flush()


def live_homeward(volume: Volume) -> None:
    """Let the second copy's new data go home, and begin with the original's."""
    live_elsewhere(volume)
    fold(volume._state)
    volume.separate("second")
    while restores.take_step(volume):
        continue
    volume.write(100 * GRAIN, filled(50, GRAIN), "second")
    volume.write(SIZE - SECTOR, filled(51, SECTOR))
    volume.separate()
    restores.take_step(volume, 2 * GRAIN)
    volume.snapshot("fifth")
    volume.write(12 * GRAIN, filled(52, GRAIN))
    volume.flush()
    volume.write(120 * GRAIN, filled(53, GRAIN), "second")
    volume.write(121 * GRAIN, filled(54, GRAIN))
    volume.flush()


def live_staying(volume: Volume) -> None:
    """Let originals stay where they lie, some of them copied, some in pieces."""
    volume.rearrange("full-pointer", 0, 200 * GRAIN)
    volume.rearrange("relocate", 11 * GRAIN, GRAIN, 400 * GRAIN)
    volume.choose_mechanism("redirect-on-write")
    volume.snapshot("first")
    volume.write(10 * GRAIN, filled(1, 4 * GRAIN))
    volume.write(198 * GRAIN + SECTOR, filled(2, 4 * GRAIN))
    volume.clone("second")
    volume.write(12 * GRAIN, filled(3, GRAIN), "second")
    volume.write(12 * GRAIN + SECTOR, filled(4, SECTOR))
    volume.trim(40 * GRAIN, 3 * GRAIN)
    volume.flush()
    fold(volume._state)
    volume.snapshot("third")
    volume.write(13 * GRAIN, filled(5, 30 * GRAIN))
    volume.flush()
    volume.delete(["first"], now=True)
    volume.rearrange("relocate", 50 * GRAIN, GRAIN, 500 * GRAIN)
    volume.write(60 * GRAIN, filled(6, 2 * GRAIN))
    volume.write(210 * GRAIN, filled(7, 2 * GRAIN))
    volume.flush()
    volume.write(210 * GRAIN, filled(8, GRAIN))
    volume.flush()


def live_scrubbed(volume: Volume) -> None:
    """Let something be known of each copy but the last."""
    volume.snapshot("first")
    volume.write(0, filled(1, 8 * GRAIN))
    volume.clone("second", "first")
    volume.write(20 * GRAIN, filled(2, GRAIN), "second")
    volume.snapshot("third")
    volume.write(30 * GRAIN, filled(3, GRAIN))
    step = volume.scrub_step()
    while not step.is_done:
        step = volume.scrub_step(step.run)
    state = volume._state
    integrity.note_suspects(state, [Extent(4 * GRAIN, 2 * GRAIN)])
    run = next(iter(state.catalog.layers.values())).map.flatten()
    state.catalog.lost = [LostExtent(run.offsets.item(0), run.checksums.item(0))]
    volume.snapshot("fourth")


def _known_of(copy: CopyInfo) -> dict[str, Any]:
    """Return what is known of a copy's bytes; nothing of one that was never looked at."""
    if copy.integrity == "unchecked":
        return {}
    suspect = [[each.start, each.length] for each in copy.suspect_ranges]
    return {"integrity": copy.integrity, "scrubbed": copy.scrubbed, "suspect": suspect}


def _original_of(info: VolumeInfo) -> dict[str, Any]:
    """Return what the original's own table holds; nothing if it has none."""
    if info.original is None:
        return {}
    return {"original": [info.original.pointers, info.original.range_pairs]}


def expected_of(volume: Volume) -> dict[str, Any]:
    """Return what a volume shows, for comparison."""
    info = volume.info()
    return {
        **_original_of(info),
        "uuid": info.uuid,
        "size": info.size,
        "grain": info.grain,
        "thin": info.thin,
        "views": {
            name: hashlib.sha256(content).hexdigest() for name, content in views_of(volume).items()
        },
        "copies": [
            {
                "name": copy.name,
                "id": copy.id,
                "kind": copy.kind,
                "parent": copy.parent,
                "created": copy.created,
                "locked": copy.locked,
                "deleted": copy.deleted,
                "pointers": copy.pointers,
                "range_pairs": copy.range_pairs,
                **_known_of(copy),
                **({"size": copy.size} if copy.size != info.size else {}),
            }
            for copy in info.copies
        ],
    }


def make(name: str) -> tuple[bytes, bytes, dict[str, Any]]:
    """Return image, sidecar and what they must show."""
    small, is_moved = name == "small", name in {"moved", "moving"}
    size, grain = (64 * SECTOR, SECTOR) if small else (SIZE, GRAIN)
    is_empty = is_moved or name == "portions"
    content = bytes(IMAGE_BYTES_MIN) if is_empty else filled(0, size)
    image, area = MemoryDevice.from_bytes(content), MemoryDevice(direct=True)
    with ExitStack() as fixed:
        fixed.enter_context(mock.patch.object(os, "urandom", lambda count: b"\x5a" * count))
        fixed.enter_context(mock.patch.object(time, "time", return_value=1e9))
        thin_bytes = size if is_moved else 0
        volume = still_volume(
            image,
            area,
            grain_bytes=grain,
            thin=small,
            thin_bytes=thin_bytes,
            portions=PORTION_SIZES if name == "portions" else (),
        )
        volume._image.mtime_ns = MTIME_NS
        LIVES[name](volume)
        expected = expected_of(volume)
        if name not in {"dirty", "flushed", "moving", "resized", "homeward", "staying"}:
            volume.close()
    return bytes_of(image), bytes_of(area), expected


LIVES = {
    "clean": live,
    "dirty": live,
    "flushed": live_flushed,
    "small": live_small,
    "moved": live_moved,
    "moving": live_moved,
    "portions": live_portions,
    "resized": live_resized,
    "scrubbed": live_scrubbed,
    "elsewhere": live_elsewhere,
    "homeward": live_homeward,
    "stayed": live_staying,
    "staying": live_staying,
}


def main(folder: Path, names: list[str]) -> None:
    """Write golden files to a folder that has none yet."""
    folder.mkdir(parents=True)
    told = {}
    for name in names:
        image, area, told[name] = make(name)
        (folder / f"{name}.img.xz").write_bytes(lzma.compress(image, preset=9))
        (folder / f"{name}.img.rangepair.xz").write_bytes(lzma.compress(area, preset=9))
    text = json.dumps(told, indent=1, ensure_ascii=False)
    (folder / "expected.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
