# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Memory that was freed, but not given back to the system."""

from __future__ import annotations

import ctypes
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def give_back_freed() -> None:
    """Have the C library give back what it keeps for later; nothing where it cannot.

    Merging runs of pointers frees arrays of many MiB between others that stay: of a million
    pointers just made that is nearly as much as they take themselves.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    """Return ``malloc_trim`` of glibc, or None: others have no such call."""
    try:
        function = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    function.argtypes, function.restype = [ctypes.c_size_t], ctypes.c_int
    return function
