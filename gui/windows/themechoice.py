# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which theme is in force: the user's choice, or the system's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from gui.guard import guarded
from gui.theme import DARK, LIGHT
from gui.views.stylesheet import palette, style_sheet

if TYPE_CHECKING:
    from gui.settings import Settings
    from gui.theme import ThemeSource


class ThemeChoice(QObject):
    """Keeps theme source, application and settings in step."""

    chosen = Signal(str)
    """Name of the choice, one of ``gui.settings.THEMES``."""

    def __init__(
        self, source: ThemeSource, settings: Settings, parent: QObject | None = None
    ) -> None:
        """Follow the system while the user leaves it to it."""
        super().__init__(parent)
        self._source = source
        self._settings = settings
        source.changed.connect(self._dress)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self.apply)
        self._dress()

    @Slot(str)
    @guarded
    def choose(self, name: str) -> None:
        """Take and keep a choice."""
        self._settings.theme = name
        self.apply()

    @Slot()
    @guarded
    def switch(self) -> None:
        """From light to dark, or back."""
        self.choose("light" if self._source.theme.is_dark else "dark")

    @Slot()
    @guarded
    def apply(self, *_scheme: object) -> None:
        """Put the choice in force."""
        name = self._settings.theme
        scheme = QGuiApplication.styleHints().colorScheme()
        is_dark = name == "dark" or (name == "system" and scheme == Qt.ColorScheme.Dark)
        self._source.set(DARK if is_dark else LIGHT)
        self.chosen.emit(name)

    @Slot()
    @guarded
    def _dress(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.setPalette(palette(self._source.theme))
        app.setStyleSheet(style_sheet(self._source.theme))
