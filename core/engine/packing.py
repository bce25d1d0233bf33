# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The structures of an open volume in one bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import core
from core.device.refusals import readable_path
from core.engine.guarding import guarded
from core.errors import ImageError
from core.salvage.pack import pack_bundle

if TYPE_CHECKING:
    from core.engine.volume import Volume


@guarded
def pack(self: Volume, *, hides_names: bool = False) -> bytes:
    """Return the structures of the additional area as a bundle; see ``core.session``."""
    self._close_group()
    state = self._state
    if state.area is None:
        raise no_area(state.image.path)
    return pack_bundle(
        state.image_file, state.area.device, core.__version__, hides_names=hides_names
    )


def no_area(image_path: str) -> ImageError:
    """Return what to tell of an image that never had a copy."""
    return ImageError(
        f"{readable_path(image_path)} has no additional area, so there is nothing to bundle; "
        "take a copy first."
    )
