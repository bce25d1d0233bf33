# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The originals that copies read where they lay in the image, by their kept addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import WriteableBuffer

    from core.area.initial import InitialArea


class KeptOriginals:
    """What pointers with kept addresses name, as something to read from."""

    def __init__(self, initial: InitialArea) -> None:
        """Look through the map of ``initial``."""
        self._initial = initial

    @property
    def path(self) -> str:
        """Name to show to people."""
        return self._initial.path

    @property
    def size(self) -> int:
        """First address that no kept original has."""
        return self._initial.map.kept_end

    def pread(self, length: int, offset: int, /) -> bytes:
        """Read up to ``length`` bytes at a kept address."""
        return self._initial.pread(length, offset)

    def preadv(self, buffers: Sequence[WriteableBuffer], offset: int, flags: int = 0, /) -> int:
        """Read into ``buffers`` in turn and return the bytes read."""
        return self._initial.preadv(buffers, offset, flags)
