# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Scratch images: images this program makes to be written to, each holding a real ext4 file system.

An image is scratch if the marker ``IMAGE.scratch`` lies beside it and names its size. The marker is
made after the image is whole, so a half-made image never counts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import platformdirs

from core.errors import ImageError, UsageError
from core.units import MIB, SECTOR_BYTES, format_bytes
from core.workload.replay import settled_base
from core.workload.trace import load_trace

SCRATCH_BYTES_DEFAULT: Final = 64 * MIB
SCRATCH_BYTES_MIN: Final = 1 * MIB
"""mkfs.ext4 makes nothing useful of less."""

_SBIN: Final = ("/usr/sbin", "/sbin")
"""Where mkfs.ext4 lies; not on the PATH of every user."""

_SAMPLES: Final = {
    "README.txt": "This is a scratch volume of Rangepair, with a real ext4 file system.\n",
    "letters/hello.txt": "Take a copy, start a workload, and watch which blocks are preserved.\n",
    "letters/again.txt": "Whatever is written here may be overwritten at any time.\n",
}


def scratch_folder() -> Path:
    """Return where scratch images are made unless told otherwise."""
    return platformdirs.user_data_path("rangepair") / "scratch"


def is_scratch(image: str | Path, size: int) -> bool:
    """Tell whether ``image``, of ``size`` bytes, was made by ``make_scratch``."""
    try:
        return _marker(Path(image)).read_text(encoding="ascii") == _marker_text(size)
    except (OSError, UnicodeDecodeError):
        return False


def make_scratch(size: int = SCRATCH_BYTES_DEFAULT, folder: Path | None = None) -> Path:
    """Make a scratch image of ``size`` bytes and return its path.

    An image of the default size holds the file system the recorded session begins with; others are
    made by mkfs.ext4 or, without it, hold the same file system in their first 64 MiB.

    Raises:
        UsageError: The size makes no sense.
        ImageError: It cannot be made.
    """
    if size < SCRATCH_BYTES_MIN or size % SECTOR_BYTES:
        raise UsageError(
            f"A scratch image of {size} bytes cannot be made; choose a multiple of {SECTOR_BYTES} "
            f"of at least {format_bytes(SCRATCH_BYTES_MIN)}."
        )
    folder = folder or scratch_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _make(folder, size)
    except OSError as error:
        raise ImageError(
            f"The scratch image cannot be made in {folder}: {error.strerror or error}; free some "
            "space or choose another folder."
        ) from error


def _make(folder: Path, size: int) -> Path:
    image = _claim_name(folder)
    try:
        os.truncate(image, size)
        _lay_file_system(image, size)
        _marker(image).write_text(_marker_text(size), encoding="ascii")
    except BaseException:
        image.unlink()
        raise
    return image


def _claim_name(folder: Path) -> Path:
    """Make an empty file of the first free name; it never replaces another's."""
    number = 1
    while True:
        image = folder / f"scratch-{number}.img"
        try:
            image.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return image


def _lay_file_system(image: Path, size: int) -> None:
    if size == SCRATCH_BYTES_DEFAULT or not _run_mkfs(image):
        trace = load_trace()
        if size < trace.size:
            raise ImageError(
                f"A scratch image of {format_bytes(size)} needs mkfs.ext4, which is missing or "
                f"failed; install e2fsprogs or choose {format_bytes(trace.size)} or more."
            )
        with image.open("r+b") as file:
            for offset, block in settled_base(trace).items():
                file.seek(offset)
                file.write(block)


def _run_mkfs(image: Path) -> bool:
    program = shutil.which("mkfs.ext4", path=os.pathsep.join([os.environ.get("PATH", ""), *_SBIN]))
    if program is None:
        return False
    with tempfile.TemporaryDirectory(prefix="rangepair-") as name:
        samples = Path(name)
        # mkfs copies the folder's own mode onto the root of the file system.
        samples.chmod(0o755)
        for path, text in _SAMPLES.items():
            (samples / path).parent.mkdir(exist_ok=True)
            (samples / path).write_text(text, encoding="ascii")
        command = [program, "-q", "-F", "-L", "scratch", "-d", str(samples), str(image)]
        run = subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)  # noqa: S603
    return run.returncode == 0


def _marker(image: Path) -> Path:
    return image.with_name(image.name + ".scratch")


def _marker_text(size: int) -> str:
    return f"A scratch image of Rangepair, {size} bytes: workloads may overwrite it.\n"
