# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Bytes of the additional area, none of which goes out unverified if anything can verify it.

A checksum covers a whole extent. Who asks for a part of one is given it from the whole, which is
read and verified for that and kept in memory for the next part; so many small reads cost one
checksum an extent, and what is kept cannot go bad on the disk meanwhile. An extent is known by its
checksum, not only by its address: where space is used again, nothing old is found.

Memory holds few extents. Of one that has to go, checksums of its blocks are taken while it is at
hand: who comes back reads and verifies the blocks it asks for, not all of the extent again.

An extent of which a part was freed (a clone wrote over it, or a layer was handed down) can be
verified as long as its other bytes are not used again. If it does not match, two things may be:
damage, or that. While pointers to every byte of it are there none of it was freed, and it is
damage; else nobody can tell, and the part is given as it is. The next fold gives such a part a
checksum of its own (``core.volume.reseal``).
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

import xxhash

from core.device.base import read_available, read_into
from core.errors import CorruptAreaError
from core.format.layout import EXTENT_BYTES_MAX
from core.session import ORIGINAL
from core.units import KEPT_BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.device.base import Source
    from core.mapping.layermap import LayerMap
    from core.mapping.pointerrun import PointerRun

    _Key = tuple[int, int, int]

CACHE_EXTENTS: Final = 64
"""4 MiB mostly: a reader that goes through a copy in small steps needs one of them."""
BLOCK_BYTES: Final = 4096
DIGESTED_EXTENTS: Final = 16384
"""1 GiB mostly, for 8 MiB of memory."""
digest: Final = xxhash.xxh3_64_intdigest
_UNKNOWN_MAX: Final = 4096


class WholeExtent(NamedTuple):
    """An extent as it was written.

    Attributes:
        base: Address of its first byte in the additional area.
        length: Bytes.
        checksum: xxh3-64 of them.
        start: First byte in the volume.
    """

    base: int
    length: int
    checksum: int
    start: int

    def is_intact(self, raw: bytes) -> bool:
        """Return whether ``raw``, read from its place, is what was written."""
        return len(raw) == self.length and xxhash.xxh3_64_intdigest(raw) == self.checksum

    def is_kept_by(self, layer: LayerMap) -> bool:
        """Return whether a layer points to every byte of it, so that none was freed."""
        run = layer.clip(self.start, self.start + self.length)
        mine = run.offsets - run.heads == self.base
        mine &= (run.checksums == self.checksum) & (run.wholes == self.length)
        return int(run.lengths[mine].sum()) == self.length


def told(address: int) -> str:
    """Return in words where a pointer leads."""
    if address < 0:
        return f"kept address {address - KEPT_BASE} of the image"
    return f"byte {address} of the additional area"


class DamagedExtentError(CorruptAreaError):
    """What was kept of a range is not what was written.

    Attributes:
        start, length: The range of the volume, as far as it was asked for.
        address: Where the extent lies in the additional area.
    """

    def __init__(self, start: int, length: int, address: int, copy: str = "") -> None:
        """Say which range, of which copy if that is known."""
        self.start, self.length, self.address = start, length, address
        who, rest = f"The copy {copy!r}" if copy else "A copy", "the original is unharmed, and "
        if copy == ORIGINAL:
            who, rest = "The original", ""
        super().__init__(
            f"{who} is damaged in [{start}..{start + length - 1}]: what was kept of it fails its "
            f"checksum, at {told(address)}; {rest}'rangepair scrub' tells all damage."
        )

    def of_copy(self, name: str) -> DamagedExtentError:
        """Return the same, naming the copy that was read."""
        return DamagedExtentError(self.start, self.length, self.address, name)


class DamagedSourceError(DamagedExtentError):
    """The same of what the original is being made equal to: nothing else knows the range now."""

    def __init__(self, error: DamagedExtentError, source: str, safety: str) -> None:
        """Say what to do about it; there is no ``safety`` snapshot in a separation."""
        self.start, self.length, self.address = error.start, error.length, error.address
        what = f"The original is being made equal to {source!r}, which"
        way_out = "write to that range of the original, or discard it, and the restore goes on"
        if safety:
            way_out += f" (what it was before is kept as {safety!r})"
        elif source == ORIGINAL:
            what = "New data of the original is on its way home, and"
            way_out = "write to that range of the original, or discard it, and the rest is moved"
        else:
            what = f"New data of {source!r} is on its way home, and"
            way_out = "every view reads as it did, and the rest is moved when that is mended"
        CorruptAreaError.__init__(
            self,
            f"{what} is damaged in [{error.start}..{error.start + error.length - 1}]: what was "
            f"kept of it fails its checksum, at {told(error.address)}; {way_out}.",
        )


class VerifiedExtents:
    """Reads parts of extents of one additional area."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._kept: OrderedDict[_Key, bytes] = OrderedDict()
        self._digests: OrderedDict[_Key, array[int]] = OrderedDict()
        self._unknown: OrderedDict[_Key, None] = OrderedDict()

    def read_part(
        self, device: Source, target: memoryview, head: int, whole: WholeExtent
    ) -> bool | None:
        """Fill ``target`` with what lies ``head`` bytes into an extent.

        Returns:
            True if it was verified, False if it was filled with what is there, None if the caller
            has to find out whether the extent is damaged; then call ``note_unknown`` or raise.
        """
        key = whole[:3]
        raw = self._kept.get(key)
        if raw is None and key in self._digests and self._read_blocks(device, target, head, whole):
            return True
        if raw is None and key not in self._unknown:
            raw = read_available(device, whole.length, whole.base)
            if not whole.is_intact(raw):
                return None
            self._keep(key, raw)
        if raw is None:
            read_into(device, target, whole.base + head)
            return False
        self._kept.move_to_end(key)
        target[:] = memoryview(raw)[head : head + len(target)]
        return True

    def note_unknown(self, whole: WholeExtent) -> None:
        """Remember that nothing can verify what is left of an extent."""
        self._unknown[whole[:3]] = None
        if len(self._unknown) > _UNKNOWN_MAX:
            self._unknown.popitem(last=False)

    def _read_blocks(
        self, device: Source, target: memoryview, head: int, whole: WholeExtent
    ) -> bool:
        """Fill ``target`` from the blocks that it touches; return whether they are what they were.

        If not, their checksums are forgotten, for the whole to decide.
        """
        first, stop = head // BLOCK_BYTES, -(-(head + len(target)) // BLOCK_BYTES)
        start = first * BLOCK_BYTES
        length = min(stop * BLOCK_BYTES, whole.length) - start
        raw = read_available(device, length, whole.base + start)
        if len(raw) != length or _digests_of(raw) != self._digests[whole[:3]][first:stop]:
            del self._digests[whole[:3]]
            return False
        target[:] = memoryview(raw)[head - start : head - start + len(target)]
        return True

    def _keep(self, key: _Key, raw: bytes) -> None:
        if len(raw) > 2 * EXTENT_BYTES_MAX:
            return  # such come of damage only
        self._kept[key] = raw
        if len(self._kept) > CACHE_EXTENTS:
            gone, content = self._kept.popitem(last=False)
            self._digests[gone] = _digests_of(content)
            if len(self._digests) > DIGESTED_EXTENTS:
                self._digests.popitem(last=False)


def _digests_of(raw: bytes) -> array[int]:
    blocks = memoryview(raw)
    return array(
        "Q", [digest(blocks[at : at + BLOCK_BYTES]) for at in range(0, len(raw), BLOCK_BYTES)]
    )


def wholes_of(run: PointerRun) -> Iterator[WholeExtent]:
    """Yield the extent that each pointer of ``run`` is a piece of, in their order; none is ZERO."""
    columns = (run.offsets - run.heads, run.wholes, run.checksums, run.starts - run.heads)
    return map(WholeExtent, *(column.tolist() for column in columns))
