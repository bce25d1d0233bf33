# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every act on the copies, in one place: ask the engine, then make it undoable, then tell."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import shiboken6
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from core.session import ORIGINAL
from core.units import format_bytes
from gui.commands.catalog import (
    CatalogStep,
    DeleteStep,
    LockStep,
    RenameStep,
    TakeStep,
    UndeleteStep,
)
from gui.commands.restoring import RestoreOffer, RestoreStep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.answers import CopyInfo, Usage
    from core.errors import RangepairError
    from core.longwork import RestorePlan
    from core.session import VolumeSession
    from gui.bridge.link import EngineLink


_PAST: Final = {"Take snapshot": "Took snapshot", "Clone": "Made clone"}


class Catalog(Protocol):
    """Who knows the copies as last told by the engine."""

    def copy(self, key: int) -> CopyInfo | None:
        """Return the copy with this id, soft-deleted ones included."""
        ...

    def copies(self) -> list[CopyInfo]:
        """Return all copies, soft-deleted ones included."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """A copy that was just taken, and the seconds the engine took for it."""

    copy: CopyInfo
    seconds: float


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What a purge would do, in words and bytes, before anybody agrees to it."""

    ids: list[int]
    names: list[str]
    freed_bytes: int

    @property
    def question(self) -> str:
        """The dialog's bold line."""
        if len(self.names) == 1:
            return f"Purge '{self.names[0]}'?"
        return f"Purge {len(self.names)} copies?"

    @property
    def consequence(self) -> str:
        """The dialog's text: which copies, how many bytes, and what stays."""
        listed = ", ".join(self.names[:12])
        more = len(self.names) - 12
        if more > 0:
            listed += f" and {more} more"
        freed = f"Frees {format_bytes(self.freed_bytes)}"
        return f"{listed}\n{freed}. The live volume and the other copies are not changed."

    @property
    def button(self) -> str:
        """The words of the button that does it."""
        return "Purge copy" if len(self.names) == 1 else f"Purge {len(self.names)} copies"


class Acts(QObject):
    """Asks the engine; owns the undo stack. Every method returns at once."""

    done = Signal(str, bool)
    """(sentence, whether Undo is offered)"""
    succeeded = Signal()
    """The engine has done an act, or taken one back."""
    taken = Signal(object)
    """Taken"""
    refused = Signal(object)
    """RangepairError, or a sentence."""
    restore_planned = Signal(object)
    """RestoreOffer: ask, then call ``restore``."""
    purge_planned = Signal(object)
    """PurgePlan: ask, then call ``purge``."""

    def __init__(self, link: EngineLink, catalog: Catalog, parent: QObject | None = None) -> None:
        """Begin with an empty stack."""
        super().__init__(parent)
        self._link = link
        self._catalog = catalog
        self._promised: set[str] = set()  # names asked for that the catalog does not list yet
        self.stack = QUndoStack(self)
        self.done.connect(self.succeeded)
        link.opened.connect(self._forget)
        link.closed.connect(self._forget)

    # -- acts -------------------------------------------------------------------------------

    def take_snapshot(self, name: str = "", of: str = ORIGINAL) -> None:
        """Take a read-only instant copy; without a name, the next free one is given."""
        chosen = name or self.free_name("snap")
        self._take("Take snapshot", chosen, lambda session: session.snapshot(chosen, of))

    def take_clone(self, of: str, name: str = "") -> None:
        """Take a writable instant copy."""
        chosen = name or self.free_name("clone")
        self._take("Clone", chosen, lambda session: session.clone(chosen, of))

    def rename(self, copy_id: int, new_name: str) -> None:
        """Give a copy another name."""
        copy = self._catalog.copy(copy_id)
        if copy is None or copy.name == new_name:
            return
        step = RenameStep(copy.name, new_name, copy_id, self)
        sentence = f"'{copy.name}' is now '{new_name}'"
        self._do(step, sentence, lambda session: session.rename(copy.name, new_name))

    def delete(self, ids: Sequence[int]) -> None:
        """Hide copies; they can be brought back until they are purged."""
        names = self.names_of(ids)
        if names:
            step = DeleteStep(f"Delete {_listed(names)}", ids, self)
            self._do(step, f"Deleted {_listed(names)}", lambda session: session.delete(names))

    def undelete(self, ids: Sequence[int]) -> None:
        """Bring soft-deleted copies back."""
        names = self.names_of(ids)
        if names:
            step = UndeleteStep(f"Bring back {_listed(names)}", ids, self)
            self._do(step, f"{_listed(names)} is back", lambda session: session.undelete(names))

    def set_locked(self, ids: Sequence[int], *, locked: bool) -> None:
        """Forbid or allow deletion."""
        names = self.names_of(ids)
        if not names:
            return
        verb = "Lock" if locked else "Unlock"
        step = LockStep(f"{verb} {_listed(names)}", ids, self, locked=locked)
        sentence = f"{verb}ed {_listed(names)}"
        self._do(step, sentence, lambda session: session.lock(names, locked=locked))

    def plan_restore(self, copy_id: int, *, is_merge: bool = False) -> None:
        """Find out what restoring a copy would do; ``restore_planned`` brings the answer.

        To merge a clone is the same, in other words.
        """
        names = self.names_of([copy_id])
        if not names:
            return

        def planned(answer: object) -> None:
            plan: RestorePlan = answer  # type: ignore[assignment]
            if plan.bytes:
                self.restore_planned.emit(RestoreOffer(copy_id, plan, is_merge))
            else:
                self.done.emit(f"The original equals '{plan.source}' already", False)

        self._link.query(lambda session: session.plan_restore(names[0]), planned, self._refuse)

    def restore(self, offer: RestoreOffer) -> None:
        """Make the original equal to a copy; a safety snapshot comes first and is the way back."""

        def done(answer: object) -> None:
            plan: RestorePlan = answer  # type: ignore[assignment]
            if plan.safety_id:
                ids = [offer.copy_id, plan.safety_id]
                step = RestoreStep(f"{offer.verb} '{plan.source}'", ids, self)
                self.stack.push(step)
                told = dataclasses.replace(offer, plan=plan)
                self.done.emit(told.told, True)

        source, safety = offer.plan.source, offer.plan.safety
        self._link.act(lambda session: session.restore(source, safety), done, self._refuse)

    def plan_purge(self, ids: Sequence[int]) -> None:
        """Find out what a purge would free; ``purge_planned`` brings the answer."""
        names = self.names_of(ids)
        if not names:
            return

        def planned(answer: object) -> None:
            usage: Usage = answer  # type: ignore[assignment]
            self.purge_planned.emit(PurgePlan(list(ids), names, usage.freed_bytes))

        self._link.query(lambda session: session.usage(names), planned, self._refuse)

    def purge(self, plan: PurgePlan) -> None:
        """Remove copies for good. There is no way back, so nothing is pushed."""
        deleted = {copy.name for copy in self._catalog.copies() if copy.deleted}

        def work(session: VolumeSession) -> None:
            hide = [name for name in plan.names if name not in deleted]
            if hide:
                session.delete(hide)
            session.purge(plan.names)

        def done(_answer: object) -> None:
            freed = format_bytes(plan.freed_bytes)
            self.done.emit(f"Purged {_listed(plan.names)}; {freed} freed", False)

        self._link.act(work, done, self._refuse)

    def free_name(self, stem: str) -> str:
        """Return ``stem-N`` with the lowest N above all that are taken."""
        numbers = [0]
        names = {copy.name for copy in self._catalog.copies()}
        for name in names | self._promised:
            head, _, tail = name.rpartition("-")
            if head == stem and tail.isdecimal():
                numbers.append(int(tail))
        return f"{stem}-{max(numbers) + 1}"

    # -- what steps ask of their doer ---------------------------------------------------------

    def names_of(self, ids: Sequence[int]) -> list[str]:
        """Return the present names of the copies that are still there."""
        found = (self._catalog.copy(copy_id) for copy_id in ids)
        return [copy.name for copy in found if copy is not None]

    def carry_out(self, step: CatalogStep, work: Callable[[VolumeSession], object]) -> None:
        """Send ``work``; if the engine refuses, say why and make the step obsolete."""

        def failed(error: RangepairError) -> None:
            if shiboken6.isValid(step):  # a newer act may have thrown it off the stack meanwhile
                step.setObsolete(True)
            self._refuse(error)

        self._link.act(work, lambda _answer: self.succeeded.emit(), failed)

    def give_up(self, step: CatalogStep, why: str) -> None:
        """Say why the step cannot be taken any more."""
        self.refused.emit(f"'{step.text()}' cannot be undone or redone any more: {why}.")

    # -- within -------------------------------------------------------------------------------

    def _take(self, verb: str, name: str, take: Callable[[VolumeSession], CopyInfo]) -> None:
        def work(session: VolumeSession) -> Taken:
            begin = time.perf_counter()
            copy = take(session)
            return Taken(copy, time.perf_counter() - begin)

        def done(answer: object) -> None:
            taken: Taken = answer  # type: ignore[assignment]
            self.stack.push(TakeStep(f"{verb} '{name}'", [taken.copy.id], self))
            self.taken.emit(taken)
            milliseconds = taken.seconds * 1e3
            self.done.emit(f"{_PAST[verb]} '{name}' in {milliseconds:.1f} ms", True)

        def failed(error: RangepairError) -> None:
            self._promised.discard(name)
            self._refuse(error)

        self._promised.add(name)
        self._link.act(work, done, failed)

    def _do(
        self, step: CatalogStep, sentence: str, work: Callable[[VolumeSession], object]
    ) -> None:
        def done(_answer: object) -> None:
            self.stack.push(step)
            self.done.emit(sentence, True)

        self._link.act(work, done, self._refuse)

    def _refuse(self, error: RangepairError) -> None:
        self.refused.emit(error)

    def _forget(self, *_ignored: object) -> None:
        self._promised.clear()
        self.stack.clear()


def _listed(names: Sequence[str]) -> str:
    return f"'{names[0]}'" if len(names) == 1 else f"{len(names)} copies"
