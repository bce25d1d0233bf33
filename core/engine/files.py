# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Open or create a volume, given the path of its image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.area.places import IMAGE_BYTES_MIN
from core.device import opening as device_opening
from core.device.base import read_available
from core.device.refusals import readable_path
from core.engine.told import told
from core.engine.volume import Volume
from core.errors import AreaFullError, ImageError
from core.format import superblock
from core.format.layout import BLOCK_BYTES, SUPERBLOCK_OFFSETS
from core.units import GRAIN_BYTES_DEFAULT, GRAIN_BYTES_MAX, GRAIN_BYTES_MIN, format_bytes
from core.volume import opening
from core.volume.portions import packed_map

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.device.imagefile import FileDevice
    from core.events import EventSink
    from core.volume.state import VolumeState

AREA_SUFFIX: Final = ".rangepair"


def open_volume(
    path: str | Path,
    *,
    area: Path | None = None,
    read_only: bool = False,
    accept_changes: bool = False,
    accept_longer: bool = False,
    sink: EventSink | None = None,
) -> Volume:
    """Open the volume of an image, or of an additional area that lies beside its image.

    Args:
        path: The image; or its ``.rangepair`` file.
        area: Where the additional area is, or will be, if not beside the image.
        read_only: Take no locks for writing; refuse every change.
        accept_changes: The image was changed from outside; go on with it as it is.
        accept_longer: Another program made the image longer; the volume is opened to be resized.
        sink: Where events go.

    Raises:
        RangepairError: It cannot be opened; nothing was changed.
    """
    image_path, area_path = paths_of(Path(path), area)
    _refuse_second_area(image_path, area_path)
    try:
        image = device_opening.open_image(image_path, writable=not read_only)
    except OSError as error:
        raise told(error) from error
    try:
        _refuse_sidecar(image)
        state = _open_state(
            image,
            area_path,
            read_only=read_only,
            accept_changes=accept_changes,
            accept_longer=accept_longer,
        )
    except OSError as error:
        image.close()
        raise told(error) from error
    except BaseException:
        image.close()
        raise
    if state.initial is None:
        state.hole_filler = image.fill_holes
        state.fill_holes = image.fill_holes if image.has_holes else None
    if read_only:
        state.read_only = "The volume was opened read-only; open it for writing to change it."
    return Volume(state, image, area_path, sink=sink)


def _refuse_second_area(image_path: Path, area_path: Path) -> None:
    """Refuse to begin another additional area: writes through it would spoil the copies of this."""
    beside = image_path.with_name(image_path.name + AREA_SUFFIX)
    if beside != area_path and beside.exists() and not os.path.lexists(area_path):
        raise ImageError(
            f"There is no additional area at {readable_path(os.fspath(area_path))}, but the one at "
            f"{readable_path(os.fspath(beside))} holds the copies of this image; leave --area out, "
            "or name the file that is meant."
        )


def _refuse_sidecar(image: FileDevice) -> None:
    """Refuse an additional area that was named as if it were an image: writing would ruin it."""
    for offset in SUPERBLOCK_OFFSETS:
        if superblock.unpack(read_available(image, BLOCK_BYTES, offset), offset) is not None:
            raise ImageError(
                f"{readable_path(image.path)} is an additional area of Rangepair and no image, and "
                f"its image is not beside it; name the image and give this file as --area."
            )


def create_volume(
    path: str | Path,
    size_bytes: int,
    *,
    thin: bool = False,
    grain_bytes: int = GRAIN_BYTES_DEFAULT,
    area: Path | None = None,
) -> None:
    """Make a new image and its additional area.

    Args:
        path: Must not exist.
        size_bytes: A multiple of 512.
        thin: Let the image grow as it is written, so that only its map says what lies where; else
            its space is allocated now.
        grain_bytes: Unit in which originals are kept: a power of two from 512 to 65536.
        area: Where the additional area goes, if not beside the image.

    Raises:
        RangepairError: It was not made; no file is left behind.
    """
    _check_grain(grain_bytes)
    device_opening.check_new_size(size_bytes)

    def make(image: FileDevice) -> VolumeState:
        if thin:
            return opening.thin_state(image, size_bytes, grain_bytes)
        _allocate(image)
        return opening.state_without_area(image, grain_bytes, thin=False)

    _create(path, area, IMAGE_BYTES_MIN if thin else size_bytes, make)


def create_portions(path: str | Path, sizes: Sequence[int], *, area: Path | None = None) -> None:
    """Make a new volume of portions of these sizes: multiples of 512, up to 64 KiB.

    Raises:
        RangepairError: It was not made; no file is left behind.
    """
    packed_map(sizes)
    _create(path, area, IMAGE_BYTES_MIN, lambda image: opening.portion_state(image, sizes))


def _create(
    path: str | Path,
    area: Path | None,
    image_bytes: int,
    make: Callable[[FileDevice], VolumeState],
) -> None:
    """Make an image and the additional area of the volume that ``make`` makes of it."""
    if not os.fspath(path):
        raise ImageError("The path of the image is empty; name an image file.")
    image_path, area_path = paths_of(Path(path), area)
    device_opening.refuse_existing(os.fspath(image_path))
    if os.path.lexists(area_path):
        raise ImageError(
            f"{readable_path(os.fspath(area_path))} exists already and may hold the copies of "
            "another image; move it away or choose another --area."
        )
    image = device_opening.create_image(image_path, image_bytes)
    try:
        state = make(image)
        volume = Volume(state, image, area_path, sink=None, ticking=False)
        volume.add_area()
        volume.close()
    except BaseException as error:
        image.close()
        image_path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise told(error) from error
        raise


def _check_grain(grain_bytes: int) -> None:
    if grain_bytes & (grain_bytes - 1) or not GRAIN_BYTES_MIN <= grain_bytes <= GRAIN_BYTES_MAX:
        raise ImageError(
            f"A grain of {grain_bytes} bytes is not possible; choose a power of two from "
            f"{GRAIN_BYTES_MIN} to {GRAIN_BYTES_MAX}."
        )


def _allocate(image: FileDevice) -> None:
    """Reserve storage for all of a new image."""
    try:
        image.allocate(0, image.size)
    except AreaFullError as error:
        raise AreaFullError(
            f"The disk has no room for {readable_path(image.path)} of {format_bytes(image.size)}; "
            "free some space there, or make it smaller or thin."
        ) from error


def _open_state(
    image: FileDevice,
    area_path: Path,
    *,
    read_only: bool,
    accept_changes: bool,
    accept_longer: bool,
) -> VolumeState:
    if not os.path.lexists(area_path):  # a link to a disk that is not there hides copies
        state = opening.state_without_area(image, GRAIN_BYTES_DEFAULT, thin=False)
        state.background = True
        return state
    device = device_opening.open_area(area_path, writable=not read_only)
    try:
        return opening.state_with_area(
            image,
            device,
            writable=not read_only,
            mtime_ns=image.mtime_ns,
            accept_changes=accept_changes,
            accept_longer=accept_longer,
            background=not read_only,
        )
    except BaseException:
        device.close()
        raise


def paths_of(path: Path, area: Path | None) -> tuple[Path, Path]:
    """Return the paths of image and additional area, given either of them."""
    if path.suffix == AREA_SUFFIX and path.with_suffix("").exists():
        return path.with_suffix(""), path
    if area is None:
        # Beside the image itself: by a link's name it would be another one, and who came by one
        # way would not preserve what the copies taken by the other need.
        is_link = os.path.islink(path)  # noqa: PTH114 - that one raises for odd paths
        area = Path(f"{os.path.realpath(path) if is_link else path}{AREA_SUFFIX}")
    return path, area
