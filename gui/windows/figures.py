# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The figures that change while something is going on: counters, sizes, frames a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Slot

from core.units import format_bytes
from gui.guard import guarded

if TYPE_CHECKING:
    from core.answers import Stats
    from gui.bridge.link import EngineLink
    from gui.views.copytree import CopyTreePane
    from gui.views.statusbar import StatusBar
    from gui.windows.copydesk import CopyDesk
    from gui.windows.follower import Follower
    from gui.windows.livepanes import LivePanes

_SECOND_MS: Final = 1000


class Figures(QObject):
    """Tells the status bar and the storage bars what the follower hears."""

    def __init__(
        self,
        link: EngineLink,
        follower: Follower,
        status: StatusBar,
        tree: CopyTreePane,
        desk: CopyDesk,
        panes: LivePanes,
    ) -> None:
        """Write to ``status`` and to the storage bars of ``tree``."""
        super().__init__(status)
        self._follower = follower
        self._status = status
        self._tree = tree
        self._desk = desk
        self._panes = panes
        self._frames = 0
        self._second = QTimer(self)
        self._second.setInterval(_SECOND_MS)
        self._second.timeout.connect(self._on_second)
        link.opened.connect(self._on_opened)
        link.closed.connect(self.stop)
        link.gone.connect(self._on_gone)
        link.frame.connect(self._on_frame)
        follower.stats_changed.connect(self._on_stats)

    @Slot()
    @guarded
    def stop(self) -> None:
        """Count no more."""
        self._second.stop()

    @Slot(object)
    @guarded
    def _on_opened(self, _info: object) -> None:
        self._second.start()

    @Slot(object)
    @guarded
    def _on_gone(self, _error: object) -> None:
        self.stop()
        for figure in (self._status.rate, self._status.fps):
            figure.show_value("0")

    @Slot(object)
    @guarded
    def _on_stats(self, stats: Stats) -> None:
        status = self._status
        status.copied.show_value(format_bytes(stats.preserved_bytes))
        status.moved.show_value(format_bytes(stats.copy_write_bytes_from_initial))
        status.space.show_value(format_bytes(stats.area_used_bytes))
        self._desk.show_kept(self._panes.maps.additional_card.kept_bytes)
        if self._follower.info is not None:
            initial_used = self._panes.maps.initial_card.used_bytes
            self._tree.storage.show_areas(self._follower.info, initial_used, stats)
        status.rate.show_value(f"{self._panes.writes_per_second():,.0f}/s")

    @Slot()
    @guarded
    def _on_frame(self) -> None:
        self._frames += 1

    @Slot()
    @guarded
    def _on_second(self) -> None:
        self._status.fps.show_value(str(self._frames))
        self._frames = 0
