# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A volume of portions filled with words: acts on it, and looks at the files it leaves.

Looking closes the volume and opens it again, so that whatever is seen was found on disk: contents
are read from the two files, past the engine, pointers from the tables that the engine loads anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from core.answers import PointerKind
from core.claims.acts import carry_out
from core.claims.portions import LETTERS, PORTION_BYTES, portion, word_of, words
from core.engine import open_volume
from core.session import ORIGINAL

if TYPE_CHECKING:
    from pathlib import Path

    from core.arrangement import InitialExtent
    from core.claims.witness import Witness
    from core.engine import Volume

_KINDS = {"original": "o", "new": "n", "zero": "z"}


@dataclass(frozen=True)
class Slot:
    """A place that a pointer names, mostly in the additional area.

    Attributes:
        offset, length: Bytes in the file of the additional area, or from a kept address on.
        word: What the file holds there.
        kind: ``o`` original, ``n`` new, ``z`` zeroes.
    """

    offset: int
    length: int
    word: str
    kind: str

    def __str__(self) -> str:
        """Return ``D/o``."""
        return f"{self.word}/{self.kind}"


@dataclass(frozen=True)
class Held:
    """Both files, past the engine, and where kept addresses lie in the image."""

    area: bytes
    image: bytes
    kept: list[InitialExtent]

    def at(self, address: int, length: int) -> bytes:
        """Return the bytes that a pointer to ``address`` names."""
        if address >= 0:
            return self.area[address : address + length]
        extent = [each for each in self.kept if each.start <= address][-1]
        place = extent.place + address - extent.start
        return self.image[place : place + length]


@dataclass(frozen=True)
class SeenCopy:
    """A copy's pointer table and what it reads.

    Attributes:
        pointers: Portion -> the slot that its individual pointer names.
        pairs: Range pairs, ends inclusive, as ``[0-2] [4-7]``.
        reads: Its content in words.
    """

    pointers: dict[int, Slot]
    pairs: str
    reads: str

    @property
    def stored_pointers(self) -> int:
        """What the table stores: two for a pair, one for an individual pointer."""
        return 2 * len(self.pairs.split()) + len(self.pointers)


@dataclass(frozen=True)
class Seen:
    """Both files at one moment.

    Attributes:
        initial: What the image holds for the volume, in words.
        places: Where in the image each portion lies, extents separated by bars.
        copies: By name; with the original, if that has a table of its own.
        area: Every slot that any layer points to, whether or not a copy still reads it; those with
            a kept address lie in the image.
        area_used_bytes: Of the additional area.
    """

    initial: str
    places: str
    copies: dict[str, SeenCopy]
    area: list[Slot]
    area_used_bytes: int


class Board:
    """The volume of a scenario."""

    def __init__(self, path: Path, witness: Witness | None = None) -> None:
        """Make an image at ``path`` that holds A to H, and open it."""
        path.write_bytes(b"".join(portion(word) for word in LETTERS.split()))
        self.path = path
        self._area_path = path.with_name(f"{path.name}.rangepair")
        self._size = path.stat().st_size
        self._witness = witness
        self._copied_before = 0
        self.volume: Volume = self._open()

    def _open(self) -> Volume:
        return open_volume(self.path, sink=self._witness)

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the volume and remove both files."""
        self.volume.close()
        self.path.unlink()
        self._area_path.unlink(missing_ok=True)

    def act(self, act: str) -> None:
        """Do what a line of a table says."""
        carry_out(self.volume, act)

    # -- what can be seen --------------------------------------------------------------------

    @property
    def copied_bytes(self) -> int:
        """Bytes copied from the initial to the additional area since the beginning."""
        return self._copied_before + self.volume.stats().preserved_bytes

    @property
    def copied_for_copies_bytes(self) -> int:
        """Bytes of the initial area that writes to copies moved, since it was last looked at."""
        return self.volume.stats().copy_write_bytes_from_initial

    def look(self) -> Seen:
        """Close, read both files, open again, and return what there is."""
        self._copied_before = self.copied_bytes
        self.volume.close()
        image = self.path.read_bytes()
        area = self._area_path.read_bytes() if self._area_path.exists() else b""
        self.volume = self._open()
        dumped = self.volume.dump()
        info = self.volume.info()
        names = [copy.name for copy in info.copies]
        names += [ORIGINAL] if info.original is not None else []
        told = self.volume.initial()
        extents, held = told.extents, Held(area, image, told.kept)
        return Seen(
            initial=" ".join(
                words(image[extent.place : extent.place + extent.length]) for extent in extents
            ),
            places=" | ".join(map(_places, extents)),
            copies={name: self._copy(name, held) for name in names},
            area=_slots_of_layers(dumped, held),
            area_used_bytes=self.volume.usage().used_bytes if area else 0,
        )

    def _copy(self, name: str, held: Held) -> SeenCopy:
        columns = self.volume.table(name).columns
        pointers, pairs, at = dict[int, Slot](), list[str](), 0
        for start, length, offset, kind in zip(
            columns.starts.tolist(),
            columns.lengths.tolist(),
            columns.offsets.tolist(),
            columns.kinds.tolist(),
            strict=True,
        ):
            kind_name = PointerKind(kind).name.lower()
            for number, slot in enumerate(_slots(held, offset, length, kind_name)):
                pointers[start // PORTION_BYTES + number] = slot
            pairs += _pair(at, start)
            at = start + length
        pairs += _pair(at, self._size)
        reads = words(self.volume.read(0, self._size, name))
        return SeenCopy(pointers, " ".join(pairs), reads)


def _places(extent: InitialExtent) -> str:
    places = range(extent.place, extent.place + extent.length, PORTION_BYTES)
    return " ".join(str(place // PORTION_BYTES) for place in places)


def _pair(start: int, stop: int) -> list[str]:
    """Return the range pair of ``[start, stop)``, if that is anything."""
    return [f"[{start // PORTION_BYTES}-{(stop - 1) // PORTION_BYTES}]"] if start < stop else []


def _slots(held: Held, offset: int, length: int, kind: str) -> list[Slot]:
    """Return the slots of one pointer: neighbours that were kept as one are told apart again."""
    size = PORTION_BYTES
    return [
        Slot(at, size, word_of(held.at(at, size)), _KINDS[kind])
        for at in range(offset, offset + length, size)
    ]


def _slots_of_layers(dumped: dict[str, Any], held: Held) -> list[Slot]:
    layers = dumped.get("layers", [])
    return [
        slot
        for layer in layers
        for pointer in layer["pointers"]
        for slot in _slots(held, pointer["offset"], pointer["length"], pointer["kind"])
    ]
