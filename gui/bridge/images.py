# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Making images, for the window: each may take seconds, so each is called in a lane."""

from __future__ import annotations

from core.workload.run import KINDS as WORKLOAD_KINDS
from core.workload.scratch import make_scratch

__all__ = ["WORKLOAD_KINDS", "make_scratch_image", "make_volume"]


def make_volume(path: str, size_bytes: int, thin: bool) -> str:
    """Make a new, empty image and return its path.

    Raises:
        RangepairError: It cannot be made.
    """
    from core.engine import create_volume  # loads the engine: only for who makes a volume

    create_volume(path, size_bytes, thin=thin)
    return path


def make_scratch_image() -> str:
    """Make a 64 MiB scratch image with a real ext4 file system and return its path.

    Raises:
        RangepairError: It cannot be made.
    """
    return str(make_scratch())
