# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Holding a mounted file system still for a moment, so that a copy has it whole.

Freezing (FIFREEZE) lets the kernel put everything in place that was written so far and keeps new
writes waiting; what is copied meanwhile needs no repair. It belongs to no descriptor: a file system
whose freezer was killed would stay frozen, and with it everybody who writes. So a guard is
started first, a process that waits for its starter to say that it thawed, and thaws itself if the
starter dies or takes too long.

Frozen must not be what the engine needs to take the copy: a file system that holds the image, the
additional area or the meeting place, or on which such a one lies. It would wait for itself.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from core.attach import freezeguard, mounttable
from core.errors import FreezeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from core.attached import AttachedView

_FREEZE: Final = 0xC0045877
FROZEN_S_MAX: Final = 30.0
"""After that the guard thaws, whatever the copy does."""
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Copied(NamedTuple):
    """What is copied while a file system is frozen.

    Attributes:
        view: The original or a copy.
        attached: What is attached of its volume.
    """

    view: str
    attached: Sequence[AttachedView]


class Frozen:
    """A file system while it is frozen.

    Attributes:
        lasted: Whether it was frozen until the end; known once it is thawed.
        verified: Whether it is known to lie on what is copied.
    """

    def __init__(self, *, verified: bool = False) -> None:
        """Not thawed yet."""
        self.lasted = False
        self.verified = verified


@contextlib.contextmanager
def frozen(folder: str, needed: Sequence[str], copied: Copied | None = None) -> Iterator[Frozen]:
    """Keep the file system in which ``folder`` lies frozen for the block.

    Args:
        folder: Where it is mounted, or anywhere in it.
        needed: Paths that the engine reads or writes meanwhile.
        copied: What for; None if nothing is to be verified.

    Raises:
        FreezeError: It cannot be frozen, or lies elsewhere than what is copied; it is not.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise FreezeError(
            f"{folder} cannot be frozen ({error.strerror}); name the folder of a file system that"
            " is mounted."
        ) from error
    try:
        _refuse_needed(folder, needed)
        state = Frozen(verified=copied is not None and _lies_on(folder, copied))
        with _signals_raise(), _guard(descriptor):
            # A module loaded meanwhile must not be compiled into a folder that is frozen.
            sys.dont_write_bytecode = True
            _freeze(descriptor, folder)
            try:
                yield state
            finally:
                state.lasted = _thaw(descriptor)
    finally:
        os.close(descriptor)


def _refuse_needed(folder: str, needed: Sequence[str]) -> None:
    mount = mounttable.mount_of(folder)
    for path in needed:
        if not os.path.exists(path):  # noqa: PTH110 - that one raises for odd paths
            continue
        if mount is None or mount.device in mounttable.file_systems_under(path):
            raise FreezeError(
                f"The file system of {folder} also holds {path}, which must be written to take the"
                " copy: frozen, it would wait for itself; freeze the one that is on the volume."
            )


def _lies_on(folder: str, copied: Copied) -> bool:
    """Return whether a file system is known to lie on what is copied.

    Where that is not attached it may be in a virtual machine or a client's, and nothing is known.

    Raises:
        FreezeError: It is known to lie elsewhere.
    """
    mount = mounttable.mount_of(folder)
    files = set() if mount is None else mounttable.files_under(mount)
    views = {view.copy: view for view in copied.attached}
    there = next((view for view in views.values() if view.file in files), None)
    wanted = views.get(copied.view)
    if there is not None and there is wanted:
        return True
    if there is None and wanted is None:
        return False
    lies = "" if mount is None else f" on {mount.source}"
    if there is not None:
        lies += f", which is {there.copy!r}"
    raise FreezeError(
        f"{folder} lies{lies or ' elsewhere'}, and {copied.view!r}, which is copied,"
        f" {_told_place(wanted)}; freeze a folder on that, or leave --freeze out."
    )


def _told_place(view: AttachedView | None) -> str:
    """Return where a view is mounted, by whomever, or how it is attached."""
    if view is None:
        return "is not attached"
    points = [one.point for one in mounttable.mounts() if view.file in mounttable.files_under(one)]
    if points:
        return f"is mounted at {', '.join(points)}"
    return f"is attached as {view.loop or view.file} and not mounted"


def _freeze(descriptor: int, folder: str) -> None:
    try:
        fcntl.ioctl(descriptor, _FREEZE, 0)
    except OSError as error:
        advice = {
            errno.EPERM: "only root can; run this as root, or take the copy without --freeze",
            errno.EBUSY: "another program has frozen it; thaw it with 'fsfreeze --unfreeze'",
            errno.EOPNOTSUPP: "this kind cannot be frozen; take the copy without --freeze",
        }.get(error.errno or 0, "take the copy without --freeze")
        raise FreezeError(
            f"The file system of {folder} cannot be frozen ({error.strerror}): {advice}."
        ) from error


def _thaw(descriptor: int) -> bool:
    """Thaw; return whether it was frozen until now."""
    try:
        fcntl.ioctl(descriptor, freezeguard.THAW, 0)
    except OSError:
        return False
    return True


def thaw_at(point: str) -> None:
    """Thaw the file system mounted at ``point``, whoever froze it; nothing if nobody did.

    One that is unmounted while it is frozen stays alive in the kernel, out of everybody's reach,
    and its device with it.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(point, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _thaw(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Let a signal that would end this process end the block instead."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, end) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _guard(descriptor: int) -> Iterator[None]:
    """Have another process thaw if this one does not get to it."""
    import subprocess  # slow to load, and seldom needed

    ours, theirs = os.pipe()
    words = [freezeguard.__file__, str(descriptor), str(ours), str(FROZEN_S_MAX)]
    try:
        guard = subprocess.Popen(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-I", "-B", *words],
            pass_fds=(descriptor, ours),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # out of reach of what a terminal sends
        )
    finally:
        os.close(ours)
    try:
        yield
        with contextlib.suppress(BrokenPipeError):  # its patience ended, and it with that
            os.write(theirs, b"!")
    finally:
        os.close(theirs)
        guard.wait()
