# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What long work on an open volume tells before, meanwhile and after: plain values, in bytes."""

from __future__ import annotations

import msgspec


class RestorePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore writes: ``ranges`` of ``bytes`` together, all that may differ by pointers.

    Attributes:
        safety: Name of the snapshot of the original that is taken first.
        safety_id: Its id, once it is taken; else 0.
        size_bytes: What the original gets, if the copy has another size; else 0.
    """

    source: str
    safety: str
    ranges: int
    bytes: int
    safety_id: int = 0
    size_bytes: int = 0


class RestoreProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A restore under way: the original reads as the source, and the rest is being moved.

    So is a separation: then the source is the view whose new data goes home, and there is no
    safety snapshot.

    Attributes:
        source: Name of the copy that the original was made equal to.
        safety: Name of the snapshot of the original as it was before; empty in a separation.
        whole_bytes, left_bytes: What had to be moved, and what still has, in whole grains.
        problem: Why it does not go on at the moment, or empty.
        is_damaged: That is because the source is damaged, and room would not help.
    """

    source: str
    safety: str
    whole_bytes: int
    left_bytes: int
    problem: str
    is_damaged: bool = False


class SeparationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a separation moves, in bytes.

    Attributes:
        view: Name of the view whose new data goes home to the initial area: a copy, or the
            original.
        home_bytes: So much new data it has, in whole grains.
        kept_bytes: So much of the initial area must be kept for the others before that.
        rest_bytes: So much the others still read from the initial area then; giving them that, too,
            makes both sides independent.
    """

    view: str
    home_bytes: int
    kept_bytes: int
    rest_bytes: int


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """What one batch of promoting a copy has done.

    Attributes:
        copied_bytes: Bytes that were given a pointer of the copy's own.
        left_bytes: Bytes that the copy still reads from the initial area.
    """

    copied_bytes: int
    left_bytes: int


class Resized(msgspec.Struct, frozen=True, kw_only=True):
    """What resizing a volume has done.

    Attributes:
        before_bytes, size_bytes: Of the volume, before and now.
        kept_bytes: What was read at the end that was cut off, to be preserved for copies.
    """

    before_bytes: int
    size_bytes: int
    kept_bytes: int


class ScrubStep(msgspec.Struct, frozen=True, kw_only=True):
    """How far a scrub has come.

    Attributes:
        run: Its number, to go on with.
        done_bytes, total_bytes: Of the data kept in the additional area.
        damaged_bytes: Found so far.
        unverified_bytes: Pieces of extents of which the rest is gone, so that nothing can verify
            them.
        is_done: The copies now have their result; see ``VolumeInfo.copies``.
        is_remembered: The result is durable.
    """

    run: int
    done_bytes: int
    total_bytes: int
    damaged_bytes: int
    unverified_bytes: int
    is_done: bool = False
    is_remembered: bool = False
