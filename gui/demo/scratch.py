# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A throw-away volume of eight portions, kept by the real engine in this process."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from core.engine import create_volume, open_volume
from core.errors import ImageError
from gui.demo.script import LETTERS, PORTION_BYTES, PORTIONS, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.events import EventSink
    from core.session import VolumeSession


@contextlib.contextmanager
def scratch_volume(sink: EventSink) -> Iterator[VolumeSession]:
    """Open a fresh volume that holds A to H; afterwards nothing of it is left.

    Raises:
        RangepairError: There is no room for it, or the engine refuses.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="rangepair-demo-")
    except OSError as error:
        raise ImageError(
            f"The demonstration needs a temporary folder, and none can be made ({error.strerror}); "
            "free some space or set TMPDIR."
        ) from error
    with folder as path:
        image = Path(path) / "demo.img"
        create_volume(image, PORTIONS * PORTION_BYTES, grain_bytes=PORTION_BYTES)
        with open_volume(image, sink=sink) as volume:
            for portion, letter in enumerate(LETTERS):
                volume.write(portion * PORTION_BYTES, fill(letter))
            yield volume
