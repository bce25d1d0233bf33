# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One view of a volume, attached: the steps up, and the same steps down."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from core.attach import filesystem, mounttable
from core.attach.freeze import thaw_at
from core.attach.loopdevice import LoopDevice
from core.attached import AttachedView
from core.errors import AttachError, UsageError
from core.fuse import kernel
from core.fuse.diskfile import DiskFile
from core.fuse.door import Door

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.attach.record import Record
    from core.session import VolumeSession

_log = logging.getLogger(__name__)


class Wish(NamedTuple):
    """What is to be attached, and how far.

    Attributes:
        mount: Absolute path of the folder to mount in, which is made if only its parent is there;
            empty for none.
        partition: Number of the one to mount; None to look for it.
    """

    copy: str
    read_only: bool
    mount: str = ""
    partition: int | None = None


class Attachment:
    """A view that is attached.

    Attributes:
        view: What is told of it.
    """

    def __init__(
        self, volume: VolumeSession, image: str, path: Path, wish: Wish, record: Record
    ) -> None:
        """Attach what is wished; ``record`` always says how far that is.

        Args:
            volume: Open.
            image: Its image, as it is told.
            path: Where the file shall be; there is none yet.
            wish: What is to be attached; it has passed ``check_wish``.
            record: Where it is written down.

        Raises:
            RangepairError: It cannot be; nothing of it is left.
        """
        file = DiskFile(volume, wish.copy, read_only=wish.read_only)
        self._record = record
        self._loop: LoopDevice | None = None
        self._mounted: filesystem.Mounted | None = None
        self.view = AttachedView(
            image=image, copy=wish.copy, way=[], file=str(path), read_only=file.read_only
        )
        with contextlib.ExitStack() as undo:
            undo.callback(self._forget)
            self._note()
            path.touch(mode=0o600)
            self._door = Door(file, path)
            undo.callback(self._door.slam)
            self._note(way=["fuse" if self._door.way == "mount" else self._door.way])
            if self._door.way == "mount":
                self._set_up_loop(undo)
                self._mount(wish)
            else:
                self._note(
                    notices=["Loop devices and mounting need root; the file is there without them."]
                )
            undo.pop_all()

    def _set_up_loop(self, undo: contextlib.ExitStack) -> None:
        loop = LoopDevice(Path(self.view.file), read_only=self.view.read_only)
        self._loop = loop
        undo.callback(loop.close)
        self._note(way=[*self.view.way, "loop"], loop=loop.path)
        if not loop.partitions():
            loop.find_partitions()
        loop.await_nodes()
        loop.forget_pages()
        self._note(partitions=loop.partitions())

    def _mount(self, wish: Wish) -> None:
        if not wish.mount:
            return
        assert self._loop is not None
        device = filesystem.choose(self._loop.nodes, wish.partition)
        self._make_folder(wish.mount)
        mounted = filesystem.mount(device, Path(wish.mount), read_only=self.view.read_only)
        self._mounted = mounted
        notice = mounted.options.notice
        self._note(
            mount=wish.mount,
            mounted=device,
            filesystem=mounted.kind,
            options=mounted.options.words,
            notices=[f"The {mounted.kind} is mounted as it is: {notice}."] if notice else [],
        )

    def _make_folder(self, path: str) -> None:
        """Make the folder to mount in, if it is not there."""
        if os.path.isdir(path):  # noqa: PTH112 - a string stays one
            return
        try:
            os.mkdir(path)  # noqa: PTH102
        except OSError as error:
            raise AttachError(
                f"{path} cannot be made ({error.strerror}); choose another folder to mount in."
            ) from error
        self._note(made=path)

    def detach(self) -> None:
        """Undo everything, in the reverse order.

        Raises:
            AttachError: Something of it is in use; what was not yet undone stays, and a file system
                that could only be taken away in part is mounted again.
        """
        self.check_unused()  # what was inside is gone by now
        was = self.view
        self._unmount()
        if self._loop is not None:
            self._give_loop_back(was)
        try:
            self._door.close()
        except OSError as error:
            users = mounttable.told_holders(self.view.file)
            raise AttachError(
                f"{self.view.file} is in use{users} ({error.strerror}); close it there and detach"
                " it again."
            ) from error
        self._forget()

    def check_unused(self, going: Collection[str] = ()) -> None:
        """See that nothing is in use, before something is undone.

        Args:
            going: Folders in which is mounted what is undone before this.

        Raises:
            AttachError: It is.
        """
        view = self.view
        nodes = [] if self._loop is None else self._loop.nodes
        for mount in mounttable.mounts_from(nodes):
            if (mount.source, mount.point) != (view.mounted, view.mount):
                raise AttachError(
                    f"{mount.source} is also mounted at {mount.point}; unmount it there and detach"
                    " it again."
                )
        if self._door.open_count > (self._loop is not None):
            users = mounttable.told_holders(view.file)
            raise AttachError(f"{view.file} is open{users}; close it there and detach it again.")
        if not self._has_mounts_inside(going):
            self._unmount(kernel.Unmounting.EXPIRE)

    def _has_mounts_inside(self, going: Collection[str]) -> bool:
        """Return whether what is going is mounted inside: the kernel cannot be asked then.

        Raises:
            AttachError: Something else is, or the file system is in use.
        """
        point = self.view.mount
        inside = [one.point for one in mounttable.mounts() if one.point.startswith(f"{point}/")]
        if not point or not inside or not self._is_mounted():
            return False
        if staying := [one for one in inside if one not in going]:
            raise AttachError(
                f"Something is mounted at {staying[0]}, inside {point}; take that away first, and"
                " detach it again."
            )
        if users := mounttable.told_holders(point):
            raise AttachError(
                f"The file system at {point} is in use{users}; end that and detach it again."
            )
        return True

    def _unmount(self, how: int = 0) -> None:
        """Unmount what is still mounted, or only ask whether that would be refused.

        Raises:
            AttachError: It is in use.
        """
        view = self.view
        if not view.mount or not self._is_mounted():
            return
        try:
            kernel.unmount(view.mount, how)
        except OSError as error:
            if error.errno == errno.EAGAIN:  # nobody uses it; a look at it takes the mark away
                os.close(os.open(view.mount, os.O_RDONLY | os.O_CLOEXEC))
                return
            if error.errno != errno.EBUSY:
                raise AttachError(
                    f"{view.mount} cannot be unmounted ({error.strerror}); nothing was detached."
                ) from error
            users = mounttable.told_holders(view.mount)
            raise AttachError(
                f"The file system at {view.mount} is in use{users}; end that and detach it again."
            ) from error
        self._note(mount="", mounted="", options="")

    def _is_mounted(self) -> bool:
        """Return whether what is mounted there is still ours; the user may have unmounted it.

        Raises:
            AttachError: Something else is mounted over it.
        """
        there = [mount for mount in mounttable.mounts() if mount.point == self.view.mount]
        if all(mount.source != self.view.mounted for mount in there):
            return False
        if there[-1].source != self.view.mounted:
            raise AttachError(
                f"{there[-1].source} is mounted over {self.view.mount}; unmount that and detach"
                " again."
            )
        return True

    def _give_loop_back(self, was: AttachedView) -> None:
        """Give the loop device back; if somebody has it, restore what ``was``."""
        assert self._loop is not None
        try:
            self._loop.claim()
        except OSError as error:
            if was.mount and self._mounted is not None:
                failed = filesystem.remount(was.mounted, Path(was.mount), self._mounted)
                self._record_view(self.view if failed else was)
            raise AttachError(
                f"{self._loop.path} is in use ({error.strerror}), perhaps mounted out of sight of"
                " this process; end that and detach it again."
            ) from error
        self._loop.close()
        self._loop = None
        self._note(loop="", partitions=[])

    def abandon(self) -> None:
        """Undo everything, whoever uses it: what was written so far is made durable first."""
        view = self.view
        with contextlib.suppress(OSError, AttachError):
            if view.mount and self._is_mounted():
                thaw_at(view.mount)
                # That fails if any write before was refused, as for want of room.
                with contextlib.suppress(OSError):
                    _sync(view.mount)
                kernel.unmount(view.mount, kernel.Unmounting.LAZY)
        if self._loop is not None:
            with contextlib.suppress(OSError):
                self._loop.close()
        self._door.slam()
        self._forget()

    def _note(self, **changes: object) -> None:
        """Change what is told, and write it down."""
        self._record_view(msgspec.structs.replace(self.view, **changes))

    def _record_view(self, view: AttachedView) -> None:
        self.view = view
        self._record.write(view)

    def _forget(self) -> None:
        if self.view.made:
            with contextlib.suppress(OSError):  # somebody else has put something into it
                os.rmdir(self.view.made)  # noqa: PTH106
        with contextlib.suppress(OSError):
            Path(self.view.file).unlink()
        self._record.remove()


def check_wish(wish: Wish) -> None:
    """See to it that a wish can come true, before anything is done for it.

    Raises:
        UsageError: It asks for nothing that makes sense.
        AttachError: It cannot.
    """
    if wish.partition is not None and not wish.mount:
        raise UsageError("--partition says what to mount; name a folder with --mount.")
    if wish.mount and os.geteuid():
        raise AttachError("Only root can mount a file system; leave --mount out to get a file.")
    # Strings, as a Path raises for odd ones.
    if not wish.mount or os.path.isdir(wish.mount):  # noqa: PTH112
        return
    if "\0" in wish.mount or os.path.lexists(wish.mount):
        raise AttachError(f"{wish.mount} is no folder to mount in; choose another.")
    parent = os.path.dirname(wish.mount)  # noqa: PTH120
    if not os.path.isdir(parent):  # noqa: PTH112
        raise AttachError(
            f"{wish.mount} is no folder to mount in and cannot be made, as there is no {parent};"
            " make that, or choose another."
        )


def _sync(point: str) -> None:
    """Write back what is waiting for a file system."""
    descriptor = os.open(point, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        kernel.sync_file_system(descriptor)
    finally:
        os.close(descriptor)
