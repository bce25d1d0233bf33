# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a volume is, where it lies, and how much room its copies take and have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from gui.models.volumefacts import identity_facts, usage_facts
from gui.views.actionbutton import ActionButton
from gui.views.card import Card
from gui.views.factgrid import FactGrid
from gui.views.sharebar import ShareBar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QWidget

    from gui.models.volumefacts import VolumeFacts
    from gui.theme import ThemeSource


class VolumeCard(Card):
    """Facts, and the acts that change them."""

    def __init__(
        self, source: ThemeSource, title: str, acts: Sequence[tuple[QAction, str]] = ()
    ) -> None:
        """Begin with nothing known."""
        super().__init__(source, title)
        self.facts = FactGrid()
        self.buttons = [ActionButton(source, action, icon) for action, icon in acts]
        for button in self.buttons:
            button.set_property("small", value=True)
            button.setAutoDefault(False)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 46, 16, 14)
        self._column.setSpacing(12)
        self._fill()

    def show_facts(self, facts: VolumeFacts) -> None:
        """Show how it is."""
        self.facts.show_facts(identity_facts(facts))

    def _fill(self) -> None:
        self._add(self.facts)

    def _add(self, *parts: QWidget) -> None:
        for part in parts:
            self._column.addWidget(part)
        if self.buttons:
            row = QHBoxLayout()
            row.setSpacing(8)
            for button in self.buttons:
                row.addWidget(button)
            row.addStretch(1)
            self._column.addLayout(row)


class UsageCard(VolumeCard):
    """The additional area: a bar, and figures."""

    def _fill(self) -> None:
        self.bar = ShareBar(self.source)
        self._add(self.bar, self.facts)

    def show_facts(self, facts: VolumeFacts) -> None:
        """Show how it is."""
        usage = facts.usage
        kept = max(usage.used_bytes - usage.metadata_bytes, 0)
        self.bar.show_shares(
            ((usage.metadata_bytes, "meta"), (kept, "preserved")), max(usage.area_bytes, 1)
        )
        self.facts.show_facts(usage_facts(facts))
