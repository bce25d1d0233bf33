# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What can be measured, by the names it is asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from core.measure import nbd, opening, reads, takes, writes
from core.units import GIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from core.measure.rows import Sheet
    from core.measure.setting import Scale, Setting

    Measure = Callable[[Setting], Iterator[Sheet]]

ALONE: Final[Mapping[str, Measure]] = {
    "takes": takes.measure,
    "writes": writes.measure,
    "opening": opening.measure,
    "reads": reads.measure,
}
"""Rangepair beside a plain file."""

_ALONE_BYTES: Final = GIB
_LITTLE_BYTES: Final = 192 * MIB


def needed_bytes(scale: Scale, *, is_against_qemu: bool) -> int:
    """Return how much room a measurement takes on its disk, at most."""
    images = nbd.IMAGES * nbd.IMAGE_BYTES if is_against_qemu else _ALONE_BYTES
    return round(images * scale.share) + _LITTLE_BYTES


def measures(names: Sequence[str], *, is_against_qemu: bool) -> list[Measure]:
    """Return what measures the topics named."""
    if is_against_qemu:
        return [partial(nbd.measure, topics=names)]
    return [measure for name, measure in ALONE.items() if name in names]
