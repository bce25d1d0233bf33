# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the initial area, seen through its map, leaves to the image as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.device.base import Device


class ImageBacked:
    """The part of a device that asks the image.

    Attributes:
        image: The image.
    """

    def __init__(self, image: Device) -> None:
        """Ask ``image``."""
        self.image = image

    @property
    def stored_bytes(self) -> int:
        """Bytes that the image takes on what it lies on; 0 if that cannot be told."""
        return self.image.stored_bytes

    @property
    def room_bytes(self) -> int | None:
        """Bytes by which it could take more; None if that cannot be told."""
        return self.image.room_bytes

    def discard(self, offset: int, length: int, /) -> bool:
        """Do nothing: a range of the volume gives its storage back when it loses its place."""
        del offset, length
        return False

    def clone(self, source: Device, start: int, length: int, offset: int, /) -> bool:
        """Do nothing: the bytes of a volume may lie anywhere in the image."""
        del source, start, length, offset
        return False

    def hold_room(self, length: int, count: int, /) -> bool:
        """Do nothing: what has a place in the image does not share it."""
        del length, count
        return False

    def release_room(self) -> bool:
        """Do nothing: none is held."""
        return False

    def close(self) -> None:
        """Release the image."""
        self.image.close()
