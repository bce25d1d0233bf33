# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A contiguous run of bytes in one address space."""

from __future__ import annotations

from typing import NamedTuple


class Extent(NamedTuple):
    """Half-open run ``[start, start + length)``, in bytes.

    Attributes:
        start: First byte.
        length: Number of bytes, at least 1.
    """

    start: int
    length: int

    @property
    def stop(self) -> int:
        """First byte after the run."""
        return self.start + self.length

    def __str__(self) -> str:
        """Print as ``[start..last]``, inclusive, as people count."""
        return f"[{self.start}..{self.stop - 1}]"
