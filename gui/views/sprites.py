# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How one cell of a map looks, at any size, and the atlas of cells drawn once and copied often.

A state is told by colour and by a mark, so that the map reads in grey too: free is hollow,
original-only hatched, preserved has a cut corner, metadata a hole, reclaimable a cross, new data
square corners. What changed just now has a core, in large cells a rim, that shrinks as it cools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from core.answers import AreaState
from gui.models.cellplane import KEYS, heat_of, share_of, state_of
from gui.models.heat import HEAT_MAX
from gui.models.pyramid import OUTSIDE
from gui.theme import STATE_LETTERS, fonts
from gui.views.drawing import CENTER, blend, draw_text

if TYPE_CHECKING:
    from core.answers import UInt8s
    from gui.theme import Theme

Pixels = npt.NDArray[np.uint32]

SPRITE_PX_MIN: Final = 5
"""Smaller cells are plain colour."""
LETTER_PX_MIN: Final = 22
LARGE_PX_MIN: Final = 24
_MARK_PX_MIN: Final = 7
_TINTS: Final = (0.45, 0.65, 0.85, 1.0)
_DARK_INK: Final = "#131C2B"
_LIGHT_INK: Final = "#FFFFFF"


def gap_of(px: int) -> int:
    """Return the pixels left free between cells of ``px`` pixels."""
    if px < SPRITE_PX_MIN:
        return 0
    return 1 if px < 16 else 2 if px < 36 else 4 if px < 72 else 6


def radius_of(px: int) -> float:
    """Return the radius of a cell's corners."""
    return min(2.0, px * 0.22) if px < 16 else min(9.0, px * 0.13)


def ink_on(color: QColor) -> str:
    """Return the colour of words that read best on ``color``."""
    luminance = 0.2126 * color.redF() + 0.7152 * color.greenF() + 0.0722 * color.blueF()
    return _DARK_INK if luminance > 0.42 else _LIGHT_INK


def flat_color(key: int, theme: Theme) -> QColor:
    """Return the colour of a cell too small for marks."""
    if state_of(key) == OUTSIDE:
        return theme.color("card")
    color = _tinted(key, theme)
    heat = heat_of(key)
    if heat:
        return blend(color, theme.heat, (heat / HEAT_MAX) ** 0.8 * 0.95)
    return color


def palette(theme: Theme) -> Pixels:
    """Return the colour of every key, for cells too small for marks."""
    return np.array([flat_color(key, theme).rgb() for key in range(KEYS)], np.uint32)


def _tinted(key: int, theme: Theme) -> QColor:
    state = AreaState(state_of(key))
    color = theme.color(theme.state_color(state))
    return color if state == AreaState.FREE else blend(theme.card, color, _TINTS[share_of(key)])


def draw_cell(painter: QPainter, key: int, px: int, theme: Theme) -> None:
    """Draw a cell with its upper left corner at the origin, gap included."""
    if state_of(key) == OUTSIDE:
        return
    side = px - gap_of(px)
    box, state = QRectF(0, 0, side, side), AreaState(state_of(key))
    _draw_body(painter, box, state, _tinted(key, theme), theme)
    if px >= _MARK_PX_MIN and (not heat_of(key) or px >= LARGE_PX_MIN):
        _draw_mark(painter, box, state, theme)
    if heat_of(key):
        _draw_heat(painter, box, heat_of(key), theme)


def _draw_body(
    painter: QPainter, box: QRectF, state: AreaState, color: QColor, theme: Theme
) -> None:
    px = round(box.width())
    radius = radius_of(px)
    if state == AreaState.FREE:
        painter.setPen(QPen(theme.color("unline"), 1))
        painter.setBrush(theme.color("unmapped"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        return
    if state == AreaState.NEW:
        radius *= 0.35
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawRoundedRect(box, radius, radius)


def _draw_mark(painter: QPainter, box: QRectF, state: AreaState, theme: Theme) -> None:
    side = box.width()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("card"))
    if state == AreaState.PRESERVED:
        cut = side * (0.5 if side < 14 else 0.36) if side < LARGE_PX_MIN else min(24, side * 0.24)
        corner = [QPointF(side, 0), QPointF(side, cut), QPointF(side - cut, 0)]
        painter.drawPolygon(QPolygonF(corner))
    elif state == AreaState.METADATA:
        if side < LARGE_PX_MIN:
            painter.drawEllipse(QPointF(side / 2, side / 2), side * 0.19, side * 0.19)
        else:
            painter.drawEllipse(QPointF(side * 0.84, side * 0.16), side * 0.07, side * 0.07)
    elif state == AreaState.RECLAIMABLE:
        painter.setPen(QPen(theme.color("card"), max(1.2, side * 0.06)))
        low, high = (0.28, 0.72) if side < LARGE_PX_MIN else (0.08, 0.92)
        for x0, x1 in ((low, high), (high, low)):
            painter.drawLine(QLineF(x0 * side, low * side, x1 * side, high * side))
    elif state == AreaState.ORIGINAL_ONLY:
        _draw_hatch(painter, side, theme)


def _draw_hatch(painter: QPainter, side: float, theme: Theme) -> None:
    painter.setPen(QPen(theme.color("card", 0.55), max(1.0, side * 0.045)))
    step = max(4.0, side / 5) if side >= 14 else side
    inset = min(2.0, side * 0.12)
    along = step
    while along < 2 * side:
        low, high = max(inset, along - side + inset), min(side - inset, along - inset)
        if high > low:
            painter.drawLine(QLineF(low, along - low, high, along - high))
        along += step


def _draw_heat(painter: QPainter, box: QRectF, heat: int, theme: Theme) -> None:
    side, warmth = box.width(), heat / HEAT_MAX
    if side < LARGE_PX_MIN:
        half = side * (0.22 + 0.78 * warmth) / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("heat", min(1.0, 0.55 + 0.45 * warmth)))
        radius = radius_of(round(side)) * 0.8
        core = QRectF(side / 2 - half, side / 2 - half, 2 * half, 2 * half)
        painter.drawRoundedRect(core, radius, radius)
        return
    rim = max(1.5, min(9.0, side * 0.1) * warmth)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("heat"), rim))
    radius = radius_of(round(side))
    painter.drawRoundedRect(box.adjusted(rim / 2, rim / 2, -rim / 2, -rim / 2), radius, radius)


def draw_letter(painter: QPainter, key: int, px: int, theme: Theme) -> None:
    """Draw the letter of a cell's state in its middle."""
    if state_of(key) == OUTSIDE:
        return
    side, state = px - gap_of(px), AreaState(state_of(key))
    color = theme.faint if state == AreaState.FREE else ink_on(_tinted(key, theme))
    font = fonts.font(max(11, min(44, side * 2 // 5)), 600)
    draw_text(painter, QRectF(0, 0, side, side), STATE_LETTERS[state], font, color, align=CENTER)


class Atlas:
    """Cells of one size in one theme, each drawn when first asked for."""

    def __init__(self, theme: Theme, px: int, ratio: int = 1, *, letters: bool = False) -> None:
        """Begin empty.

        Args:
            theme: Colours.
            px: Side of a cell with its gap, in device-independent pixels.
            ratio: Device pixels for each of those.
            letters: Whether cells large enough wear the letter of their state.
        """
        self.px = px
        self.ratio = ratio
        self._theme = theme
        self._letters = letters and px >= LETTER_PX_MIN
        self._slots = np.full(KEYS, -1, np.int64)
        self._cells: Pixels = np.empty((0, px * ratio, px * ratio), np.uint32)

    def cells(self, keys: UInt8s) -> Pixels:
        """Return the pixels of cells, shape (n, side, side)."""
        slots = self._slots[keys]
        if len(slots) and slots.min() < 0:
            self._draw(np.unique(keys[slots < 0]))
            slots = self._slots[keys]
        found: Pixels = self._cells[slots]
        return found

    def _draw(self, keys: UInt8s) -> None:
        self._slots[keys] = np.arange(len(self._cells), len(self._cells) + len(keys))
        drawn = [self._sprite(int(key)) for key in keys]
        self._cells = np.concatenate([self._cells, np.stack(drawn)])

    def _sprite(self, key: int) -> Pixels:
        side = self.px * self.ratio
        image = QImage(side, side, QImage.Format.Format_RGB32)
        image.fill(self._theme.color("card"))
        with QPainter(image) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.scale(self.ratio, self.ratio)
            draw_cell(painter, key, self.px, self._theme)
            if self._letters:
                draw_letter(painter, key, self.px, self._theme)
        return np.frombuffer(image.constBits(), np.uint32).reshape(side, side).copy()
