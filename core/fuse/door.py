# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The one module that owns ``/dev/fuse``: a file mounted over a path, and who answers for it.

The mount lies over an ordinary, empty file, so the path *is* the disk image and no folder is
needed. Root mounts it with a system call, anybody else through ``fusermount3``, which hands back
the descriptor. When the mount goes, every read of the descriptor ends with ENODEV and so does its
thread; when this process dies the kernel answers ENOTCONN to whoever uses the file, until somebody
unmounts it.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import mmap
import os
import shutil
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Final, Literal

from core.errors import AttachError
from core.fuse import kernel, protocol
from core.fuse.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.fuse.session import ServedFile

    Way = Literal["mount", "fusermount3"]

READERS: Final = 2
"""Threads that answer: while one waits for the disk or for a flush, the other still answers. More
gain nothing where one interpreter runs one thread at a time, and make a lone client slower."""
RELEASE_S_MAX: Final = 2.0
"""How long a close that has returned may take to arrive here."""
_LOOK_AGAIN_S: Final = 0.01
_OPTIONS: Final = f"default_permissions,max_read={protocol.PAYLOAD_BYTES_MAX}"
_log = logging.getLogger(__name__)


class Door:
    """A file of this process that others can open.

    Attributes:
        path: Where it is.
        way: How it was mounted.
    """

    def __init__(self, file: ServedFile, path: Path) -> None:
        """Mount ``file`` over ``path``, an empty file of this user, and answer for it.

        Raises:
            AttachError: The system does not let it.
        """
        self.path = path
        self._session = Session(file, os.getuid(), os.getgid())
        self.way: Way = "mount" if os.geteuid() == 0 else "fusermount3"
        open_device = _mount_as_root if self.way == "mount" else _mount_through_program
        self._device = open_device(path)
        self._readers = [
            threading.Thread(target=self._answer_all, name="fuse", daemon=True)
            for _ in range(READERS)
        ]
        for reader in self._readers:
            reader.start()

    @property
    def open_count(self) -> int:
        """How many times the file is open now."""
        return self._session.open_count

    def close(self) -> None:
        """Unmount the file, and return when nobody answers for it any more.

        Raises:
            OSError: It is in use (EBUSY); it goes on being answered for.
        """
        deadline = time.monotonic() + RELEASE_S_MAX
        while True:
            try:
                self._unmount()
            except OSError as error:
                # The kernel drops the last use of a file after the call that ended it returned.
                if error.errno != errno.EBUSY or time.monotonic() >= deadline:
                    raise
                time.sleep(_LOOK_AGAIN_S)
            else:
                break
        self._end()

    def slam(self) -> None:
        """Take the file away whoever uses it: they are answered EIO from now on."""
        with contextlib.suppress(OSError):
            self._unmount(kernel.Unmounting.FORCE)
        with contextlib.suppress(OSError):
            self._unmount(kernel.Unmounting.LAZY)
        self._end()

    def _unmount(self, how: int = 0) -> None:
        if self.way == "mount":
            kernel.unmount(self.path, how)
            return
        done = _run([_fusermount(), "-u", *(["-z"] if how else []), "--", str(self.path)])
        if done.returncode:
            number = errno.EBUSY if "busy" in done.stderr else errno.EINVAL
            raise OSError(number, done.stderr.strip(), str(self.path))

    def _end(self) -> None:
        for reader in self._readers:
            reader.join(RELEASE_S_MAX)
        os.close(self._device)  # and with it the connection, should the kernel still have one

    def _answer_all(self) -> None:
        """Answer requests until the file is unmounted."""
        arena = mmap.mmap(-1, protocol.PAGE_BYTES + protocol.PAYLOAD_BYTES_MAX)
        # So that the data of a write begins at a page.
        received = memoryview(arena)[protocol.PAGE_BYTES - protocol.WRITE_AT :]
        place, answer, device = [received], self._session.answer, self._device
        while True:
            try:
                count = os.readv(device, place)
            except OSError as error:
                if error.errno in {errno.EINTR, errno.EAGAIN, errno.ENOENT}:
                    continue  # the request was taken back while it was read
                if error.errno != errno.ENODEV:
                    _log.exception("%s is answered for no more", self.path)
                return
            try:
                parts = answer(received[:count])
                if parts:
                    os.writev(device, parts)
            except OSError as error:
                if error.errno not in {errno.ENOENT, errno.ENODEV}:  # nobody waits for it any more
                    _log.exception("a reply was not taken")
            except protocol.ProtocolError:
                _log.exception("the kernel sent what is no request")


def _mount_as_root(path: Path) -> int:
    """Mount by system call; return the descriptor of ``/dev/fuse``.

    Raises:
        AttachError: The system does not let it.
    """
    device = _attempt(lambda: os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC), "/dev/fuse")
    options = f"fd={device},rootmode=100600,user_id=0,group_id=0,{_OPTIONS}"
    flags = kernel.NO_SUID | kernel.NO_DEVICES
    try:
        kernel.mount("rangepair", path, "fuse.rangepair", flags, options)
    except OSError as error:
        os.close(device)
        raise AttachError(
            f"The kernel does not mount a file of FUSE at {path} ({error.strerror}); containers"
            " need /dev/fuse and the capability SYS_ADMIN for that."
        ) from error
    return device


def _attempt(open_device: Callable[[], int], what: str) -> int:
    try:
        return open_device()
    except OSError as error:
        raise AttachError(
            f"There is no way to attach without FUSE: {what} cannot be opened ({error.strerror});"
            " load the kernel module 'fuse', or in a container allow the device."
        ) from error


def _fusermount() -> str:
    """Return the program that mounts for users.

    Raises:
        AttachError: There is none.
    """
    found = shutil.which("fusermount3") or shutil.which("fusermount")
    if found is None:
        raise AttachError(
            "Only root can attach here, because fusermount3 is missing; install the package fuse3,"
            " or run this as root."
        )
    return found


def _mount_through_program(path: Path) -> int:
    """Mount through ``fusermount3``; return the descriptor that it sends.

    Raises:
        AttachError: It does not let us.
    """
    program = _fusermount()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        options = f"fsname=rangepair,subtype=rangepair,{_OPTIONS}"
        done = _run([program, "-o", options, "--", str(path)], theirs.fileno())
        if done.returncode:
            reason = done.stderr.strip().removeprefix(f"{program}: ")
            raise AttachError(
                f"fusermount3 does not mount a file at {path} ({reason}); run this as root."
            )
        ours.setblocking(False)
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    os.set_inheritable(descriptors[0], False)
    return descriptors[0]


def _run(command: list[str], descriptor: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``fusermount3`` to its end; it sends its answer through ``descriptor``, if any."""
    told = {} if descriptor is None else {"_FUSE_COMMFD": str(descriptor)}
    return subprocess.run(  # noqa: S603 - no shell, and a path that we chose
        command,
        env=os.environ | told | {"LC_ALL": "C"},
        pass_fds=() if descriptor is None else (descriptor,),
        capture_output=True,
        text=True,
        check=False,
    )


def remove_dead(path: str) -> None:
    """Unmount what is left at ``path`` of a file whose process has died; nothing if nothing is."""
    try:
        kernel.unmount(path, kernel.Unmounting.LAZY)
    except OSError as error:
        if error.errno == errno.EPERM:
            _run([_fusermount(), "-u", "-z", "--", path])
