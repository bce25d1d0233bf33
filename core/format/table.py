# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Tables: sorted pointers of one layer, and the list of free space, as columns one after the other.

After the common header (seq = layer id, ``extra`` = number of rows) come the columns, each as many
little-endian values as there are rows. Pointer tables have start, length, offset, checksum (u64
each), head, whole (u32 each) and kind (u8): ``head`` bytes of the preserved extent lie before this
piece of it, and ``whole`` is the length of the extent that the checksum covers. Free lists and
ranges of the volume have start and stop (u64). The map of the initial area has start, length and
place (u64 each) and scheme (u8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from core.errors import CorruptAreaError
from core.format.block import HEADER_BYTES, Readable, pack_block, unpack_block

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTERS_MAGIC: Final = b"RPAIRTAB"
FREE_MAGIC: Final = b"RPAIRFRE"
RANGES_MAGIC: Final = b"RPAIRRAN"
MAP_MAGIC: Final = b"RPAIRMAP"
POINTER_COLUMNS: Final = ("<i8", "<i8", "<i8", "<u8", "<i4", "<i4", "u1")
FREE_COLUMNS: Final = ("<i8", "<i8")
MAP_COLUMNS: Final = ("<i8", "<i8", "<i8", "u1")
_COLUMNS: Final = {
    magic: tuple(np.dtype(form) for form in forms)
    for magic, forms in (
        (POINTERS_MAGIC, POINTER_COLUMNS),
        (FREE_MAGIC, FREE_COLUMNS),
        (RANGES_MAGIC, FREE_COLUMNS),
        (MAP_MAGIC, MAP_COLUMNS),
    )
}
_ROW_BYTES: Final = {
    magic: sum(form.itemsize for form in forms) for magic, forms in _COLUMNS.items()
}
Column = npt.NDArray[Any]


class MapRow(msgspec.Struct, frozen=True, array_like=True):
    """One row of the initial area's map, as a change names it; ``place`` is None for no place."""

    start: int
    length: int
    place: int | None
    scheme: int


class KeptPointer(msgspec.Struct, frozen=True, array_like=True):
    """A pointer of a layer to an original that stays where it lay, as a change names it."""

    layer: int
    start: int
    length: int
    address: int
    checksum: int


def pack(magic: bytes, offset: int, uuid: bytes, seq: int, columns: Sequence[Column]) -> bytes:
    """Return the table as it lies at ``offset``, not padded; columns of equal length."""
    formats = _COLUMNS[magic]
    body = b"".join(
        column.astype(form, copy=False).tobytes()
        for column, form in zip(columns, formats, strict=True)
    )
    return pack_block(magic, offset, uuid, seq, body, extra=len(columns[0]))


def length_bytes(magic: bytes, rows: int) -> int:
    """Return the length of a table, header included, not padded."""
    return HEADER_BYTES + rows * _ROW_BYTES[magic]


def unpack(magic: bytes, raw: Readable, offset: int, uuid: bytes) -> list[Column]:
    """Return the columns, as views of ``raw``.

    Raises:
        CorruptAreaError: It is not a table or fails its checksum.
    """
    header, body = unpack_block(raw, magic, offset, uuid, "table")
    rows, columns, position = header.extra, [], 0
    if rows * _ROW_BYTES[magic] != header.body_bytes:
        raise CorruptAreaError(
            f"The table at byte {offset} of the additional area has a wrong length."
        )
    for form in _COLUMNS[magic]:
        columns.append(np.frombuffer(body, form, rows, position))
        position += rows * form.itemsize
    return columns
