# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of a copy's bytes, in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.answers import ByteRange, CopyInfo

_RANGES_TOLD_MAX: Final = 3


def integrity_sentence(copy: CopyInfo) -> str:
    """Return what the last scrub found, or that there was none."""
    if copy.integrity == "damaged":
        return f"damaged: cannot be read at {ranges_told(copy.damaged_ranges)}"
    if copy.integrity == "suspect":
        where = ranges_told(copy.suspect_ranges)
        return f"suspect: may show wrong data at {where}"
    if copy.integrity == "intact":
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(copy.scrubbed))
        return f"intact when verified on {when}"
    return "not verified yet"


def ranges_told(ranges: Sequence[ByteRange], most: int = _RANGES_TOLD_MAX) -> str:
    """Return the first few ranges, last bytes included, and how many more there are."""
    shown = ", ".join(f"[{each.start}..{each.start + each.length - 1}]" for each in ranges[:most])
    more = len(ranges) - most
    return f"{shown} and {more} more" if more > 0 else shown
