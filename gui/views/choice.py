# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One of several, in a field that opens; with an arrow in the theme's colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QComboBox, QWidget
from typing_extensions import override

from gui.guard import guarded
from gui.theme import icons

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from gui.theme import ThemeSource

_ARROW_PX: Final = 14


class Choice(QComboBox):
    """A combo box; the style sheet that dresses it leaves the arrow out."""

    def __init__(self, source: ThemeSource, name: str, parent: QWidget | None = None) -> None:
        """Begin empty; ``name`` is what screen readers call it."""
        super().__init__(parent)
        self._source = source
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon  # names may be long
        )
        source.changed.connect(self.update)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        theme = self._source.theme
        with QPainter(self) as painter:
            arrow = icons.pixmap("chevron-down", theme.sub, _ARROW_PX, self.devicePixelRatioF())
            left, top = self.width() - _ARROW_PX - 9, (self.height() - _ARROW_PX) // 2
            painter.drawPixmap(left, top, arrow)
