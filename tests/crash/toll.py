# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What lives cost, and what one ends with if the engine was wrong."""

from __future__ import annotations

from dataclasses import dataclass


class WrongAfterLossError(AssertionError):
    """What was found after a loss of power cannot be explained by it."""


@dataclass
class Toll:
    """How much was tried.

    Attributes:
        crashes: Losses of power.
        again: Those of them during recovery.
        refused: Acts that the additional area had no room for, or that named no fit place.
        rearranged: Acts on the map of the initial area.
        separated: Separations begun.
        given_bytes: What was given back to the disk.
        moved_bytes: What was moved by compaction.
        restored: Restores of copies of another size.
        exhaustive_max: With no more unsynced operations than this, every outcome is tried.
        crashes_max: After these no more are tried.
    """

    crashes: int = 0
    again: int = 0
    refused: int = 0
    rearranged: int = 0
    separated: int = 0
    given_bytes: int = 0
    moved_bytes: int = 0
    restored: int = 0
    exhaustive_max: int = -1
    crashes_max: int = 1 << 60
