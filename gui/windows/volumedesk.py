# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Acts on the volume as a whole: their dialogs, the sheet of properties, long work on its strip."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Signal, Slot

from core.units import format_bytes
from gui.commands.promoting import PromotionOffer, compact_batch, promote_batch, promotion
from gui.commands.reshaping import Reshaper
from gui.guard import guarded
from gui.views.progressstrip import ProgressStrip
from gui.windows.batchrunner import BatchRunner
from gui.windows.dialogs import Question
from gui.windows.propertiesdialog import WHEN_FULL, PropertiesDialog
from gui.windows.resizedialog import ResizeDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from core.answers import Mechanism
    from core.session import VolumeSession
    from gui.bridge.link import EngineLink
    from gui.commands.acts import Acts
    from gui.commands.promoting import Batch
    from gui.commands.reshaping import SeparationOffer
    from gui.commands.resizing import ResizeOutlook
    from gui.theme import ThemeSource
    from gui.windows.actions import Actions
    from gui.windows.follower import Follower


class VolumeDesk(QObject):
    """Between the actions and the engine."""

    running_changed = Signal()
    """Long work has begun or ended."""

    def __init__(
        self,
        window: QWidget,
        *,
        link: EngineLink,
        source: ThemeSource,
        acts: Acts,
        follower: Follower,
        actions: Actions,
    ) -> None:
        """Ask over ``window``."""
        super().__init__(window)
        self._window = window
        self._link = link
        self._source = source
        self._acts = acts
        self._follower = follower
        self._actions = actions
        self._sheet: PropertiesDialog | None = None
        self.reshaper = Reshaper(link, acts)
        self.strip = ProgressStrip(source)
        self.runner = BatchRunner(link, self.strip)
        self._what = ""
        self.runner.finished.connect(acts.done)
        self.runner.failed.connect(acts.refused)
        self.runner.running_changed.connect(self._on_running)
        self.reshaper.resize_planned.connect(self._ask_size)
        self.reshaper.separation_planned.connect(self._ask_separation)
        acts.succeeded.connect(self._on_done)
        acts.refused.connect(self._on_refused)
        link.opened.connect(self._on_another)
        link.closed.connect(self._on_another)

    @property
    def is_compacting(self) -> bool:
        """Whether the additional area is being compacted."""
        return self.runner.is_running and self._what == "compact"

    def show_properties(self) -> None:
        """Show the sheet."""
        if self._sheet is None:
            sheet = PropertiesDialog(
                self._source, self._link, self._follower, self._actions, self._window
            )
            sheet.mechanism.choice_made.connect(self._on_mechanism)
            sheet.mechanism.home_asked.connect(self.reshaper.plan_separation)
            sheet.when_full.policy_asked.connect(self.reshaper.set_policy)
            sheet.failed.connect(self._link.failed)
            self._sheet = sheet
        self._sheet.show()
        self._sheet.raise_()
        self._sheet.activateWindow()

    @Slot()
    @guarded
    def show_policy(self) -> None:
        """Show the sheet where it says what happens when the area is full."""
        self.show_properties()
        if self._sheet is not None:
            self._sheet.show_page(WHEN_FULL)

    def plan_promotion(self, copy_id: int) -> None:
        """Find out what promoting a copy would do, and ask."""
        for name in self._acts.names_of([copy_id]):
            self._link.query(
                partial(promotion, name=name),
                lambda offer: self._ask_promotion(copy_id, offer),
                self._acts.refused.emit,
            )

    def toggle_compaction(self) -> None:
        """Begin to compact the additional area, or stop that."""
        if self.is_compacting:
            self.runner.stop()
            return
        self._what = "compact"
        self.runner.begin(
            "Compacting the additional area",
            lambda: compact_batch,
            lambda moved: f"The additional area is compact; {format_bytes(moved)} were moved",
        )

    # -- asking ---------------------------------------------------------------------------------

    @Slot(object)
    @guarded
    def _ask_size(self, outlook: ResizeOutlook) -> None:
        dialog = ResizeDialog(self._source, outlook, self._window)
        dialog.chosen.connect(
            guarded(
                lambda size, is_safe: self.reshaper.resize(
                    outlook.size_bytes, size, is_safe=is_safe
                )
            )
        )
        dialog.open()

    @Slot(object)
    @guarded
    def _ask_separation(self, offer: SeparationOffer) -> None:
        question = Question(
            offer.question, offer.consequence, "Bring home", self._window, warning=""
        )
        question.agreed.connect(guarded(lambda: self.reshaper.separate(offer)))
        question.rejected.connect(self._look_again)
        question.open()

    def _ask_promotion(self, copy_id: int, offer: object) -> None:
        assert isinstance(offer, PromotionOffer)
        if not offer.under_bytes:
            self._acts.done.emit(f"'{offer.name}' needs the image no more already", False)
            return
        question = Question(offer.question, offer.consequence, "Promote", self._window, warning="")
        question.agreed.connect(guarded(partial(self._promote, copy_id, offer.name)))
        question.open()

    def _promote(self, copy_id: int, name: str) -> None:
        """Go on by id: the copy may be renamed meanwhile."""

        def next_step() -> Callable[[VolumeSession], Batch]:
            now = next(iter(self._acts.names_of([copy_id])), name)
            return partial(promote_batch, name=now)

        self._what = "promote"
        self.runner.begin(
            f"Promoting '{name}'",
            next_step,
            lambda copied: f"'{name}' needs the image no more; {format_bytes(copied)} are its own",
        )

    # -- what others tell -----------------------------------------------------------------------

    @Slot(str)
    @guarded
    def _on_mechanism(self, chosen: str) -> None:
        info = self._follower.info
        if info is not None:
            self.reshaper.choose_mechanism(info.mechanism, cast("Mechanism", chosen))

    @Slot()
    @guarded
    def _on_done(self) -> None:
        self._look_again()

    @Slot(object)
    @guarded
    def _on_refused(self, _error: object) -> None:
        """Show what is in force again, as what was asked for is not."""
        if self._sheet is not None:
            self._sheet.forget()
        self._look_again()

    @Slot()
    @guarded
    def _look_again(self) -> None:
        if self._sheet is not None:
            self._sheet.look()

    @Slot()
    @guarded
    def _on_another(self, *_info: object) -> None:
        if self._sheet is not None:
            self._sheet.forget()
            self._sheet.close()

    @Slot(bool)
    @guarded
    def _on_running(self, _running: bool) -> None:
        self.running_changed.emit()
