# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How the initial area lies in the image, and what may be asked of that: plain values, in bytes."""

from __future__ import annotations

from typing import Literal

import msgspec

MapScheme = Literal["load-point", "full-pointer"]


class InitialExtent(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the volume that lies in one piece in the image; bytes.

    Attributes:
        start: First byte in the volume.
        place: Where that lies in the image.
        scheme: ``"load-point"``: it has one load point and moves as a whole. ``"full-pointer"``:
            every part of it has an address of its own.
    """

    start: int
    length: int
    place: int
    scheme: MapScheme


class InitialAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The map of the initial area. What no extent covers has no place and reads as zeroes.

    Attributes:
        size: Bytes of the volume.
        image_bytes: Bytes of the image, free ones included.
        mapped_bytes: Bytes of the volume that have a place.
        identity: The image is a plain raw image.
        kept: Originals that copies read where they lay, by address; no part of the volume.
    """

    size: int
    image_bytes: int
    mapped_bytes: int
    identity: bool
    extents: list[InitialExtent]
    kept: list[InitialExtent] = []


class PortionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One portion of a volume of portions, as the original or a copy has it.

    Attributes:
        size: Bytes it has there.
        kind: ``"unchanged"`` where a range pair stands for it, else what its pointer points to:
            ``"original"``, ``"new"`` or ``"zero"``. Always unchanged of the original.
        offset: Byte of the image where it lies if it is unchanged, else of the additional area.
    """

    number: int
    size: int
    kind: str
    offset: int


Arrangement = Literal["full-pointer", "load-point", "identity", "relocate", "compact"]


class Rearranged(msgspec.Struct, frozen=True, kw_only=True):
    """What one batch of rearranging the initial area came to.

    Attributes:
        moved: Bytes moved.
        left: Bytes that further batches will move, as far as can be told; 0 when it is done.
    """

    moved: int
    left: int
