# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A view that stands still while it is read, whoever writes meanwhile.

A snapshot does by itself. Of the original and of clones a snapshot is taken for the time of the
reading, unless nobody else can write, because this process alone has the volume or because it takes
no writes: then nothing needs to be made, not even an additional area.
A process that is killed meanwhile leaves that snapshot, whose name says what it was for.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from core.errors import NoSuchCopyError
from core.session import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.answers import CopyInfo
    from core.session import VolumeSession


@contextlib.contextmanager
def still(session: VolumeSession, copy: str, purpose: str, *, is_alone: bool) -> Iterator[str]:
    """Lend the name of a view with the content of ``copy`` as it is now.

    Args:
        session: The volume.
        copy: A copy, or the original.
        purpose: One word; the temporary snapshot is called after it.
        is_alone: Nobody else can write to the volume now.

    Raises:
        RangepairError: There is no such copy, or no snapshot can be taken.
    """
    info = session.info()
    is_unwritable = info.read_only or bool(info.notice)
    if is_alone or is_unwritable or is_snapshot(session, copy):
        yield copy
        return
    name = free_name(session, purpose)
    session.snapshot(name, copy)
    try:
        yield name
    finally:
        session.delete([name], now=True)


def copy_named(session: VolumeSession, name: str) -> CopyInfo:
    """Return a copy that is not deleted.

    Raises:
        NoSuchCopyError: There is none of this name.
    """
    for copy in session.info().copies:
        if copy.name == name:
            if copy.deleted:
                raise NoSuchCopyError(f"The copy {name!r} is deleted; undelete it first.")
            return copy
    raise NoSuchCopyError.named(name)


def is_snapshot(session: VolumeSession, name: str) -> bool:
    """Return whether ``name`` is a snapshot; False for the original and clones.

    Raises:
        NoSuchCopyError: There is none of this name.
    """
    return name != ORIGINAL and copy_named(session, name).kind == "snapshot"


def free_name(session: VolumeSession, purpose: str) -> str:
    """Return a name that says when and what for, and that no copy has."""
    taken = {copy.name for copy in session.info().copies}
    base = f"{purpose}-{time.strftime('%Y%m%d-%H%M%S')}"
    number, name = 1, base
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name
