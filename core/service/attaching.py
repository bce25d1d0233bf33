# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Requests about attached views: a file, a loop device, a mounted file system.

The engine process answers them itself. It stays while something is attached, whether a client is
there or not, and what is attached keeps its name and content until it is detached.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from core.attached import AttachedView
from core.service.meetingplace import meeting_place
from core.service.request import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.attach.attachments import Attachments
    from core.service.client import RemoteVolume


def attached_folder(image: str | os.PathLike[str]) -> Path:
    """Return the folder for the attached files of ``image``, whether it is there or not.

    Raises:
        RangepairError: There is no such image, or no runtime folder.
    """
    return Path(os.path.realpath(meeting_place(image).log.with_suffix(".attached")))


class AttachingRequest(Request):
    """Base of the requests about attached views."""

    def carry_out(self, attachments: Attachments) -> Any:
        """Return the value that answers the request."""
        raise NotImplementedError


class Attach(AttachingRequest, tag="attach"):
    """Attach a view.

    Attributes:
        mount: Absolute path of a folder, which is made if it is not there; empty for none.
        partition: Number of the one to mount; None to look for it.
    """

    answer = AttachedView
    copy: str
    read_only: bool
    mount: str
    partition: int | None

    def carry_out(self, attachments: Attachments) -> AttachedView:
        """Attach it."""
        from core.attach.attachment import Wish

        return attachments.attach(Wish(self.copy, self.read_only, self.mount, self.partition))


class Detach(AttachingRequest, tag="detach"):
    """Detach a view; None detaches all."""

    answer = list[AttachedView]
    copy: str | None

    def carry_out(self, attachments: Attachments) -> list[AttachedView]:
        """Detach it."""
        return attachments.detach(self.copy)


class ListAttached(AttachingRequest, tag="list-attached"):
    """What is attached."""

    answer = list[AttachedView]

    def carry_out(self, attachments: Attachments) -> list[AttachedView]:
        """Return it."""
        return attachments.views()


def attach(
    volume: RemoteVolume,
    copy: str,
    *,
    read_only: bool = False,
    mount: str = "",
    partition: int | None = None,
) -> AttachedView:
    """Have the engine process attach a view.

    Args:
        volume: Its client.
        copy: A copy, or ``"original"``.
        read_only: Let nothing write to it; snapshots never take writes.
        mount: Absolute path of the folder to mount it in, made if only its parent is there; empty
            for none.
        partition: Number of the one to mount; None to look for it.

    Raises:
        RangepairError: It cannot be attached; nothing of it is left.
    """
    return cast("AttachedView", volume.ask(Attach(copy, read_only, mount, partition)))


def detach(volume: RemoteVolume, copy: str | None = None) -> list[AttachedView]:
    """Have the engine process detach a view, or all; return what was detached.

    Raises:
        AttachError: It is not attached, or in use.
    """
    return cast("list[AttachedView]", volume.ask(Detach(copy)))


def attached(volume: RemoteVolume) -> Sequence[AttachedView]:
    """Return what the engine process has attached."""
    return cast("list[AttachedView]", volume.ask(ListAttached()))


def claim_for(
    attachments: Attachments, request: Request
) -> contextlib.AbstractContextManager[None]:
    """Return a block in which nothing is attached that ``request`` would pull from its users.

    Raises:
        CopyInUseError: On entering: it is attached already.
    """
    match request.method:
        case "restore":
            return attachments.claimed(["original"], "be restored")
        case "resize":
            return attachments.claimed(["original"], "be resized")
        case "rename":
            return attachments.claimed([getattr(request, "name")], "be renamed")  # noqa: B009
        case "delete" | "purge":
            return attachments.claimed(getattr(request, "names"), "be deleted")  # noqa: B009
    return contextlib.nullcontext()
