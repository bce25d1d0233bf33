# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The map of the initial area in a damaged additional area: all of it is left, or nothing helps.

A copy of which pointers are missing can be left out. Without a part of the map the original itself
would read as something else, and so would every copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import CorruptAreaError
from core.salvage.catalogs import bare_area
from core.volume import initialmap

if TYPE_CHECKING:
    from core.device.base import Device
    from core.format.superblock import Superblock
    from core.volume.state import VolumeState


def load_map(
    state: VolumeState, newest: Superblock, base: Superblock | None, device: Device
) -> None:
    """Look through the map with which ``base`` begins, if the volume has one.

    Raises:
        CorruptAreaError: It has, and it is damaged, or was begun or ended since.
    """
    has_map = bool(newest.fields.initial_map.length)
    if base is None or bool(base.fields.initial_map.length) is not has_map:
        if has_map:
            raise _lost()
        return
    initialmap.load(state, bare_area(device, base))


def refuse_lost_map(state: VolumeState, *, is_complete: bool) -> None:
    """Refuse a map of which the newest changes may be missing.

    Raises:
        CorruptAreaError: They may.
    """
    if state.initial is not None and not is_complete:
        raise _lost()


def _lost() -> CorruptAreaError:
    return CorruptAreaError(
        "The map of the initial area is damaged, and without it nobody knows where in the image "
        "anything lies; restore image and additional area from a backup."
    )
