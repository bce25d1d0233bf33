# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The undo steps. Each stands for an act that the engine has already done.

A step is pushed only after the engine said yes, so the stack never lists what did not happen; its
first ``redo`` is therefore empty. Steps hold ids, never names and never data: names are looked up
when they are needed, because a copy may have been renamed meanwhile, here or by another program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtGui import QUndoCommand
from typing_extensions import override

from gui.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.session import VolumeSession


class ActDoer(Protocol):
    """Carries a step out on the engine."""

    def names_of(self, ids: Sequence[int]) -> list[str]:
        """Return the present names of the copies that are still there."""
        ...

    def carry_out(self, step: CatalogStep, work: Callable[[VolumeSession], object]) -> None:
        """Send ``work``; if the engine refuses, say why and make the step obsolete."""
        ...

    def give_up(self, step: CatalogStep, why: str) -> None:
        """Say why the step cannot be taken any more."""
        ...


class CatalogStep(QUndoCommand):
    """An act on some copies and the way back.

    Attributes:
        ids: The copies it is about.
        selects: The copy to look at after the act, or ``None``.
    """

    def __init__(self, text: str, ids: Sequence[int], doer: ActDoer) -> None:
        super().__init__(text)
        self.ids = list(ids)
        self._doer = doer
        self._is_done = True

    def forward(self, session: VolumeSession, names: list[str]) -> None:
        """Do the act again."""
        raise NotImplementedError

    def backward(self, session: VolumeSession, names: list[str]) -> None:
        """Take the act back."""
        raise NotImplementedError

    @override
    @guarded
    def redo(self) -> None:
        if self._is_done:  # pushed just now: the engine did it before the push
            self._is_done = False
            return
        self._send(self.forward)

    @override
    @guarded
    def undo(self) -> None:
        self._send(self.backward)

    def _send(self, way: Callable[[VolumeSession, list[str]], None]) -> None:
        names = self._doer.names_of(self.ids)
        if len(names) < len(self.ids):
            self.setObsolete(True)
            self._doer.give_up(self, "a copy it is about has been purged")
            return
        self._doer.carry_out(self, lambda session: way(session, names))


class TakeStep(CatalogStep):
    """A snapshot or clone was taken. The way back hides it; nothing is lost by that."""

    @override
    def forward(self, session: VolumeSession, names: list[str]) -> None:
        session.undelete(names)

    @override
    def backward(self, session: VolumeSession, names: list[str]) -> None:
        session.delete(names)


class DeleteStep(CatalogStep):
    """Copies were soft-deleted."""

    @override
    def forward(self, session: VolumeSession, names: list[str]) -> None:
        session.delete(names)

    @override
    def backward(self, session: VolumeSession, names: list[str]) -> None:
        session.undelete(names)


class UndeleteStep(CatalogStep):
    """Soft-deleted copies were brought back."""

    @override
    def forward(self, session: VolumeSession, names: list[str]) -> None:
        session.undelete(names)

    @override
    def backward(self, session: VolumeSession, names: list[str]) -> None:
        session.delete(names)


class RenameStep(CatalogStep):
    """A copy was given another name."""

    def __init__(self, old: str, new: str, copy_id: int, doer: ActDoer) -> None:
        super().__init__(f"Rename '{old}' to '{new}'", [copy_id], doer)
        self._old = old
        self._new = new

    @override
    def forward(self, session: VolumeSession, names: list[str]) -> None:
        session.rename(names[0], self._new)

    @override
    def backward(self, session: VolumeSession, names: list[str]) -> None:
        session.rename(names[0], self._old)


class LockStep(CatalogStep):
    """Copies were locked against deletion, or unlocked."""

    def __init__(self, text: str, ids: Sequence[int], doer: ActDoer, *, locked: bool) -> None:
        super().__init__(text, ids, doer)
        self._locked = locked

    @override
    def forward(self, session: VolumeSession, names: list[str]) -> None:
        session.lock(names, locked=self._locked)

    @override
    def backward(self, session: VolumeSession, names: list[str]) -> None:
        session.lock(names, locked=not self._locked)
