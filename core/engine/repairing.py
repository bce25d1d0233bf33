# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""New additional areas beside old ones: opened, locked, filled, and only then given their name."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from core.device import opening as device_opening
from core.device.refusals import readable_path
from core.engine.files import paths_of
from core.engine.told import told
from core.errors import ImageError
from core.salvage.load import check_image, read_dump, write_loaded
from core.salvage.repair import Repair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.device.imagefile import FileDevice
    from core.salvage.load import Dumped
    from core.salvage.repair import RepairReport


class AreaRepair:
    """A damaged additional area, held open while a new one is made of it.

    Attributes:
        total_bytes: Data that will be copied.
        out: Where the new one goes.
    """

    def __init__(self, image: FileDevice, source: FileDevice, out: Path) -> None:
        """Look at what is left; see ``opened_for_repair``."""
        self._image = image
        self._repair = Repair(image, source)
        self.total_bytes = self._repair.total_bytes
        self.out = out

    def run(self, tell: Callable[[int], None]) -> RepairReport:
        """Make the new one; ``tell`` hears of bytes copied. Leaves nothing behind if it ends early.

        Raises:
            RangepairError: It could not be made.
        """
        with new_area(self.out, self._image) as (target, name):
            return self._repair.write(target, name, tell)


@contextlib.contextmanager
def opened_for_repair(
    path: str | Path, out: Path, area: Path | None = None
) -> Iterator[AreaRepair]:
    """Open an image and its damaged additional area, to make a new one at ``out``.

    Raises:
        RangepairError: They cannot be opened, another program has them open, ``out`` exists, or
            nothing can be saved. Nothing was changed.
    """
    image_path, area_path = paths_of(Path(path), area)
    device_opening.refuse_existing(os.fspath(out), "additional area")
    try:
        with contextlib.ExitStack() as stack:
            image = device_opening.open_image(image_path, writable=False)
            stack.callback(image.close)
            if not os.path.lexists(area_path):
                raise ImageError(
                    f"{readable_path(image.path)} has no additional area at "
                    f"{readable_path(os.fspath(area_path))}, so there is nothing to repair; give "
                    "the damaged one as --area."
                )
            source = device_opening.open_area(area_path, writable=False)
            stack.callback(source.close)
            yield AreaRepair(image, source, out)
    except OSError as error:
        raise told(error) from error


def load_area(
    raw: bytes,
    path: str | Path,
    *,
    area: Path | None = None,
    data: Path | None = None,
    tell: Callable[[int], None],
) -> Dumped:
    """Make an additional area of a dump; see ``core.salvage.load``.

    Args:
        raw: The dump.
        path: The image, which must be there.
        area: Where the area goes, if not beside the image.
        data: An additional area that has the data, at the addresses of the dump.
        tell: Hears of bytes copied.

    Raises:
        RangepairError: It could not be made; nothing is left behind.
    """
    dumped = read_dump(raw)
    image_path, area_path = paths_of(Path(path), area)
    try:
        with contextlib.ExitStack() as stack:
            image = device_opening.open_image(image_path, writable=False)
            stack.callback(image.close)
            check_image(dumped, image, os.fspath(area_path))
            source = None
            if data is not None:
                source = device_opening.open_area(data, writable=False)
                stack.callback(source.close)
            with new_area(area_path, image) as (target, name):
                write_loaded(dumped, image, target, name, source, tell)
    except OSError as error:
        raise told(error) from error
    return dumped


@contextlib.contextmanager
def new_area(out: Path, image: FileDevice) -> Iterator[tuple[FileDevice, str]]:
    """Give an empty additional area and the name of its image in it; place it if all went well.

    Raises:
        RangepairError: There is one already, or it cannot be made.
    """
    target = device_opening.create_area(out, image)
    try:
        yield target, readable_path(os.path.relpath(image.path, out.parent))
        device_opening.place_area(target, out)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(target.path).unlink()
        raise
    finally:
        target.close()
