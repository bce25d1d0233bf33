# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The theme in force, and the news that it changed."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from gui.theme.palette import LIGHT, Theme


class ThemeSource(QObject):
    """Holds the theme that every view paints with.

    Signals:
        changed: Another theme is in force; read ``theme`` and repaint.
    """

    changed = Signal()

    def __init__(self, theme: Theme = LIGHT, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    @property
    def theme(self) -> Theme:
        """The theme in force."""
        return self._theme

    def set(self, theme: Theme) -> None:
        """Put ``theme`` in force; tells nobody if it already is."""
        if theme is not self._theme:
            self._theme = theme
            self.changed.emit()
