# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A picture of measured figures: for each topic a bar a case, from what it is compared with.

All bars share one logarithmic scale on which further to the right is better, whether more of a
figure is better or less of it; the numbers beside them are as they were measured.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final, NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPen

from gui.theme import fonts
from gui.views.drawing import CENTER, RIGHT, draw_elided, draw_text, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gui.theme import Theme

WIDTH_PX: Final = 1120
PIXEL_RATIO: Final = 2
OURS: Final = "Rangepair"
TIMES: Final = "\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}"
_MARGIN_PX: Final = 36
_PLOT_LEFT_PX: Final = 330
_PLOT_RIGHT_PX: Final = 830
_RATIO_RIGHT_PX: Final = 910
_HEAD_PX: Final = 118
_TOPIC_PX: Final = 40
_ROW_PX: Final = 22
_GAP_PX: Final = 12
_FOOT_PX: Final = 46
_BAR_PX: Final = 12
_DOT_PX: Final = 4
_STEPS: Final = (1.0, 2.0, 5.0)
_WHOLE_FROM: Final = 100
_TICK_GAP_PX: Final = 34


class Bar(NamedTuple):
    """One case.

    Attributes:
        ratio: Of the figure to that of the case compared with.
        is_more_better: Whether more of the figure is better.
    """

    topic: str
    case: str
    unit: str
    figure: float
    ratio: float
    is_more_better: bool
    is_base: bool

    @property
    def merit(self) -> float:
        """How many times as good as the case compared with; what is not to be told is 1."""
        if self.ratio <= 0:
            return 1.0
        return self.ratio if self.is_more_better else 1 / self.ratio


class Scale:
    """A logarithmic axis that holds all merits, and 1."""

    def __init__(self, merits: Sequence[float]) -> None:
        """Choose where the axis begins and ends."""
        self._low = math.log(min(_below(min(merits)), 0.5))
        self._high = math.log(max(1 / _below(1 / max(merits)), 2.0))

    def x(self, merit: float) -> float:
        """Return where a merit lies, in pixels."""
        share = (math.log(merit) - self._low) / (self._high - self._low)
        return _PLOT_LEFT_PX + share * (_PLOT_RIGHT_PX - _PLOT_LEFT_PX)

    def ticks(self) -> list[float]:
        """Return the merits that are named, those nearest to 1 first."""
        powers = range(math.floor(self._low / math.log(10)), math.ceil(self._high / math.log(10)))
        steps = [step * 10.0**power for power in powers for step in _STEPS]
        within = [tick for tick in steps if self._low - 1e-9 <= math.log(tick) <= self._high + 1e-9]
        return sorted(within, key=lambda tick: abs(math.log(tick)))


def _below(merit: float) -> float:
    """Return the next step at or below a merit."""
    power = 10.0 ** math.floor(math.log10(merit))
    return max(step * power for step in _STEPS if step * power <= merit * (1 + 1e-9))


def draw_figures(title: str, lines: Sequence[str], bars: Sequence[Bar], theme: Theme) -> QImage:
    """Return the picture.

    Args:
        title: What it is about.
        lines: Two at most, about where and when.
        bars: At least one; those of a topic in a row.
        theme: What to draw with.
    """
    topics = [(name, list(those)) for name, those in itertools.groupby(bars, lambda b: b.topic)]
    plot_px = sum(_TOPIC_PX + len(those) * _ROW_PX + _GAP_PX for _, those in topics)
    height = _HEAD_PX + plot_px + _FOOT_PX
    image = QImage(WIDTH_PX * PIXEL_RATIO, height * PIXEL_RATIO, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PIXEL_RATIO)
    image.fill(theme.color("card"))
    scale = Scale([bar.merit for bar in bars])
    with QPainter(image) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _draw_head(painter, title, lines, theme)
        _draw_axis(painter, scale, height - _FOOT_PX, theme)
        top = float(_HEAD_PX)
        for name, those in topics:
            _draw_topic(painter, top, name, those, theme)
            top += _TOPIC_PX
            for bar in those:
                _draw_bar(painter, top, bar, scale, theme)
                top += _ROW_PX
            top += _GAP_PX
        foot = QRectF(_MARGIN_PX, height - _FOOT_PX, WIDTH_PX - 2 * _MARGIN_PX, _FOOT_PX)
        words = (
            "The scale says how many times as good a case is as the one with the dot: further to"
            " the right is better. The numbers are as measured."
        )
        draw_text(painter, foot, words, fonts.font(12), theme.sub)
    return image


def _draw_head(painter: QPainter, title: str, lines: Sequence[str], theme: Theme) -> None:
    width = WIDTH_PX - 2 * _MARGIN_PX
    draw_text(painter, QRectF(_MARGIN_PX, 22, width, 28), title, fonts.font(20, 650), theme.text)
    for number, line in enumerate(lines[:2]):
        box = QRectF(_MARGIN_PX, 52 + 18 * number, width, 18)
        draw_elided(painter, box, line, fonts.font(12), theme.sub)


def _draw_axis(painter: QPainter, scale: Scale, bottom: float, theme: Theme) -> None:
    """Draw the named merits over all topics; where two would touch, the one further from 1 goes."""
    taken: list[float] = []
    for tick in scale.ticks():
        x = scale.x(tick)
        if any(abs(x - other) < _TICK_GAP_PX for other in taken):
            continue
        taken.append(x)
        is_one = abs(tick - 1) < 1e-9
        painter.setPen(QPen(theme.color("sub" if is_one else "line"), 1.2 if is_one else 1.0))
        painter.drawLine(QPointF(x, _HEAD_PX), QPointF(x, bottom - _GAP_PX))
        box = QRectF(x - 40, _HEAD_PX - 20, 80, 18)
        color = theme.text if is_one else theme.sub
        draw_text(painter, box, f"{tick:g}{TIMES}", fonts.font(11), color, align=CENTER)


def _draw_topic(
    painter: QPainter, top: float, name: str, bars: Sequence[Bar], theme: Theme
) -> None:
    font = fonts.font(13, 650)
    better = "more is better" if bars[0].is_more_better else "less is better"
    box = QRectF(_MARGIN_PX, top + 10, text_width(name, font) + 14, 24)
    beside = QRectF(box.right(), box.top(), text_width(better, fonts.font(12)) + 8, 24)
    painter.fillRect(box.united(beside), theme.color("card"))  # the axis stays behind the words
    draw_text(painter, box, name, font, theme.text)
    draw_text(painter, beside, better, fonts.font(12), theme.sub)


def _draw_bar(painter: QPainter, top: float, bar: Bar, scale: Scale, theme: Theme) -> None:
    is_ours = bar.case.startswith(OURS)
    label = QRectF(_MARGIN_PX + 12, top, _PLOT_LEFT_PX - _MARGIN_PX - 26, _ROW_PX)
    font = fonts.font(13, 600 if is_ours else 400)
    draw_elided(painter, label, bar.case, font, theme.text)
    middle, one, end = top + _ROW_PX / 2, scale.x(1.0), scale.x(bar.merit)
    color = theme.color("accent" if is_ours else "shared")
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    if bar.is_base:
        painter.drawEllipse(QPointF(one, middle), _DOT_PX, _DOT_PX)
    else:
        left, width = min(one, end), max(abs(end - one), 1.5)
        painter.drawRect(QRectF(left, middle - _BAR_PX / 2, width, _BAR_PX))
    ratio = QRectF(_PLOT_RIGHT_PX, top, _RATIO_RIGHT_PX - _PLOT_RIGHT_PX, _ROW_PX)
    draw_text(painter, ratio, f"{bar.ratio:.2f}{TIMES}", font, theme.text, align=RIGHT)
    figure = QRectF(_RATIO_RIGHT_PX, top, WIDTH_PX - _MARGIN_PX - _RATIO_RIGHT_PX, _ROW_PX)
    words = f"{_shown(bar.figure)} {bar.unit}"
    draw_text(painter, figure, words, fonts.font(12), theme.sub, align=RIGHT)


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= _WHOLE_FROM else f"{figure:.3g}"
