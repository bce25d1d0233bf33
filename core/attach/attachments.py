# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""All views of one volume that its process has attached."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from core.attach import mounttable
from core.attach import record as records
from core.attach.attachment import Attachment, Wish, check_wish
from core.engine import Volume
from core.errors import AttachError, CopyInUseError
from core.session import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from core.attached import AttachedView
    from core.session import VolumeSession

_LOOK_AGAIN_S: Final = 0.2
_log = logging.getLogger(__name__)


class Attachments:
    """What is attached of one volume; one attachment for each view. From any thread.

    An act that would pull a view from under its users claims it for as long as the act takes.
    Looking once would not do: a restore may wait for minutes before it begins.
    """

    def __init__(self, volume: VolumeSession, image: str, folder: Path) -> None:
        """Attach views of ``volume`` as files in ``folder``, which is made when it is needed."""
        self._volume = volume
        self._image = image
        self._place = records.Place(folder)
        self._attached: dict[str, Attachment] = {}
        self._claims: Counter[str] = Counter()
        self._lock = threading.Lock()
        if isinstance(volume, Volume):
            volume.spare(self._attached.__contains__)

    @property
    def is_any(self) -> bool:
        """Whether something is attached."""
        return bool(self._attached)

    def views(self) -> list[AttachedView]:
        """Return what is attached, in the order in which it was."""
        return [attachment.view for attachment in list(self._attached.values())]

    def attach(self, wish: Wish) -> AttachedView:
        """Attach a view; what a killed process left of this volume is cleared away first.

        Raises:
            RangepairError: It cannot be attached; nothing of it is left.
        """
        with self._lock:
            there = self._attached.get(wish.copy)
            if there is not None:
                raise AttachError(f"It is attached already, at {there.view.file}; detach it first.")
            if self._claims[wish.copy]:
                raise CopyInUseError(
                    f"{wish.copy!r} is just being restored, resized, renamed or deleted; attach it"
                    " when that is done."
                )
            records.clear_leftovers(self._place)
            check_wish(wish)
            if wish.mount:
                wish = wish._replace(mount=os.path.realpath(wish.mount))  # as the kernel tells it
                self._refuse_taken(wish.mount)
            self._place.make()
            path = self._path_for(wish.copy)
            record = records.Record(self._place, path.name)
            try:
                attachment = Attachment(self._volume, told(self._image), path, wish, record)
            except OSError as error:
                raise AttachError(
                    f"It cannot be attached ({error.strerror or error}); free some resources of the"
                    " system and try again."
                ) from error
            finally:
                self._place.clear()
            self._attached[wish.copy] = attachment
            return attachment.view

    def _refuse_taken(self, point: str) -> None:
        """See that nothing is mounted in a folder: that could not be taken away below another.

        Raises:
            AttachError: Something is.
        """
        for name, attachment in self._attached.items():
            if f"{attachment.view.mount}/".startswith(f"{point}/"):
                raise AttachError(
                    f"{name!r} is mounted at {attachment.view.mount} already; detach it first, or"
                    " choose another folder."
                )
        there = [mount for mount in mounttable.mounts() if mount.point == point]
        if not there:
            return
        raise AttachError(
            f"{point} has {there[-1].source} ({there[-1].kind}) mounted already; unmount that"
            " first, or choose another folder."
        )

    def _path_for(self, copy: str) -> Path:
        """Return the path of the file of a view: the image's name, and the copy's."""
        name = told(os.path.basename(self._image))  # noqa: PTH119 - a string stays one
        if copy != ORIGINAL:
            name = f"{name}@{copy}"
        if len(name.encode()) > records.NAME_BYTES_MAX or name == self._place.records.name:
            number = next((one.id for one in self._volume.info().copies if one.name == copy), 0)
            name = f"copy-{number}"
        return self._place.folder / name

    def detach(self, copy: str | None = None) -> list[AttachedView]:
        """Detach a view, or all, the last attached first; return what was detached.

        Raises:
            AttachError: It is not attached, or in use; nothing was detached.
        """
        with self._lock:
            gone = [
                view
                for view in records.clear_leftovers(self._place)
                if copy is None or view.copy == copy
            ]
            if copy is not None and copy not in self._attached and not gone:
                raise AttachError(f"{copy!r} is not attached; nothing was done.")
            wanted = [name for name in reversed(self._attached) if copy in {None, name}]
            going = {self._attached[name].view.mount for name in wanted}
            for name in wanted:
                self._attached[name].check_unused(going)
            for name in wanted:
                view = self._attached[name].view
                self._attached[name].detach()
                del self._attached[name]
                gone.append(view)
            self._place.clear()
            return gone

    @contextlib.contextmanager
    def claimed(self, names: Sequence[str], what: str) -> Iterator[None]:
        """Let nobody attach these views within the block.

        Args:
            names: Of views.
            what: What cannot be done to them while they are attached, as in ``"be renamed"``.

        Raises:
            CopyInUseError: One of them is attached.
        """
        with self._lock:
            for name in names:
                if name in self._attached:
                    view = self._attached[name].view
                    raise CopyInUseError(
                        f"{name!r} is attached at {view.mount or view.file} and cannot {what}"
                        " meanwhile; detach it first."
                    )
            self._claims.update(names)
        try:
            yield
        finally:
            with self._lock:
                self._claims.subtract(names)

    def end(self, patience_s: float) -> None:
        """Detach everything: what is in use after ``patience_s`` is taken away from its users."""
        deadline = time.monotonic() + patience_s
        while self._attached:
            try:
                self.detach()
            except AttachError as error:
                if time.monotonic() < deadline:
                    time.sleep(_LOOK_AGAIN_S)
                    continue
                _log.warning("taken away all the same: %s", error.message)
                with self._lock:
                    _, attachment = self._attached.popitem()
                    attachment.abandon()
                    self._place.clear()


def told(path: str) -> str:
    """Return a path as text, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
