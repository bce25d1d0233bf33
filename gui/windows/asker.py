# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Opens the dialogs of acts, and does the act when the user agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

import core
from gui.guard import guarded
from gui.windows.dialogs import NameDialog, Question
from gui.windows.palette import CommandPalette, KeySheet

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gui.commands.acts import Acts, PurgePlan
    from gui.commands.restoring import RestoreOffer
    from gui.views.toast import Toast
    from gui.windows.actions import Actions
    from gui.windows.copydesk import CopyDesk
    from gui.windows.workloadrunner import WorkloadRunner


class Asker(QObject):
    """Every dialog that belongs to an act."""

    def __init__(self, window: QWidget, acts: Acts, desk: CopyDesk, runner: WorkloadRunner) -> None:
        """Ask over ``window``."""
        super().__init__(window)
        self._window = window
        self._acts = acts
        self._desk = desk
        self._runner = runner
        acts.purge_planned.connect(self.ask_purge)
        acts.restore_planned.connect(self.ask_restore)
        runner.consent_needed.connect(self.ask_overwrite)

    def ask_name(self) -> None:
        """Take a snapshot under a name of the user's."""
        dialog = NameDialog(self._acts.free_name("snap"), self._window)
        dialog.named.connect(self._desk.take)
        dialog.open()

    @Slot(object)
    @guarded
    def ask_purge(self, plan: PurgePlan) -> None:
        """Purge, if the user agrees to the plan."""
        question = Question(plan.question, plan.consequence, plan.button, self._window)
        question.agreed.connect(guarded(lambda: self._acts.purge(plan)))
        question.open()

    @Slot(object)
    @guarded
    def ask_restore(self, offer: RestoreOffer) -> None:
        """Restore, if the user agrees to the offer."""
        question = Question(offer.question, offer.consequence, offer.verb, self._window, warning="")
        question.agreed.connect(guarded(lambda: self._acts.restore(offer)))
        question.open()

    @Slot(str)
    @guarded
    def ask_overwrite(self, text: str) -> None:
        """Let a workload write to real data, if the user agrees."""
        question = Question("Let a workload write?", text, "Overwrite", self._window)
        question.agreed.connect(guarded(lambda: self._runner.start(allow_overwrite=True)))
        question.open()

    def show_palette(self, actions: Actions) -> None:
        """Let the user find an act by its name."""
        chooser = CommandPalette(actions, self._window)
        middle = self._window.mapToGlobal(self._window.rect().center())
        chooser.move(middle - chooser.rect().center())
        chooser.show()

    def show_keys(self, actions: Actions) -> None:
        """Show the sheet of keys."""
        KeySheet(actions, self._window).open()

    @staticmethod
    def show_about(toast: Toast) -> None:
        """Say what this is."""
        toast.tell(
            f"Rangepair {core.__version__}, Apache-2.0. Instant copies of disk images.",
            offers_undo=False,
        )
