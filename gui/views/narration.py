# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is happening: one write at a time in five sentences, the present one lit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QToolButton
from typing_extensions import override

from core.extent import Extent
from gui.guard import guarded
from gui.models.focus import AreaKind, Place
from gui.models.narration import TICK_S
from gui.theme import fonts, icons
from gui.views.card import MARGIN, Card
from gui.views.drawing import CENTER, draw_text

if TYPE_CHECKING:
    from PySide6.QtGui import (
        QHideEvent,
        QKeyEvent,
        QMouseEvent,
        QPainter,
        QResizeEvent,
        QShowEvent,
    )
    from PySide6.QtWidgets import QWidget

    from gui.models.focus import Focus
    from gui.models.narration import Narrator
    from gui.models.story import Step, Teller
    from gui.theme import ThemeSource

TOP: Final = 42
BUTTON: Final = 26
WORDS_LEFT: Final = 50
DISC_X: Final = 27.0
_SPARE_MAX_PX: Final = 20.0
_WORDS_LEFT_PX: Final = 8
_WORDS_RIGHT_PX: Final = 6
_WIDE_PX: Final = 380
_LIT_WEIGHT: Final = 600
_WRAPPED: Final = int(
    Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
)
_QUIET: Final = "Nothing has been written yet. Start a workload, or write to the volume."


class NarrationCard(Card):
    """Tells the last write; pause it, go back and forth over the last ones."""

    def __init__(
        self,
        narrator: Narrator,
        teller: Teller,
        focus: Focus,
        source: ThemeSource,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(source, "What is happening", parent=parent)
        self.narrator = narrator
        self.teller = teller
        self.focus = focus
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._steps: tuple[Step, ...] = ()
        self._boxes: list[QRectF] = []
        self.back = self._button("The write before")
        self.hold = self._button("Pause")
        self.forth = self._button("The next write")
        self.back.clicked.connect(self._on_back)
        self.hold.clicked.connect(self._on_hold)
        self.forth.clicked.connect(self._on_forth)
        self._timer = QTimer(self)
        self._timer.setInterval(round(TICK_S * 1000))
        self._timer.timeout.connect(self._on_tick)
        source.changed.connect(self._show_buttons)
        self._show_buttons()

    def set_teller(self, teller: Teller) -> None:
        """Tell with other names or another way of writing addresses."""
        self.teller = teller
        self._show_story()

    def _button(self, words: str) -> QToolButton:
        button = QToolButton(self)
        button.setFixedSize(BUTTON, BUTTON)
        button.setIconSize(QSize(16, 16))
        button.setAutoRaise(True)
        button.setToolTip(words)
        button.setAccessibleName(words)
        return button

    # Acts

    @override
    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self._show_story()

    @override
    @guarded
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    @guarded
    def _on_tick(self) -> None:
        if self.narrator.tick():
            self._show_story()

    @guarded
    def _on_back(self, _checked: bool = False) -> None:
        self.narrator.go(-1)
        self._show_paused()

    @guarded
    def _on_forth(self, _checked: bool = False) -> None:
        self.narrator.go(1)
        self._show_paused()

    @guarded
    def _on_hold(self, _checked: bool = False) -> None:
        self.narrator.pause(paused=not self.narrator.is_paused)
        self._show_paused()

    def _show_paused(self) -> None:
        self._show_buttons()
        self._show_story()
        self._focus_place()

    def _focus_place(self) -> None:
        """Show on the maps where the story plays; live that would never hold still."""
        write = self.narrator.write
        if write is not None and self.narrator.is_paused:
            self.focus.select(Place(AreaKind.INITIAL, Extent(write.start, write.length)))

    @override
    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        if event.key() == Qt.Key.Key_Space:
            self._on_hold()
        elif event.key() in step:
            self.narrator.step(step[Qt.Key(event.key())])
            self._show_paused()
        else:
            super().keyPressEvent(event)

    @override
    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        for at, box in enumerate(self._boxes):
            if box.contains(event.position()):
                self.narrator.light(at)
                self._show_paused()

    # Looks

    @guarded
    def _show_buttons(self) -> None:
        theme, paused = self.theme, self.narrator.is_paused
        hold = "play" if paused else "pause"
        for button, name in (
            (self.back, "skip-back"),
            (self.hold, hold),
            (self.forth, "skip-forward"),
        ):
            button.setIcon(icons.icon(name, theme.sub, 16))
        words = "Go on" if paused else "Pause"
        self.hold.setToolTip(words)
        self.hold.setAccessibleName(words)

    def _show_story(self) -> None:
        write = self.narrator.write
        self._steps = self.teller.tell(write) if write is not None else ()
        self._lay_out()
        number, count = self.narrator.place
        paused = self.narrator.is_paused and number > 0
        self.set_title(self.title, f"{number} of {count}" if paused else "")
        lit = self._steps[self.narrator.lit].words if self._steps else _QUIET
        self.setAccessibleDescription(lit)
        self.update()

    @override
    def header_room(self) -> float:
        return self.width() - MARGIN - 3 * BUTTON - 4

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        x = self.width() - MARGIN + 4 - 3 * BUTTON
        for button in (self.back, self.hold, self.forth):
            button.move(x, 9)
            x += BUTTON
        self._lay_out()

    def _lay_out(self) -> None:
        """Give each step the lines it needs, lit or not, and share out what room is left."""
        if not self._steps:
            return
        width = self.width() - WORDS_LEFT
        metrics = fonts.metrics(self._words_px, _LIT_WEIGHT)
        inside = QRectF(0, 0, width - _WORDS_LEFT_PX - _WORDS_RIGHT_PX, 1000)
        needs = [
            metrics.boundingRect(inside, _WRAPPED, step.words).height() for step in self._steps
        ]
        room = self.height() - TOP - 6
        spare = max(0.0, min(_SPARE_MAX_PX, (room - sum(needs)) / len(needs)))
        squeeze = min(1.0, room / sum(needs))
        top = float(TOP)
        self._boxes = []
        for need in needs:
            height = need * squeeze + spare
            gap = min(2.0, spare)
            self._boxes.append(QRectF(WORDS_LEFT - 8, top, width, height - gap))
            top += height

    @property
    def _words_px(self) -> int:
        return 12 if self.width() >= _WIDE_PX else 11

    @override
    def paint_body(self, painter: QPainter) -> None:
        if not self._steps:
            painter.setFont(fonts.font(12))
            painter.setPen(self.theme.color("sub"))
            room = QRectF(self.rect()).adjusted(MARGIN, TOP + 4, -MARGIN, -8)
            painter.drawText(room, int(Qt.TextFlag.TextWordWrap), _QUIET)
            return
        for at, (step, box) in enumerate(zip(self._steps, self._boxes, strict=True)):
            self._paint_step(painter, at, step, box)

    def _paint_step(self, painter: QPainter, at: int, step: Step, box: QRectF) -> None:
        theme, lit = self.theme, self.narrator.lit
        is_done, is_lit = at < lit, at == lit
        disc = QPointF(DISC_X, box.center().y())
        if at + 1 < len(self._boxes):
            painter.setPen(QPen(theme.color("accent" if is_done else "border"), 1.6))
            below = self._boxes[at + 1].center().y()
            painter.drawLine(QPointF(DISC_X, disc.y() + 11), QPointF(DISC_X, below - 11))
        if is_lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("soft"))
            painter.drawRoundedRect(box, 6, 6)
        reached = is_done or is_lit
        painter.setPen(QPen(theme.color("accent" if reached else "border"), 1.6))
        painter.setBrush(theme.color("accent" if reached else "card"))
        painter.drawEllipse(disc, 9, 9)
        if is_done:
            check = icons.pixmap("check", theme.card, 13, self.devicePixelRatioF())
            painter.drawPixmap(disc - QPointF(6.5, 6.5), check)
        else:
            number = QRectF(disc.x() - 9, disc.y() - 9, 18, 18)
            color = theme.card if is_lit else theme.sub
            draw_text(painter, number, str(at + 1), fonts.font(11, 700), color, align=CENTER)
        painter.setFont(fonts.font(self._words_px, _LIT_WEIGHT if is_lit else 450))
        painter.setPen(theme.color("text" if reached else "faint"))
        words_box = box.adjusted(_WORDS_LEFT_PX, 0, -_WORDS_RIGHT_PX, 0)
        painter.drawText(words_box, _WRAPPED, step.words)
