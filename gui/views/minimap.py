# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The whole area as a narrow strip, with a frame around what the map shows.

Each line of the strip is a bar of the exact shares of the states in it, in a fixed order: nothing
is a blend of two colours. A line where something changed just now wears a dot of heat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from core.answers import AreaState
from gui.guard import guarded, guarded_or
from gui.models.pyramid import STATES

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent

    from gui.models.areamodel import AreaModel
    from gui.models.viewport import Viewport
    from gui.theme import ThemeSource

STRIP_PX: Final = 8
WIDTH: Final = 16
_FRAME_PX_MIN: Final = 10
_DOT_PX: Final = 2
_DOT_ALPHA: Final = 0.6
_CELLS_A_LINE: Final = 8
ORDER: Final = (
    AreaState.METADATA,
    AreaState.PRESERVED,
    AreaState.NEW,
    AreaState.RECLAIMABLE,
    AreaState.SHARED,
    AreaState.ORIGINAL_ONLY,
    AreaState.FREE,
)


def line_shares(model: AreaModel, lines: int) -> npt.NDArray[np.float64]:
    """Return the share of each state in each of ``lines`` equal parts of an area.

    Parts are cut at whole cells, of which there are at least eight a part where the area has
    that many blocks.
    """
    level = max(0, (model.blocks // (lines * _CELLS_A_LINE)).bit_length() - 1)
    cells = max(1, -(-model.blocks >> level))
    counts = model.counts(level, 0, cells)
    edges = np.arange(lines) * cells // lines
    sums = np.add.reduceat(counts, edges, axis=1, dtype=np.int64)
    shares: npt.NDArray[np.float64] = sums / np.maximum(1, sums.sum(0))
    return shares


def strip_states(shares: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.uint8]:
    """Return the state of each pixel of a strip, shape (lines, width).

    A state that is there at all gets a pixel if its share is half a pixel or more.
    """
    ends = np.rint(np.cumsum(shares[list(ORDER)], axis=0) * width)
    ends[-1] = width
    pixels = np.arange(width)
    index = (pixels[None, None, :] >= ends[:, :, None]).sum(0)
    order = np.array(ORDER, np.uint8)
    states: npt.NDArray[np.uint8] = order[np.minimum(index, STATES - 1)]
    return states


class Minimap(QWidget):
    """Shows where in the area the map looks; a click or drag moves it there.

    Signals:
        asked: Byte address to bring into the middle of the map.
    """

    asked = Signal(object)

    def __init__(
        self, model: AreaModel, port: Viewport, source: ThemeSource, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._port = port
        self._source = source
        self._image = QImage()
        self._dots = QImage()
        self.setFixedWidth(WIDTH)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"Whole {model.kind.value} area")
        source.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Count anew. Dearer than a frame of the map: a few times a second is enough."""
        lines = max(1, self.height() - 4)
        theme = self._source.theme
        colors = np.array(
            [theme.color(theme.state_color(state)).rgb() for state in AreaState], np.uint32
        )
        states = strip_states(line_shares(self._model, lines), STRIP_PX)
        pixels = np.ascontiguousarray(colors[states])
        form = QImage.Format.Format_RGB32
        self._image = QImage(pixels.data, STRIP_PX, lines, pixels.strides[0], form).copy()
        self._dots = self._hot_lines(lines)
        self.update()

    def _hot_lines(self, lines: int) -> QImage:
        """Return a narrow picture with a dot at each line where something changed just now."""
        dots = np.zeros((lines, _DOT_PX), np.uint32)
        batches = self._model.heat.batches
        if batches:
            firsts = np.concatenate([batch.firsts for batch in batches])
            hot = np.minimum(firsts * lines // max(1, self._model.blocks), lines - 1)
            dots[hot] = self._source.theme.color("heat", _DOT_ALPHA).rgba()
        form = QImage.Format.Format_ARGB32
        return QImage(dots.data, _DOT_PX, lines, dots.strides[0], form).copy()

    def frame_box(self) -> QRectF:
        """Return the place of the frame around what the map shows."""
        size = max(1, self._port.blocks * self._port.block_bytes)
        lines = max(1, self.height() - 4)
        top = 2 + self._port.start / size * lines
        height = (self._port.stop - self._port.start) / size * lines
        height = min(lines, max(_FRAME_PX_MIN, height))
        top = min(top, 2 + lines - height)
        return QRectF(2, top - 1, WIDTH - 4, height + 2)

    @override
    @guarded_or(QSize(WIDTH, 64))
    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 64)

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        self.refresh()

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, left = self._source.theme, (WIDTH - STRIP_PX) // 2
        strip = QRectF(left, 2, STRIP_PX, max(1, self.height() - 4))
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.save()
            path = QPainterPath()
            path.addRoundedRect(strip, 3, 3)
            painter.setClipPath(path)
            painter.drawImage(strip.toRect(), self._image)
            painter.restore()
            painter.drawImage(left + STRIP_PX + 1, 2, self._dots)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("unline"), 1))
            painter.drawRoundedRect(strip.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
            for pen in (QPen(theme.color("halo"), 4), QPen(theme.color("ink"), 1.8)):
                painter.setPen(pen)
                painter.drawRoundedRect(self.frame_box(), 3, 3)

    @override
    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._ask(event.position().y())

    @override
    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._ask(event.position().y())

    @override
    @guarded
    def wheelEvent(self, event: QWheelEvent) -> None:
        self._ask(self.frame_box().center().y() - event.angleDelta().y() / 20)
        event.accept()

    def _ask(self, y: float) -> None:
        lines = max(1, self.height() - 4)
        share = min(max((y - 2) / lines, 0.0), 1.0)
        self.asked.emit(int(share * self._model.size))
