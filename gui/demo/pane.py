# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The demonstration in the window: the picture, the sentences, the caption bar, the buttons."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QToolButton
from typing_extensions import override

from gui.demo.drawing import StageDrawing
from gui.demo.mixing import mix
from gui.demo.player import SPEEDS, Player
from gui.demo.script import PORTIONS
from gui.guard import guarded
from gui.theme import fonts, icons
from gui.views.card import MARGIN, Card
from gui.views.drawing import CENTER, draw_elided, draw_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import (
        QCloseEvent,
        QHideEvent,
        QKeyEvent,
        QMouseEvent,
        QPainter,
        QResizeEvent,
    )
    from PySide6.QtWidgets import QWidget

    from gui.demo.controller import DemoController
    from gui.demo.mixing import Picture
    from gui.theme import ThemeSource

FRAME_MS: Final = 33
BUTTON: Final = 32
BAR_HEIGHT: Final = 48
CAPTION_HEIGHT: Final = 74
SIDE_WIDTH: Final = 292
WIDE: Final = 820
_WRAPPED: Final = int(
    Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
)


class DemoPane(Card):
    """Plays a ``DemoController``. Space plays and pauses, the arrows step, Home begins again.

    Signals:
        closed: The user has seen enough.
    """

    closed = Signal()

    def __init__(
        self,
        controller: DemoController,
        source: ThemeSource,
        clock: Callable[[], float] = time.monotonic,
        parent: QWidget | None = None,
    ) -> None:
        """Show ``controller``, paused at its beginning; ``clock`` gives seconds."""
        super().__init__(source, "Guided demo", parent=parent)
        self.player = Player(controller)
        self._clock = clock
        self._last_s = clock()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.rewind = self._button("restore", "Back to the start (Home)", self._on_rewind)
        self.back = self._button("skip-back", "The step before (Left)", self._on_back)
        self.play = self._button("play", "Play (Space)", self._on_play)
        self.forward = self._button("skip-forward", "The next step (Right)", self._on_forward)
        self.speed = self._button("", "Speed", self._on_speed)
        self.leave = self._button("close", "Leave the demo (Esc)", self._on_leave)
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._on_frame)
        source.changed.connect(self._show_state)
        self._show_state()

    def _button(self, icon: str, words: str, act: Callable[[], None]) -> QToolButton:
        button = QToolButton(self)
        button.setFixedSize(BUTTON if icon else 44, BUTTON)
        button.setIconSize(QSize(18, 18))
        button.setAutoRaise(True)
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setProperty("icon-name", icon)
        button.clicked.connect(lambda _checked=False: act())
        return button

    def shutdown(self) -> None:
        """Stop, and remove the scratch volume."""
        self._timer.stop()
        self.player.controller.close()

    # Acts

    def start(self) -> None:
        """Play from where it stands."""
        self.player.play()
        self._last_s = self._clock()
        self._timer.start()
        self._show_state()

    @guarded
    def _on_frame(self) -> None:
        now = self._clock()
        passed, self._last_s = now - self._last_s, now
        self.player.tick(passed)
        if not self.player.is_playing:
            self._timer.stop()
        self._show_state()

    @guarded
    def _on_play(self) -> None:
        if self.player.is_playing:
            self._halt()
        else:
            self.start()

    def _halt(self) -> None:
        self.player.pause()
        self._timer.stop()
        self._show_state()

    @guarded
    def _on_forward(self) -> None:
        self.player.step()
        self._halt()

    @guarded
    def _on_back(self) -> None:
        self.player.back()
        self._halt()

    @guarded
    def _on_rewind(self) -> None:
        self.player.rewind()
        self._halt()

    @guarded
    def _on_speed(self) -> None:
        at = SPEEDS.index(self.player.speed)
        self.player.speed = SPEEDS[(at + 1) % len(SPEEDS)]
        self._show_state()

    @guarded
    def _on_leave(self) -> None:
        self._halt()
        self.closed.emit()

    @override
    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        acts = {
            Qt.Key.Key_Space: self._on_play,
            Qt.Key.Key_Right: self._on_forward,
            Qt.Key.Key_Left: self._on_back,
            Qt.Key.Key_Home: self._on_rewind,
            Qt.Key.Key_Escape: self._on_leave,
        }
        act = acts.get(Qt.Key(event.key()))
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    @override
    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        for position in range(self.player.controller.length):
            if self.segment(position).adjusted(-2, -8, 2, 8).contains(event.position()):
                self.player.go(position)
                self._halt()

    @override
    @guarded
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._halt()

    @override
    @guarded
    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.shutdown()

    # Looks

    @guarded
    def _show_state(self) -> None:
        theme, player = self.theme, self.player
        self.play.setProperty("icon-name", "pause" if player.is_playing else "play")
        words = "Pause (Space)" if player.is_playing else "Play (Space)"
        self.play.setToolTip(words)
        self.play.setAccessibleName(words)
        for button in (self.rewind, self.back, self.play, self.forward, self.leave):
            color = theme.accent if button is self.play else theme.sub
            button.setIcon(icons.icon(button.property("icon-name"), color, 18))
        self.speed.setText(f"{player.speed:g}\u00d7")
        self.speed.setFont(fonts.font(12, 600))
        self.speed.setStyleSheet(f"QToolButton {{ color: {theme.sub}; }}")
        controller = player.controller
        scene = f"{controller.at.scene + 1}. {controller.scene.title}"
        self.set_title(self.title, scene)
        caption = controller.caption
        self.setAccessibleDescription(f"{caption.headline}. {caption.words}")
        self.update()

    @property
    def _is_wide(self) -> bool:
        return self.width() >= WIDE

    def segment(self, position: int) -> QRectF:
        """Return where a picture's part of the progress bar is."""
        count = self.player.controller.length
        left = MARGIN + 4 * BUTTON + 20
        width = (self.width() - left - 44 - MARGIN - 16) / count
        y = self.height() - BAR_HEIGHT / 2 - 3
        return QRectF(left + position * width + 1.5, y, max(2.0, width - 3), 6)

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        y = self.height() - (BAR_HEIGHT + BUTTON) // 2
        for at, button in enumerate((self.rewind, self.back, self.play, self.forward)):
            button.move(MARGIN - 4 + at * BUTTON, y)
        self.speed.move(self.width() - MARGIN - 44, y)
        self.leave.move(self.width() - MARGIN - BUTTON + 6, 7)

    def picture(self) -> Picture:
        """Return what is drawn at this moment."""
        controller = self.player.controller
        step = controller.step
        portion = step.act.portion if step else 0
        if step is None:
            return mix(controller.before, controller.after, None, portion, 1)
        return mix(
            controller.before, controller.after, controller.write, portion, self.player.phase
        )

    @override
    def header_room(self) -> float:
        return self.width() - MARGIN - BUTTON

    @override
    def paint_body(self, painter: QPainter) -> None:
        bottom = self.height() - BAR_HEIGHT - CAPTION_HEIGHT
        right = self.width() - MARGIN - (SIDE_WIDTH + 20 if self._is_wide else 0)
        stage = QRectF(MARGIN + 8, 48, right - MARGIN - 8, bottom - 62)
        StageDrawing(painter, self.theme, stage).draw(self.picture())
        if self._is_wide:
            self._paint_side(painter, QRectF(right + 20, 48, SIDE_WIDTH, bottom - 58))
        self._paint_caption(painter, QRectF(12, bottom, self.width() - 24, CAPTION_HEIGHT - 4))
        self._paint_progress(painter)

    def _paint_caption(self, painter: QPainter, box: QRectF) -> None:
        theme, caption = self.theme, self.player.controller.caption
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("soft"))
        painter.drawRoundedRect(box, 8, 8)
        line = QRectF(box.x() + 16, box.y() + 8, box.width() - 32, 22)
        draw_elided(painter, line, caption.headline, fonts.font(15, 650), theme.text)
        painter.setFont(fonts.font(13, 450))
        painter.setPen(theme.color("text"))
        room = QRectF(line.x(), line.bottom(), line.width(), box.bottom() - line.bottom() - 4)
        painter.drawText(room, _WRAPPED, caption.words)

    def _paint_progress(self, painter: QPainter) -> None:
        theme, player = self.theme, self.player
        painter.setPen(Qt.PenStyle.NoPen)
        for position in range(player.controller.length):
            box = self.segment(position)
            painter.setBrush(theme.color("border"))
            painter.drawRoundedRect(box, 3, 3)
            done = player.controller.position
            share = 1.0 if position < done else player.fraction if position == done else 0.0
            if share > 0:
                painter.setBrush(theme.color("accent"))
                box.setWidth(max(3.0, box.width() * share))
                painter.drawRoundedRect(box, 3, 3)

    def _paint_side(self, painter: QPainter, box: QRectF) -> None:
        controller = self.player.controller
        figures = self.picture().stage
        stored = 2 * len(figures.pairs) + len(figures.pointers)
        lines = [("Copied I \u2192 A", f"{figures.copied} of {PORTIONS} portions")]
        if figures.has_copy:
            moved = figures.copied_by_copy_writes
            lines.append(("Moved by writes to the copy", f"{moved} B"))
            lines.append(("Pointers stored, two a pair", f"{stored} for {PORTIONS} portions"))
        below = box.bottom() - 24 * len(lines) - 26
        y = box.top() + 4
        pitch = min(42.0, (below - y) / max(1, len(controller.sentences)))
        for at, words in enumerate(controller.sentences):
            self._paint_sentence(painter, QRectF(box.x(), y, box.width(), pitch - 4), at, words)
            y += pitch
        y = below
        for name, figure in lines:
            line = QRectF(box.x() + 6, y, box.width() - 6, 22)
            draw_text(painter, line, name, fonts.font(12), self.theme.sub)
            align = Qt.AlignmentFlag.AlignRight
            draw_text(painter, line, figure, fonts.font(12, 650), self.theme.text, align=align)
            y += 24
        self._paint_verdict(painter, QRectF(box.x() + 6, y, box.width() - 6, 22))

    def _paint_verdict(self, painter: QPainter, line: QRectF) -> None:
        """Say, once all is told, whether the engine is where the scenario expects it."""
        controller, theme = self.player.controller, self.theme
        if controller.step is None or self.player.phase < len(controller.sentences):
            return
        is_right = not controller.differences
        name, color = ("check", theme.good) if is_right else ("warning", theme.danger)
        mark = icons.pixmap(name, color, 14, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(line.x(), line.y() + 4), mark)
        words = "Checked: the engine holds just this"
        if not is_right:
            words = "Not as expected: " + "; ".join(controller.differences)
        line.setLeft(line.x() + 20)
        draw_elided(painter, line, words, fonts.font(11, 500), color)

    def _paint_sentence(self, painter: QPainter, box: QRectF, at: int, words: str) -> None:
        theme, lit = self.theme, self.player.lit
        is_lit, is_done = at == lit, at < lit
        if is_lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("soft"))
            painter.drawRoundedRect(box.adjusted(26, 0, 0, 0), 6, 6)
        disc = QPointF(box.x() + 12, box.center().y())
        reached = is_lit or is_done
        painter.setPen(QPen(theme.color("accent" if reached else "border"), 1.6))
        painter.setBrush(theme.color("accent" if reached else "card"))
        painter.drawEllipse(disc, 9, 9)
        number = QRectF(disc.x() - 9, disc.y() - 9, 18, 18)
        color = theme.card if reached else theme.sub
        draw_text(painter, number, str(at + 1), fonts.font(11, 700), color, align=CENTER)
        painter.setFont(fonts.font(12, 600 if is_lit else 450))
        painter.setPen(theme.color("text" if reached else "faint"))
        painter.drawText(box.adjusted(34, 0, -6, 0), _WRAPPED, words)
