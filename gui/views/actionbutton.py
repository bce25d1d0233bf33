# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A button that does what a QAction does, and looks as the theme says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QPushButton

from gui.guard import guarded
from gui.theme import fonts, icons

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QWidget

    from gui.theme import ThemeSource

ICON_PX = 16


class ThemedButton(QPushButton):
    """A button whose icon is drawn in the theme's colours."""

    def __init__(
        self,
        source: ThemeSource,
        icon_name: str,
        label: str = "",
        *,
        tone: str = "text",
        parent: QWidget | None = None,
    ) -> None:
        """Show ``label`` beside the icon, or the icon alone."""
        super().__init__(label, parent)
        self._source = source
        self._icon_name = icon_name
        self._tone = tone
        self.setFont(fonts.font(13, 500))
        self.setIconSize(QSize(ICON_PX, ICON_PX))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard where it was
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        source.changed.connect(self._draw_icon)
        self._draw_icon()

    def set_icon(self, name: str) -> None:
        """Show another icon."""
        if name != self._icon_name:
            self._icon_name = name
            self._draw_icon()

    def set_property(self, name: str, value: object) -> None:
        """Set what the style sheet selects by: ``primary``, ``bare``, ``danger``, ``small``."""
        self.setProperty(name, value)
        if name == "primary":
            self._tone = "card" if value else "text"
            self.setFont(fonts.font(13, 600 if value else 500))
            self._draw_icon()
        self.style().unpolish(self)
        self.style().polish(self)

    @Slot()
    @guarded
    def _draw_icon(self) -> None:
        if self._icon_name:
            theme = self._source.theme
            # A primary button that is off is darker than the ground its icon is drawn for.
            off = theme.sub if self._tone == "card" else theme.faint
            color = getattr(theme, self._tone)
            self.setIcon(icons.icon(self._icon_name, color, ICON_PX, off))


class ActionButton(ThemedButton):
    """Triggers an action; its words, tool tip and whether it can be pressed are the action's."""

    def __init__(
        self,
        source: ThemeSource,
        action: QAction,
        icon_name: str,
        *,
        primary: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Follow ``action`` for life."""
        super().__init__(source, icon_name, parent=parent)
        self._action = action
        self._is_compact = False
        if primary:
            self.set_property("primary", value=True)
        self.clicked.connect(self._press)
        action.changed.connect(self._follow)
        self._follow()

    @property
    def action(self) -> QAction:
        """What the button does."""
        return self._action

    def set_compact(self, *, compact: bool) -> None:
        """Show the icon without words, for narrow windows."""
        if compact != self._is_compact:
            self._is_compact = compact
            self._follow()

    @Slot()
    @guarded
    def _press(self) -> None:
        self._action.trigger()

    @Slot()
    @guarded
    def _follow(self) -> None:
        full = self._action.text().replace("&", "")
        self.setText("" if self._is_compact else " " + full)
        words = full.removesuffix("…")
        self.setEnabled(self._action.isEnabled())
        key = self._action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        about = self._action.statusTip() or words
        self.setToolTip(f"{about} ({key})" if key else about)
        self.setAccessibleName(words)
        self.setAccessibleDescription(about)
