# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The superblock: the one structure found by its place.

Two slots are written in turn; the newest intact one wins. The fixed front names the format and its
features, so that any version of the program can read it;
the rest is a MessagePack map (``SuperblockFields``), so that fields can be added.

=======  =====  ==============================================================
offset   type   meaning (after the common header of 64 bytes)
=======  =====  ==============================================================
64       u32    format version, 1
68       u32    length of this front, 32
72       u64    incompatible features: an unknown bit means: do not open
80       u64    compatible features: unknown bits may be ignored
88       u64    autoclear features: cleared by a writer that does not know them
96       map    ``SuperblockFields``
=======  =====  ==============================================================
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from core.errors import FormatError
from core.format.block import (
    HEADER_BYTES,
    BlockHeader,
    Readable,
    is_intact,
    pack_block,
    unpack_header,
)
from core.format.layout import BLOCK_BYTES, FORMAT_VERSION, Geometry

MAGIC: Final = b"RPAIRSUP"
FRONT: Final = struct.Struct("<IIQQQ")
assert FRONT.size == 32

RESTORING: Final = 0
"""The original reads as a copy in places: who does not know that would read what was before."""
INITIAL_MAP: Final = 1
"""The image lies as ``initial_map`` says: who does not know that would read other bytes."""
PORTIONS: Final = 2
"""A write must lie within a portion and preserves all of it."""
COPY_SIZES: Final = 3
"""A copy has another size than the volume: who does not know that would pass its end."""
ALWAYS_ADDITIONAL: Final = 4
"""New data of the original is in the additional area: who does not know that would read old."""
REDIRECT_ON_WRITE: Final = 5
"""Pointers may name kept addresses of the map: who does not know that would look in this file."""
INCOMPATIBLE_FEATURES: Final[dict[int, str]] = {
    RESTORING: "restoring",
    INITIAL_MAP: "initial-map",
    PORTIONS: "portions",
    COPY_SIZES: "copy-sizes",
    ALWAYS_ADDITIONAL: "always-additional",
    REDIRECT_ON_WRITE: "redirect-on-write",
}
"""Bit number -> name, of the features this program knows."""
_OF_THE_CATALOG: Final = (
    1 << RESTORING | 1 << COPY_SIZES | 1 << ALWAYS_ADDITIONAL | 1 << REDIRECT_ON_WRITE
)
"""Bits of what the catalog says; the others follow from the superblock's own fields."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a structure lies: byte offset and length, header included, not padded."""

    offset: int
    length: int


NO_PLACE: Final = Place(0, 0)


class SuperblockFields(msgspec.Struct, frozen=True, kw_only=True):
    """Everything else that opening needs.

    Attributes:
        size_bytes: Of the volume.
        image_name: Path of the image, relative to the sidecar's folder.
        log_offset: Where the first group after this checkpoint begins.
        log_seq: The sequence number which that group must have.
        segment_stop: End of the log segment that ``log_offset`` lies in.
        area_end: From here on the additional area holds nothing; its file may end before.
        covered_ring_seq: What ring groups up to this number hold of this area, and the originals of
            what they write, are in tables already.
        ring_ready_bytes: How much of the ring has been written once.
        catalog, free_list: Places of these structures.
        clean: Nothing was written after this superblock; ``fingerprint`` holds.
        initial_map: Place of the initial area's map; of length 0 if that is the identity.
        portions: Of how many portions the volume consists; 0 if it is a volume of bytes.
        resizing_bytes: While the volume is being resized, up to this size the image may be too
            long, or the map may name ranges; who opens it for writing cuts both. Else 0.
    """

    size_bytes: int
    grain_bytes: int
    thin: bool
    created: float
    image_name: str
    ring_bytes: int
    segment_bytes: int
    group_payload_bytes_max: int
    overlay_bytes_max: int
    small_flush_bytes_max: int
    log_offset: int
    log_seq: int
    segment_stop: int
    area_end: int
    covered_ring_seq: int
    ring_ready_bytes: int
    catalog: Place
    free_list: Place
    clean: bool
    fingerprint: bytes
    initial_map: Place = NO_PLACE
    portions: int = 0
    resizing_bytes: int = 0


def first_fields(  # noqa: PLR0913 (each is a field of the format)
    *,
    size_bytes: int,
    grain_bytes: int,
    geometry: Geometry,
    created: float,
    clean: bool,
    thin: bool = False,
    image_name: str = "",
    portions: int = 0,
) -> SuperblockFields:
    """Return the fields of an area that holds nothing yet, its log not yet begun."""
    return SuperblockFields(
        size_bytes=size_bytes,
        grain_bytes=grain_bytes,
        thin=thin,
        created=created,
        image_name=image_name,
        log_offset=0,
        log_seq=1,
        segment_stop=0,
        area_end=0,
        covered_ring_seq=0,
        ring_ready_bytes=0,
        catalog=NO_PLACE,
        free_list=NO_PLACE,
        clean=clean,
        fingerprint=b"",
        portions=portions,
        **geometry._asdict(),
    )


class Superblock(msgspec.Struct, frozen=True):
    """A superblock with its place in the sequence, and the features that a reader must know."""

    uuid: bytes
    seq: int
    fields: SuperblockFields
    incompatible: int = 0


def pack(superblock: Superblock, offset: int) -> bytes:
    """Return the block as it lies at ``offset``, padded."""
    fields = superblock.fields
    incompatible = superblock.incompatible & _OF_THE_CATALOG
    incompatible |= bool(fields.initial_map.length) << INITIAL_MAP
    incompatible |= bool(fields.portions) << PORTIONS
    front = FRONT.pack(FORMAT_VERSION, FRONT.size, incompatible, 0, 0)
    body = front + msgspec.msgpack.encode(fields)
    raw = pack_block(MAGIC, offset, superblock.uuid, superblock.seq, body)
    if len(raw) > BLOCK_BYTES:
        raise FormatError(
            "The path of the image is too long for the superblock; use a shorter one."
        )
    return raw.ljust(BLOCK_BYTES, b"\0")


def unpack(raw: Readable, offset: int) -> Superblock | None:
    """Return the superblock in ``raw``, or None if this slot holds no intact one.

    Raises:
        FormatError: It is intact and from a newer program.
    """
    header = unpack_header(raw)
    if header is None or header.magic != MAGIC or header.offset != offset:
        return None
    body = memoryview(raw)[HEADER_BYTES : HEADER_BYTES + header.body_bytes]
    if len(body) != header.body_bytes or len(body) < FRONT.size or not is_intact(header, body):
        return None
    return _unpack_body(header, body)


def _unpack_body(header: BlockHeader, body: memoryview) -> Superblock:
    version, front_bytes, incompatible, _, _ = FRONT.unpack_from(body)
    unknown = [
        bit for bit in range(64) if incompatible >> bit & 1 and bit not in INCOMPATIBLE_FEATURES
    ]
    if version != FORMAT_VERSION or unknown:
        raise FormatError(
            f"The additional area has format {version}"
            + (f" with unknown features {unknown}" if unknown else "")
            + f", this program reads format {FORMAT_VERSION}; use a newer Rangepair."
        )
    try:
        fields = msgspec.msgpack.decode(body[front_bytes:], type=SuperblockFields)
    except msgspec.MsgspecError as error:
        raise FormatError(
            f"The superblock cannot be read ({error}); use a newer Rangepair."
        ) from None
    return Superblock(header.uuid, header.seq, fields, incompatible)
