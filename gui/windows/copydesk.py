# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is selected in the tree, what can be done with it, and what its end would free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from core.answers import Usage
from core.events import ORIGINAL_ID
from core.session import ORIGINAL
from gui.guard import guarded
from gui.models.focus import FocusedCopy
from gui.views import copysummary

if TYPE_CHECKING:
    from core.answers import CopyInfo, VolumeInfo
    from core.errors import RangepairError
    from gui.bridge.link import EngineLink
    from gui.commands.acts import Acts, Taken
    from gui.models.focus import Focus
    from gui.views.copytree import CopyTreePane


@dataclass(frozen=True, slots=True)
class Picks:
    """The selected copies."""

    live: list[CopyInfo]
    deleted: list[CopyInfo]

    @property
    def all(self) -> list[CopyInfo]:
        """Both kinds."""
        return [*self.live, *self.deleted]

    @property
    def are_locked(self) -> bool:
        """Whether all live ones are locked."""
        return bool(self.live) and all(copy.locked for copy in self.live)


class CopyDesk(QObject):
    """Ties the tree to the focus and to the acts."""

    picks_changed = Signal()

    def __init__(self, tree: CopyTreePane, focus: Focus, acts: Acts, link: EngineLink) -> None:
        """Serve ``tree``."""
        super().__init__(tree)
        self._tree = tree
        self._focus = focus
        self._acts = acts
        self._link = link
        self._taken_s: dict[int, float] = {}
        self._freed: tuple[tuple[str, ...], int] | None = None
        self._asked: tuple[str, ...] = ()
        self._kept: int | None = None
        tree.copy_picked.connect(self._on_picked)
        tree.picks_changed.connect(self._on_picks)
        tree.model.rename_asked.connect(acts.rename)
        focus.copy_changed.connect(self._on_focus)
        acts.taken.connect(self._on_taken)

    @property
    def picks(self) -> Picks:
        """The selected copies as last told by the engine."""
        found = [self._tree.model.copy(key) for key in self._tree.picks]
        copies = [copy for copy in found if copy is not None]
        return Picks(
            [copy for copy in copies if not copy.deleted], [copy for copy in copies if copy.deleted]
        )

    @property
    def current(self) -> CopyInfo | None:
        """The copy with the cursor; ``None`` on the live volume."""
        return self._tree.model.copy(self._tree.current)

    @property
    def can_clone(self) -> bool:
        """Whether the row with the cursor is the live volume or a copy that is not deleted."""
        copy = self.current
        return self._tree.is_on_volume if copy is None else not copy.deleted

    @property
    def chosen(self) -> str:
        """Name of the row with the cursor; that of the original if it is a deleted copy."""
        return self._source(clones_only=False)

    def show_info(self, info: VolumeInfo) -> None:
        """Take a new catalog in."""
        self._tree.show_info(info)
        self._focus.set_copy(self._focused(self._tree.current))
        self._freed = None
        self._asked = ()
        self._show_summary()
        self.picks_changed.emit()

    def show_kept(self, kept: int) -> None:
        """Take in what the copies hold together: more than each alone, which shares with others."""
        if kept != self._kept:
            self._kept = kept
            if not self.picks.all:
                self._show_summary()

    def clear(self) -> None:
        """Forget the volume."""
        self._kept = None
        self._tree.model.clear()
        self._tree.summary.show_summary(None)
        self._taken_s.clear()

    def take(self, name: str = "") -> None:
        """Take a snapshot: of the clone in focus, else of the original."""
        self._acts.take_snapshot(name, self._source(clones_only=True))

    def clone(self) -> None:
        """Take a writable copy of what is in focus."""
        self._acts.take_clone(self._source(clones_only=False))

    def _source(self, *, clones_only: bool) -> str:
        copy = self.current
        if copy is None or copy.deleted or (clones_only and copy.kind != "clone"):
            return ORIGINAL
        return copy.name

    def _focused(self, key: int) -> FocusedCopy:
        copy = self._tree.model.copy(key)
        return FocusedCopy(copy.id, copy.name) if copy else FocusedCopy(ORIGINAL_ID, ORIGINAL)

    @Slot(object)
    @guarded
    def _on_picked(self, key: int) -> None:
        self._focus.set_copy(self._focused(key))

    @Slot(object)
    @guarded
    def _on_focus(self, copy: FocusedCopy) -> None:
        self._tree.pick(copy.id)

    @Slot(object)
    @guarded
    def _on_taken(self, taken: Taken) -> None:
        self._taken_s[taken.copy.id] = taken.seconds
        self._tree.pick(taken.copy.id)

    @Slot(object)
    @guarded
    def _on_picks(self, _keys: object) -> None:
        self._show_summary()
        self.picks_changed.emit()

    def _show_summary(self) -> None:
        info = self._tree.model.info
        copies = self.picks.all
        if info is None:
            return
        if not copies:
            self._tree.summary.show_summary(copysummary.of_volume(info, self._kept))
            return
        freed = self._freed_by(tuple(copy.name for copy in copies))
        if len(copies) > 1:
            summary = copysummary.of_several(copies, freed)
        else:
            taken_s = self._taken_s.get(copies[0].id)
            summary = copysummary.of_copy(copies[0], taken_s, freed, info.size)
        self._tree.summary.show_summary(summary)

    def _freed_by(self, names: tuple[str, ...]) -> int | None:
        """Return what deleting them would free if that is known; else ask."""
        if self._freed is not None and self._freed[0] == names:
            return self._freed[1]
        if names != self._asked:
            self._asked = names
            self._link.query(lambda session: (names, session.usage(names)), self._got, self._missed)
        return None

    def _got(self, answer: object) -> None:
        assert isinstance(answer, tuple)
        names, usage = answer
        assert isinstance(usage, Usage)
        if names == self._asked:
            self._freed = (names, usage.freed_bytes)
            self._show_summary()

    def _missed(self, _error: RangepairError) -> None:
        """The catalog changed meanwhile; the next one asks again."""
        self._asked = ()
