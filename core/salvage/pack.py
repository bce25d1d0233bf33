# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The structures of an additional area in one small file, to be sent with a report of a bug.

A bundle holds superblocks, ring heads, catalogs, tables, free lists, heads and tails of the log's
groups and heads of the ring's, each at its address, as they are: damage included. Of the data of
the volume it holds nothing: the ring's groups, whose checksum covers it, are made anew with zeroes
in its place. Names of copies and of the image may be replaced by digests of the same length, so
that every structure keeps its place; structures with names that cannot be read are left out then.

The file is ``BUNDLE_MAGIC``, then an xz stream of a MessagePack map: ``Bundle``.
"""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING, Final

import msgspec

from core.device.hollow import HollowDevice
from core.errors import FormatError
from core.format.layout import BUNDLE_MAGIC
from core.salvage.names import Names
from core.salvage.structures import Structures

if TYPE_CHECKING:
    from core.device.base import Device

BUNDLE_BYTES_MAX: Final = 1 << 32


class Bundle(msgspec.Struct, kw_only=True):
    """What a file holds.

    Attributes:
        version: Of this map, 1.
        program: Version of the program that made it.
        image_bytes, area_bytes: Sizes of the two files.
        are_names_hidden: Names are digests.
        pieces: (address in the additional area, bytes).
        notes: What could not be taken along, a sentence each.
    """

    version: int
    program: str
    image_bytes: int
    area_bytes: int
    are_names_hidden: bool
    pieces: list[tuple[int, bytes]]
    notes: list[str]


def pack_bundle(image: Device, device: Device, program: str, *, hides_names: bool) -> bytes:
    """Return a bundle of the structures on ``device``.

    Raises:
        FormatError: It is no additional area.
        CorruptAreaError: Both superblocks are damaged, so that nothing else can be found.
    """
    structures = Structures(device, Names() if hides_names else None)
    pieces = structures.take()
    bundle = Bundle(
        version=1,
        program=program,
        image_bytes=image.size,
        area_bytes=device.size,
        are_names_hidden=hides_names,
        pieces=pieces,
        notes=structures.notes,
    )
    return BUNDLE_MAGIC + lzma.compress(msgspec.msgpack.encode(bundle))


def unpack_bundle(raw: bytes) -> Bundle:
    """Return what a file holds.

    Raises:
        FormatError: It is no bundle that this program can read.
    """
    try:
        inner = lzma.LZMADecompressor().decompress(raw[len(BUNDLE_MAGIC) :], BUNDLE_BYTES_MAX)
        bundle = msgspec.msgpack.decode(inner, type=Bundle)
    except (lzma.LZMAError, msgspec.MsgspecError, EOFError) as error:
        raise FormatError(f"The bundle cannot be read ({error}); ask for it once more.") from None
    if bundle.version != 1:
        raise FormatError(
            f"The bundle has version {bundle.version}, this program reads version 1; "
            "use a newer Rangepair."
        )
    return bundle


def device_of(bundle: Bundle) -> HollowDevice:
    """Return the additional area that a bundle was made of, without its data."""
    device = HollowDevice(bundle.area_bytes)
    for offset, piece in bundle.pieces:
        room = max(0, min(len(piece), bundle.area_bytes - offset))
        device.pwrite(piece[:room], offset)
    return device
