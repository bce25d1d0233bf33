# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where the engine process of an image and its clients meet: a folder only this user can enter.

The files of an image are named by the identity of the image (device and inode), not by its path,
so that every path that leads to one image leads to one engine. Nothing here is trusted on sight:
a folder that another user owns or may enter is refused, because whoever can replace the socket in
it could read every write.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from core.device.refusals import explain_open
from core.errors import EngineGoneError, ImageError

SOCKET_PATH_BYTES_MAX = 107
"""``sun_path`` of Linux holds 108 bytes, the closing zero included."""


class MeetingPlace(NamedTuple):
    """The files of one image's engine process.

    Attributes:
        socket: Control socket.
        ring: Shared memory of the event ring.
        log: What an engine process prints when it breaks.
    """

    socket: Path
    ring: Path
    log: Path

    @property
    def nbd(self) -> Path:
        """Socket for NBD clients, if the volume is served and nobody chose another place."""
        return self.socket.with_suffix(".nbd")


def runtime_folder() -> Path:
    """Return the user's own runtime folder for engines, made with mode 0700 when missing.

    A relative one in the environment counts for nothing, as the XDG specification has it: it would
    be another one in each working folder, that of the engine process included.

    Raises:
        EngineGoneError: The folder cannot be made, or belongs to or is open to somebody else.
    """
    given = _folder_of("XDG_RUNTIME_DIR")
    own = Path(f"/run/user/{os.getuid()}")
    if given:
        folder = Path(given) / "rangepair"
    elif own.is_dir():
        folder = own / "rangepair"
    else:
        folder = Path(_folder_of("TMPDIR") or "/tmp") / f"rangepair-{os.getuid()}"  # noqa: S108
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise EngineGoneError(
            f"The runtime folder {folder} cannot be made ({error.strerror});"
            " set XDG_RUNTIME_DIR to a folder of your own."
        ) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise EngineGoneError(
            f"The runtime folder {folder} is not private to you, so no engine is reached through"
            " it; remove it, or set XDG_RUNTIME_DIR to a folder of your own."
        )
    return folder


def _folder_of(variable: str) -> str:
    """Return the absolute path that the environment holds, or nothing."""
    path = os.environ.get(variable, "")
    return path if os.path.isabs(path) else ""  # noqa: PTH117 - a string stays one


def meeting_place(image: str | os.PathLike[str]) -> MeetingPlace:
    """Return the files of the engine process that serves ``image``, whether one runs or not.

    Raises:
        ImageError: There is no such image.
        EngineGoneError: The runtime folder cannot be used.
    """
    if not os.fspath(image):
        raise ImageError("The path of the image is empty; name an image file.")
    try:
        status = os.stat(image)  # noqa: PTH116 - os.PathLike and str alike, no object in between
    except OSError as error:
        raise explain_open(os.fspath(image), "image", error) from error
    except ValueError as error:
        raise ImageError("The path of the image holds a zero byte, as no path can.") from error
    if stat.S_ISBLK(status.st_mode):
        name = f"block-{status.st_rdev:x}"
    else:
        name = f"{status.st_dev:x}-{status.st_ino:x}"
    folder = runtime_folder()
    place = MeetingPlace(folder / f"{name}.sock", folder / f"{name}.ring", folder / f"{name}.log")
    if len(os.fsencode(place.socket)) > SOCKET_PATH_BYTES_MAX:
        raise EngineGoneError(
            f"The runtime folder {folder} has too long a path for a socket;"
            " set XDG_RUNTIME_DIR to a shorter one."
        )
    return place
