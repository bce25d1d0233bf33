# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The additional area that a volume gets with its first copy, or when its image is rearranged."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from core.device import opening as device_opening
from core.device.refusals import readable_path
from core.volume import opening

if TYPE_CHECKING:
    from core.engine.volume import Volume


def add_area(self: Volume) -> None:
    """Make the additional area, which else the first copy does."""
    name = readable_path(os.path.relpath(self._image.path, self._area_path.parent))
    device = device_opening.create_area(self._area_path, self._image)
    try:
        opening.add_area(self._state, device, name)
        device_opening.place_area(device, self._area_path)
    except BaseException:
        self._state.area = self._state.journal = None
        device.close()
        with contextlib.suppress(OSError):
            Path(device.path).unlink()
        raise
    self._is_marked_dirty = True
