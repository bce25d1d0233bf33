# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Bundles of structures: made of a volume, and looked at as if they were one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import core
from core.device import opening as device_opening
from core.device.memory import MemoryDevice
from core.device.opening import sync_folder
from core.device.refusals import explain_create, readable_path
from core.engine.files import paths_of
from core.engine.packing import no_area
from core.engine.told import told
from core.engine.volume import Volume
from core.salvage import pack
from core.volume import opening

if TYPE_CHECKING:
    from core.device.imagefile import FileDevice


def bundle_files(path: str | Path, *, area: Path | None = None, hides_names: bool = False) -> bytes:
    """Return a bundle of the structures of an additional area that need not be fit to be opened.

    Raises:
        RangepairError: There is none, another program has it, or its beginning is damaged.
    """
    image_path, area_path = paths_of(Path(path), area)
    try:
        with contextlib.ExitStack() as stack:
            image = device_opening.open_image(image_path, writable=False)
            stack.callback(image.close)
            if not os.path.lexists(area_path):
                raise no_area(image.path)
            device = device_opening.open_area(area_path, writable=False)
            stack.callback(device.close)
            return pack.pack_bundle(image, device, core.__version__, hides_names=hides_names)
    except OSError as error:
        raise told(error) from error


def write_bundle(raw: bytes, out: Path) -> pack.Bundle:
    """Write a bundle to a file, which must not exist; return what it holds.

    Raises:
        RangepairError: It cannot be written; nothing is left behind.
    """
    device_opening.refuse_existing(os.fspath(out), "bundle")
    bundle = pack.unpack_bundle(raw)
    _write_file(out, raw)
    return bundle


def _write_file(out: Path, raw: bytes) -> None:
    try:
        with out.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(out)
    except OSError as error:
        raise explain_create(readable_path(os.fspath(out)), "bundle", error) from error
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def open_bundle(path: str | Path) -> Volume:
    """Open a bundle, to look at its structures.

    Raises:
        RangepairError: It is none, or what is in it cannot be opened.
    """
    bundle = pack.unpack_bundle(Path(path).read_bytes())
    image = MemoryDevice(bundle.image_bytes)
    image.path = readable_path(os.fspath(path))
    state = opening.state_with_area(image, pack.device_of(bundle), writable=False)
    state.read_only = "This is a bundle of structures without data; it can only be looked at."
    return Volume(state, cast("FileDevice", image), Path(path), sink=None, ticking=False)
