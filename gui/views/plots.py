# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The live figures: four curves of the last minute, every one counted from events.

pyqtgraph takes half a second to import, so it is imported when the card is first shown. Pens are
one pixel wide and ranges fixed: a wider pen costs thirty times as much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QLinearGradient, QPen
from PySide6.QtWidgets import QFrame
from typing_extensions import override

from core.units import format_bytes
from gui.guard import guarded
from gui.models.history import BUCKETS
from gui.theme import fonts
from gui.views.card import MARGIN, Card
from gui.views.drawing import RIGHT, draw_elided, draw_text, text_width

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    from PySide6.QtGui import QPainter, QResizeEvent, QShowEvent
    from PySide6.QtWidgets import QWidget

    from gui.models.history import History
    from gui.theme import ThemeSource

    Floats = npt.NDArray[np.float64]

TOP: Final = 40
GAP: Final = 12
LABEL_HEIGHT: Final = 22


def format_rate(value: float) -> str:
    """Return a rate in three figures: ``0.5 /s``, ``48.2 k/s``."""
    for unit in ("", "k", "M"):
        if value < 999.5 or unit == "M":
            break
        value /= 1000
    digits = 0 if value >= 99.5 or value == int(value) else 1
    return f"{value:.{digits}f} {unit}/s"


def scale_top(peak: float, top: float) -> float:
    """Return the top of a scale for ``peak``: the present one as long as it fits well enough."""
    if peak <= top and peak >= 0.6 * top:
        return top
    return peak * 1.1 if peak > 0 else 1.0


class _Plot(NamedTuple):
    """One of the four: what it is called, drawn with, counted by and how its figure is written."""

    label: str
    color: str
    values: Callable[[History], Floats]
    figure: Callable[[History, Floats], str]
    note: str


PLOTS: Final = (
    _Plot(
        "Writes",
        "written",
        lambda history: history.writes_per_second(),
        lambda history, values: format_rate(history.recent(values)),
        "Writes accepted, to the original and to copies",
    ),
    _Plot(
        "Originals preserved",
        "preserved",
        lambda history: history.preserved_per_second(),
        lambda history, values: format_rate(history.recent(values)),
        "Extents copied to the additional area before they were written over",
    ),
    _Plot(
        "Copied per byte written",
        "sub",
        lambda history: history.copied_per_written(),
        lambda history, values: f"{history.recent(values):.2f}",
        "Bytes copied from the initial to the additional area for each byte written",
    ),
    _Plot(
        "Additional area",
        "good",
        lambda history: history.area_used(),
        lambda history, values: format_bytes(history.area_bytes),
        "Bytes of the additional area in use",
    ),
)


class PlotsCard(Card):
    """Four curves in two rows; ``tick`` moves them on."""

    def __init__(
        self, history: History, source: ThemeSource, parent: QWidget | None = None
    ) -> None:
        super().__init__(source, "Live I/O", parent=parent)
        self.history = history
        self._figures = [""] * len(PLOTS)
        self._widgets: list[Any] = []
        self._curves: list[Any] = []
        self._tops = [0.0] * len(PLOTS)
        self._is_busy = False
        source.changed.connect(self._on_theme)

    # Plots

    @override
    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.prepare()
        self.tick()

    def prepare(self) -> None:
        """Make the plots now, ahead of the first showing, when there is time for it."""
        if not self._widgets:
            self._make_plots()
            self._place()
            self._on_theme()

    def _make_plots(self) -> None:
        import pyqtgraph

        for plot in PLOTS:
            widget = pyqtgraph.PlotWidget(parent=self)
            widget.hideAxis("left")
            widget.hideAxis("bottom")
            widget.setMouseEnabled(False, False)
            widget.hideButtons()
            widget.setMenuEnabled(False)
            widget.setFrameShape(QFrame.Shape.NoFrame)
            widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            widget.setAccessibleName(plot.label)
            widget.setToolTip(plot.note)
            widget.disableAutoRange()
            widget.setXRange(0, BUCKETS - 2, padding=0)
            curve = widget.plot(antialias=True, skipFiniteCheck=True)
            self._widgets.append(widget)
            self._curves.append(curve)
            widget.show()

    @guarded
    def _on_theme(self) -> None:
        for plot, widget, curve in zip(PLOTS, self._widgets, self._curves, strict=False):
            widget.setBackground(self.theme.color("card"))
            pen = QPen(self.theme.color(plot.color), 1)
            pen.setCosmetic(True)  # else one unit wide, and units are writes or bytes
            curve.setPen(pen)
            curve.setFillLevel(0)
        for at in range(len(self._curves)):
            self._fill(at)

    def _fill(self, at: int) -> None:
        """Let the area under a curve fade over the height of its plot.

        The gradient is in units of the plot: pyqtgraph fills a curve piece by piece, and one that
        is relative to its object would begin anew with each.
        """
        name = PLOTS[at].color
        fill = QLinearGradient(0, 0, 0, self._tops[at] or 1.0)
        fill.setColorAt(0, self.theme.color(name, 0.05))  # y grows upwards
        fill.setColorAt(1, self.theme.color(name, 0.36))
        self._curves[at].setBrush(QBrush(fill))

    def set_history(self, history: History) -> None:
        """Show another volume's minute."""
        self.history = history
        self._tops = [0.0] * len(PLOTS)
        self.tick()

    def tick(self) -> None:
        """Show the history as it is now; four times a second is enough."""
        if not self.isVisible() or not self._widgets:
            return
        for at, plot in enumerate(PLOTS):
            values = plot.values(self.history)
            self._figures[at] = plot.figure(self.history, values)
            self._curves[at].setData(values)
            top = scale_top(float(values.max()), self._tops[at])
            if top != self._tops[at]:
                self._tops[at] = top
                self._widgets[at].setYRange(0, top, padding=0)
                self._fill(at)
        writes = self.history.writes_per_second()
        self._is_busy = bool(writes[-8:].any())
        words = ", ".join(
            f"{plot.label} {figure}" for plot, figure in zip(PLOTS, self._figures, strict=True)
        )
        self.setAccessibleDescription(words)
        self.update()

    # Places

    def _cell(self, at: int) -> QRectF:
        width = (self.width() - 2 * MARGIN - GAP) / 2
        height = (self.height() - TOP - 8) / 2
        x, y = MARGIN + at % 2 * (width + GAP), TOP + at // 2 * height
        return QRectF(x, y, width, height)

    def _place(self) -> None:
        for at, widget in enumerate(self._widgets):
            cell = self._cell(at).adjusted(0, LABEL_HEIGHT, 0, -8)
            widget.setGeometry(cell.toRect())

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    @override
    def paint_body(self, painter: QPainter) -> None:
        theme = self.theme
        painter.setBrush(theme.color("good" if self._is_busy else "faint"))
        painter.drawEllipse(QPointF(self.width() - 76, 24), 3.5, 3.5)
        box = QRectF(self.width() - 66, 13, 50, 22)
        draw_text(painter, box, "last 60 s", fonts.font(12), theme.sub, align=RIGHT)
        for at, (plot, figure) in enumerate(zip(PLOTS, self._figures, strict=True)):
            cell = self._cell(at)
            room = cell.width() - text_width(figure, fonts.font(12, 650)) - 8
            label = QRectF(cell.left(), cell.top(), room, 18)
            draw_elided(painter, label, plot.label, fonts.font(12), theme.sub)
            value = QRectF(cell.left(), cell.top(), cell.width(), 18)
            draw_text(painter, value, figure, fonts.font(12, 650), theme.text, align=RIGHT)
            painter.setPen(QPen(theme.color("line"), 1))
            y = cell.bottom() - 7.5
            painter.drawLine(QPointF(cell.left(), y), QPointF(cell.right(), y))
