# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The bar on top: the name, the acts one needs at hand, the workload, the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Slot
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QWidget
from typing_extensions import override

from gui.guard import guarded, guarded_or
from gui.theme import fonts, icons
from gui.views.actionbutton import ActionButton
from gui.views.drawing import draw_text, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QAction, QPaintEvent, QResizeEvent

    from gui.theme import ThemeSource
    from gui.views.workloadcontrol import WorkloadControl

HEIGHT: Final = 52
COMPACT_BELOW: Final = 1100
NAME: Final = "Rangepair"


class Brand(QWidget):
    """The tile with the sign, and the name."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Paint with ``source``."""
        super().__init__(parent)
        self._source = source
        self._is_compact = False
        self.setAccessibleName(NAME)
        source.changed.connect(self.update)

    def set_compact(self, *, compact: bool) -> None:
        """Leave the name out, for narrow windows."""
        self._is_compact = compact
        self.updateGeometry()
        self.update()

    @override
    @guarded_or(QSize(150, HEIGHT))
    def sizeHint(self) -> QSize:
        words = 0 if self._is_compact else 10 + round(text_width(NAME, fonts.font(15, 650)))
        return QSize(26 + words, HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(theme.color("accent"))
            painter.setPen(QPen(theme.color("accent"), 0))
            top = (self.height() - 26) / 2
            painter.drawRoundedRect(QRectF(0, top, 26, 26), 7, 7)
            ratio = self.devicePixelRatioF()
            painter.drawPixmap(5, int(top) + 5, icons.pixmap("app", theme.card, 16, ratio))
            if not self._is_compact:
                box = QRectF(36, 0, self.width() - 36, self.height())
                draw_text(painter, box, NAME, fonts.font(15, 650), theme.text)


class TopBar(QWidget):
    """Brand, buttons, and at the right the workload and the theme.

    Attributes:
        buttons: The action buttons, in order; the first is the one act that matters most.
    """

    def __init__(
        self,
        source: ThemeSource,
        acts: Sequence[tuple[QAction, str]],
        workload: WorkloadControl,
        theme_action: QAction,
        parent: QWidget | None = None,
    ) -> None:
        """Lay out; ``acts`` are actions with the names of their icons."""
        super().__init__(parent)
        self._source = source
        self.setFixedHeight(HEIGHT)
        self.workload = workload
        self.brand = Brand(source)
        self.buttons = [
            ActionButton(source, action, icon, primary=number == 0)
            for number, (action, icon) in enumerate(acts)
        ]
        self.theme_button = ActionButton(source, theme_action, "moon")
        self.theme_button.set_compact(compact=True)
        self.theme_button.setFixedWidth(34)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(16, 0, 16, 1)
        self._row.setSpacing(9)
        self._row.addWidget(self.brand)
        for button in self.buttons:
            self._row.addWidget(button)
        self._row.addStretch(1)
        self._row.addWidget(workload)
        self._row.addWidget(self.theme_button)
        source.changed.connect(self._on_theme)
        self._on_theme()

    def align_buttons(self, left: int) -> None:
        """Begin the buttons at ``left``, in line with the column below; not in narrow windows."""
        compact = self.width() < COMPACT_BELOW
        self.brand.setFixedWidth(26 if compact else max(left - 16 - 9, 140))

    @Slot()
    @guarded
    def _on_theme(self) -> None:
        self.theme_button.set_icon("sun" if self._source.theme.is_dark else "moon")
        self.update()

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        compact = self.width() < COMPACT_BELOW
        self.brand.set_compact(compact=compact)
        for button in self.buttons[1:]:
            button.set_compact(compact=compact)
        self.workload.set_compact(compact=self.width() < COMPACT_BELOW - 100)
        super().resizeEvent(event)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), theme.color("card"))
            painter.setPen(QPen(theme.color("border"), 1))
            painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
