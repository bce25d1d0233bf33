# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A clean and a dirty sidecar with everything in them, and a device on which one byte is another.

The dirty one is as a power cut leaves it: groups of every kind in the log, the longest with a tail
of its own, and live groups in the ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.device.memory import MemoryDevice
from core.engine import restores
from core.format import ringgroup
from core.format.block import HEADER_BYTES
from core.format.group import FRONT_BYTES, RECORD_BYTES
from core.format.layout import RING_HEAD_OFFSETS, RING_OFFSET, SUPERBLOCK_OFFSETS
from core.volume import recover
from core.volume.fold import fold
from tests.engine.stills import bytes_of, read_only_volume, still_volume, views_of
from tests.faults.script import GRAIN, SECTOR, filled

if TYPE_CHECKING:
    from core.area.additional import AdditionalArea
    from core.engine import Volume

Views = dict[str, bytes]
GRAINS = 160
START = filled(0, GRAINS * GRAIN)


@dataclass
class Sidecar:
    """Both files, what they must read as, and where what lies in the sidecar.

    Attributes:
        views: What was flushed.
        structures: Name -> byte ranges of everything that is not data, padding left out.
        unverified: Ranges of data of which only a part of the extent is still in use.
        last_groups: Where the last group of the log and of the ring lie, if they are alive.
    """

    image: bytes
    area: bytes
    views: Views
    structures: dict[str, list[range]]
    unverified: list[range]
    last_groups: list[range]


class FlippedDevice(MemoryDevice):
    """Bytes of which one is read as another; nothing may be written."""

    def __init__(self, content: bytes) -> None:
        super().__init__(len(content), direct=True)
        self._content = content
        self.position = -1
        self.mask = 0

    def flip(self, position: int, mask: int) -> None:
        """Read the byte at ``position`` xor ``mask`` from now on."""
        self.position, self.mask = position, mask

    def pread(self, length: int, offset: int, /) -> bytes:
        piece = self._content[offset : offset + length]
        at = self.position - offset
        if 0 <= at < len(piece):
            return piece[:at] + bytes([piece[at] ^ self.mask]) + piece[at + 1 :]
        return piece

    def pwrite(self, *args: object) -> int:
        raise AssertionError("written to, though opened read-only")

    pwritev = pwritev_durable = sync = allocate = punch = zero = resize = pwrite  # type: ignore[assignment]


def make(
    *, clean: bool, is_moved: bool = False, is_resized: bool = False, has_sides: bool = False
) -> Sidecar:
    """Return a sidecar that was closed, or that was not.

    Perhaps it is of an image with a map, or of one that got shorter than its copies, or new data of
    the original is in the additional area and a copy's just going home.
    """
    image, area = MemoryDevice.from_bytes(START), MemoryDevice(direct=True)
    volume = still_volume(image, area)
    _live(volume, is_moved=is_moved)
    if is_resized:
        volume.resize((GRAINS - 40) * GRAIN + SECTOR, shrinks=True)
        volume.snapshot("S3")
        volume.write(0, filled(900, 3 * GRAIN))
        volume.flush()
    if has_sides:
        _take_sides(volume)
    views = views_of(volume)
    if clean:
        volume.close()
    return Sidecar(
        bytes_of(image), bytes_of(area), views, *_anatomy(image.copy(), _copy(area), clean=clean)
    )


def _copy(area: MemoryDevice) -> MemoryDevice:
    return MemoryDevice.from_bytes(bytes_of(area), direct=True)


def _live(volume: Volume, *, is_moved: bool) -> None:
    volume.snapshot("S1")
    if is_moved:
        volume.rearrange("full-pointer", 0, 8 * GRAIN)
        volume.rearrange("relocate", 0, 4 * GRAIN, (GRAINS + 10) * GRAIN)
    for grain in range(0, GRAINS, 2):
        volume.write(grain * GRAIN, filled(grain + 1, GRAIN))
    volume.flush()
    fold(volume._state)
    volume.clone("C1", "S1")
    volume.write(3 * GRAIN, filled(500, 2 * GRAIN), "C1")
    volume.write(4 * GRAIN + SECTOR, filled(501, SECTOR), "C1")
    volume.flush()
    volume.trim(20 * GRAIN, 2 * GRAIN, "C1")
    volume.snapshot("S2")
    for grain in [*range(0, GRAINS, 2), *range(1, GRAINS, 2)]:
        volume.write(grain * GRAIN, filled(grain + 1000, GRAIN))
    volume._state.journal.barrier()
    for number in range(120):  # more records than fit into a group's first block
        volume.write(100 * GRAIN + number * 2 * SECTOR, filled(700 + number, SECTOR), "C1")
    volume._state.journal.barrier()
    volume.flush()
    volume.rename("S1", "first")
    if is_moved:
        volume.rearrange("relocate", 4 * GRAIN, 2 * GRAIN, (GRAINS + 20) * GRAIN)
    for number in range(3):
        volume.write((2 + number) * GRAIN, filled(2000 + number, GRAIN))
        volume.write((50 + number) * GRAIN, filled(2100 + number, GRAIN), "C1")
        volume.flush()


def _take_sides(volume: Volume) -> None:
    volume.choose_mechanism("always-additional")
    for number in range(5, 40, 7):
        volume.write(number * GRAIN + SECTOR, filled(3000 + number, GRAIN))
    volume.snapshot("S3")
    volume.separate("C1")
    restores.take_step(volume, 4 * GRAIN)
    volume.write(9 * GRAIN, filled(3100, GRAIN))
    volume.write(51 * GRAIN, filled(3101, GRAIN), "C1")
    volume.flush()


def _anatomy(
    image: MemoryDevice, area: MemoryDevice, *, clean: bool
) -> tuple[dict[str, list[range]], list[range], list[range]]:
    volume = read_only_volume(image, area)
    state = volume._state
    fields = state.area.fields
    places = {"catalog": [fields.catalog], "free list": [fields.free_list]}
    if fields.initial_map.length:
        places["map"] = [fields.initial_map]
    restoring = state.catalog.restoring
    if restoring is not None and restoring.place is not None:
        places["ranges"] = [restoring.place]
    places["table"] = [
        place for layer in state.catalog.layers.values() for _, place in layer.places.values()
    ]
    structures = {
        name: [range(place.offset, place.offset + place.length) for place in named]
        for name, named in places.items()
    }
    structures["superblock"] = [_block(area, offset) for offset in SUPERBLOCK_OFFSETS]
    structures["ring head"] = [range(at, at + HEADER_BYTES) for at in RING_HEAD_OFFSETS]
    last_groups: list[range] = []
    if not clean:
        last_groups = _add_live(state.area, structures)
    assert all(structures.values()), structures
    unverified = []
    for layer in state.catalog.layers.values():
        run = layer.map.flatten()
        part = (run.lengths != run.wholes) & (run.kinds != 2)
        unverified += [
            range(start, start + length)
            for start, length in zip(
                run.offsets[part].tolist(), run.lengths[part].tolist(), strict=True
            )
        ]
    return structures, unverified, last_groups


def _block(area: MemoryDevice, offset: int) -> range:
    body_bytes = int.from_bytes(area.pread(8, offset + 40), "little")
    return range(offset, offset + HEADER_BYTES + body_bytes)


def _add_live(area: AdditionalArea, structures: dict[str, list[range]]) -> list[range]:
    """Add heads and tails of the groups of log and ring; return the last group of each."""
    heads, tails, ring = [], [], []
    log = list(recover.intact_groups(area, area.fields.log_offset, area.fields.log_seq))
    for group in log:
        front = HEADER_BYTES + FRONT_BYTES + RECORD_BYTES
        heads.append(range(group.offset, group.offset + front))
        at = group.tail_offset
        if at is not None:
            tails.append(range(at, at + len(group.tail)))
    position = RING_OFFSET
    for group in recover.intact_ring_groups(area, area.read_ring_dead_seq()):
        front = HEADER_BYTES + ringgroup.FRONT_BYTES + len(group.records) * RECORD_BYTES
        ring.append(range(position, position + front))
        position += group.total_bytes
    structures |= {"log group": heads, "log tail": tails, "ring group": ring}
    last = log[-1]
    return [range(last.offset, last.offset + last.total_bytes), range(ring[-1].start, position)]
