# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Figures in two columns: what, and how much. The values can be marked and copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from gui.theme import fonts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gui.models.volumefacts import Fact

_VALUE_PX_MAX: Final = 380


class FactGrid(QWidget):
    """A row for each fact; rows are made once and then only say something else."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Begin empty."""
        super().__init__(parent)
        self._labels: list[tuple[QLabel, QLabel]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these, in their order."""
        while len(self._labels) < len(facts):
            self._add()
        for number, (label, value) in enumerate(self._labels):
            for part in (label, value):
                part.setVisible(number < len(facts))
            if number < len(facts):
                fact = facts[number]
                _say(label, fact.label)
                _say(value, _elided(value, fact.value))
                value.setAccessibleName(f"{fact.label}: {fact.value}")
                value.setToolTip(fact.about or (fact.value if value.text() != fact.value else ""))
                label.setToolTip(fact.about)

    def value(self, label: str) -> str:
        """Return what is shown beside a label; nothing if there is none."""
        found = (value.text() for name, value in self._labels if name.text() == label)
        return next(found, "")

    def _add(self) -> None:
        row = len(self._labels)
        label, value = QLabel(), QLabel()
        label.setFont(fonts.font(13, 450))
        label.setProperty("tone", "sub")
        value.setFont(fonts.font(13, 550))
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for part in (label, value):
            part.setTextFormat(Qt.TextFormat.PlainText)
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(value, row, 1)
        self._labels.append((label, value))


def _say(label: QLabel, text: str) -> None:
    if label.text() != text:
        label.setText(text)


def _elided(label: QLabel, text: str) -> str:
    metrics = QFontMetrics(label.font())
    return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, _VALUE_PX_MAX)
