# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The card: a rounded sheet on the tinted ground, with a title and a few words beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QFrame, QWidget
from typing_extensions import override

from gui.guard import guarded
from gui.theme import fonts
from gui.views.drawing import draw_elided, draw_focus_ring, draw_text, text_width

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from gui.theme import Theme, ThemeSource

RADIUS = 10
MARGIN = 16
HEADER_HEIGHT = 45


class Card(QFrame):
    """Base of all panes. Override ``paint_body`` to draw on it, or put child widgets in it.

    With ``title_below`` the title line is the last and not the first, so that the two maps face
    each other.
    """

    def __init__(
        self,
        source: ThemeSource,
        title: str = "",
        subtitle: str = "",
        *,
        title_below: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.source = source
        self._title = title
        self._subtitle = subtitle
        self._title_below = title_below
        self.setAccessibleName(title)
        source.changed.connect(self.update)

    @property
    def theme(self) -> Theme:
        """The theme in force."""
        return self.source.theme

    @property
    def title(self) -> str:
        """The bold words."""
        return self._title

    def set_title(self, title: str, subtitle: str | None = None) -> None:
        """Change the bold words and, if given, the plain ones beside them."""
        changed = (title, self._subtitle if subtitle is None else subtitle)
        if changed != (self._title, self._subtitle):
            self._title, self._subtitle = changed
            self.setAccessibleName(title)
            self.update()

    def header_box(self) -> QRectF:
        """Return the place of the title line, in pixels of this card."""
        top = self.height() - HEADER_HEIGHT if self._title_below else 0
        return QRectF(0, top, self.width(), HEADER_HEIGHT)

    def header_room(self) -> float:
        """Return the x up to which title and subtitle may reach; controls begin there."""
        return self.width() - MARGIN

    def paint_body(self, painter: QPainter) -> None:
        """Draw what this card shows. The sheet and its title are drawn already."""

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            sheet = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
            painter.setBrush(self.theme.color("card"))
            painter.setPen(QPen(self.theme.color("border"), 1))
            painter.drawRoundedRect(sheet, RADIUS, RADIUS)
            if self._title:
                self._paint_title(painter)
            painter.setPen(Qt.PenStyle.NoPen)
            self.paint_body(painter)
            if self.hasFocus():
                draw_focus_ring(painter, QRectF(self.rect()), self.theme, RADIUS - 1)

    def _paint_title(self, painter: QPainter) -> None:
        top = self.header_box().top() + 12
        font = fonts.font(14, 650)
        room = self.header_room() - MARGIN
        width = text_width(self._title, font) + 2
        box = QRectF(MARGIN, top, min(width, room), 22)
        if width > room:
            draw_elided(painter, box, self._title, font, self.theme.text)
            return
        draw_text(painter, box, self._title, font, self.theme.text)
        rest = room - width - 12
        if self._subtitle and rest > 24:
            box = QRectF(MARGIN + width + 12, top + 1, rest, 22)
            draw_elided(painter, box, self._subtitle, fonts.font(12), self.theme.sub)
