# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where the panes are: copies left, maps in the middle, table right, a drawer of three below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget
from typing_extensions import override

from gui.guard import guarded

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from gui.settings import Settings

GAP: Final = 10
_DRAWER_HIDES_BELOW: Final = 640
_WIDE: Final = 1700
_TALL: Final = 1000
_RIBBONS_HIDE_BELOW: Final = 300


@dataclass(frozen=True, slots=True)
class Panes:
    """The panes to arrange."""

    tree: QWidget
    maps: QWidget
    table: QWidget
    ribbons: QWidget
    timeline: QWidget
    plots: QWidget
    narration: QWidget


class Arrangement(QWidget):
    """Splitters whose handles are the gaps between the cards."""

    def __init__(self, panes: Panes, parent: QWidget | None = None) -> None:
        """Lay the panes out."""
        super().__init__(parent)
        self._panes = panes
        self.side = _splitter(Qt.Orientation.Vertical, panes.table, panes.ribbons)
        self.upper = _splitter(Qt.Orientation.Horizontal, panes.tree, panes.maps, self.side)
        self.drawer = _splitter(
            Qt.Orientation.Horizontal, panes.timeline, panes.plots, panes.narration
        )
        self.whole = _splitter(Qt.Orientation.Vertical, self.upper, self.drawer)
        self._splitters = {
            "side": self.side, "upper": self.upper, "drawer": self.drawer, "whole": self.whole,
        }  # fmt: skip
        panes.tree.setMinimumWidth(190)
        panes.maps.setMinimumWidth(300)
        panes.maps.setMinimumHeight(240)
        self.side.setMinimumWidth(250)
        self.drawer.setMinimumHeight(150)
        self.upper.setStretchFactor(1, 1)
        self.whole.setStretchFactor(0, 1)
        self.side.setStretchFactor(0, 1)
        self._drawer_wanted = True
        self._is_own = True  # until the user drags a handle, sizes follow the window's
        for splitter in self._splitters.values():
            splitter.splitterMoved.connect(self._on_moved)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP, GAP, GAP)
        column.addWidget(self.whole, 1)

    @property
    def left_edge(self) -> int:
        """Where the middle column begins, in this widget's pixels."""
        return self._panes.maps.mapTo(self, self._panes.maps.rect().topLeft()).x()

    @property
    def is_drawer_wanted(self) -> bool:
        """Whether the drawer is shown when there is room."""
        return self._drawer_wanted

    def show_drawer(self, *, shown: bool) -> None:
        """Show or hide the drawer. By hand it opens in a low window too."""
        self._drawer_wanted = shown
        self.drawer.setVisible(shown)

    def reset(self) -> None:
        """Back to the sizes the program comes with."""
        self._is_own = True
        self._drawer_wanted = True
        self._panes.tree.setVisible(True)
        self.side.setVisible(True)
        self._size()

    def restore(self, settings: Settings) -> None:
        """Take the sizes of last time, if there are any."""
        for name, splitter in self._splitters.items():
            state = settings.layout(name)
            if state is not None and splitter.restoreState(state):
                self._is_own = False

    def save(self, settings: Settings) -> None:
        """Keep the sizes, if they are the user's own."""
        if not self._is_own:
            for name, splitter in self._splitters.items():
                settings.set_layout(name, splitter.saveState())

    def _on_moved(self, _position: int, _index: int) -> None:
        self._is_own = False

    def _size(self) -> None:
        width, height = self.width() - 2 * GAP, self.height() - 2 * GAP
        wide, narrow = width >= _WIDE, width < 1100
        left = 272 if wide else 196 if narrow else 244
        right = 404 if wide else 292 if narrow else 356
        low = 256 if height >= _TALL else max(178, min(228, height * 3 // 10))
        has_drawer = self._drawer_wanted and height >= _DRAWER_HIDES_BELOW - 120
        self.drawer.setVisible(has_drawer)
        centre = width - left - right - 2 * GAP
        self.upper.setSizes([left, centre, right])
        self.whole.setSizes([height - low - GAP, low])
        timeline = left + round(centre * 0.37)
        self.drawer.setSizes([timeline, width - timeline - right - 2 * GAP, right])
        upper = height - low - GAP if has_drawer else height
        ribbons = 172 if upper > 420 else 140
        self._panes.ribbons.setVisible(upper >= _RIBBONS_HIDE_BELOW)
        self.side.setSizes([upper - ribbons - GAP, ribbons])

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._is_own:
            self._size()


def _splitter(orientation: Qt.Orientation, *panes: QWidget) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setHandleWidth(GAP)
    splitter.setChildrenCollapsible(False)
    for pane in panes:
        splitter.addWidget(pane)
    return splitter
