# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The panes that follow the events, with the models they show."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from core.session import ORIGINAL
from gui.guard import guarded
from gui.models.address import AddressFormat
from gui.models.areamodel import AdditionalAreaModel, InitialAreaModel
from gui.models.history import History
from gui.models.narration import Narrator
from gui.models.pointertable import Geometry
from gui.models.story import Teller
from gui.models.tablemodel import PointerTableModel
from gui.views.mapspane import MapsPane
from gui.views.narration import NarrationCard
from gui.views.plots import PlotsCard
from gui.views.pointertable import PointerTableCard
from gui.views.ribbons import RibbonsCard
from gui.views.timeline import TimelineCard
from gui.windows.arrangement import Panes

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from core.answers import Stats, TableAnswer, VolumeInfo
    from gui.models.areamodel import CountedMap
    from gui.models.focus import Focus
    from gui.models.history import Events
    from gui.theme import ThemeSource
    from gui.windows.follower import Follower

TICK_MS: Final = 250


class LivePanes(QObject):
    """Feeds models and panes from the follower."""

    described = Signal(str)
    """What is under the pointer, in words."""

    def __init__(
        self, source: ThemeSource, focus: Focus, follower: Follower, parent: QObject
    ) -> None:
        """Build the panes."""
        super().__init__(parent)
        self._follower = follower
        self._focus = focus
        self._image = ""
        self._size = 0
        self._names: dict[int, str] = {}
        self._seen_seq = 0
        self.history = History()
        self.narrator = Narrator()
        self.table_model = PointerTableModel(parent=self)
        self.maps = MapsPane(InitialAreaModel(), AdditionalAreaModel(), focus, source)
        self.maps.set_table(self.table_model.table)
        self.table = PointerTableCard(self.table_model, focus, source)
        self.ribbons = RibbonsCard(self.table_model, focus, source)
        self.timeline = TimelineCard(focus, source)
        self.plots = PlotsCard(self.history, source)
        self.narration = NarrationCard(self.narrator, self._teller(), focus, source)
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self._on_tick)
        follower.info_changed.connect(self._on_info)
        self.maps.told.connect(self.described)
        self.table_model.refreshed.connect(self.maps.table_changed)
        follower.map_loaded.connect(self._on_map)
        follower.table_loaded.connect(self._on_table)
        follower.events.connect(self._on_events)
        follower.stats_changed.connect(self._on_stats)

    def prepare(self) -> None:
        """Make what is slow to make, ahead of the first volume."""
        self.plots.prepare()

    def arranged(self, tree: QWidget) -> Panes:
        """Return the panes by place."""
        return Panes(
            tree=tree, maps=self.maps, table=self.table, ribbons=self.ribbons,
            timeline=self.timeline, plots=self.plots, narration=self.narration,
        )  # fmt: skip

    def find(self) -> None:
        """Put the keyboard into the search field of the table."""
        self.table.search.setFocus()
        self.table.search.selectAll()

    def writes_per_second(self) -> float:
        """Return the writes accepted a second, over the last one."""
        return self.history.recent(self.history.writes_per_second())

    def clear(self) -> None:
        """Forget the volume."""
        self._clock.stop()
        self._image = ""
        self._names = {}
        self._begin_history()
        self._look_at_nothing()
        self.table_model.clear()
        self.timeline.open("")

    def _begin_history(self) -> None:
        """What was written to another volume belongs on none of this one's panes."""
        self.history = History()
        self.plots.set_history(self.history)
        self.narrator.clear()

    def _look_at_nothing(self) -> None:
        """What was picked in another volume is another place in this one."""
        self._focus.select(None)
        self._focus.set_hover(None)
        self._focus.set_badges(())

    def shutdown(self) -> None:
        """Stop everything that runs by itself."""
        self._clock.stop()
        self.table_model.shutdown()

    def _teller(self, size: int = 0, grain: int = 4096) -> Teller:
        form = AddressFormat.of(size, grain)
        return Teller(form, self._name_of, self._pairs_beside)

    def _name_of(self, copy_id: int) -> str:
        return self._names.get(copy_id, ORIGINAL if copy_id == 0 else f"copy {copy_id}")

    def _pairs_beside(self, copy_id: int, start: int, stop: int) -> list[tuple[int, int]] | None:
        """Return the range pairs beside a place, if the table of that copy is the one shown."""
        table = self.table_model.table
        return table.pairs_beside(start, stop) if table.copy_id == copy_id else None

    @Slot(object)
    @guarded
    def _on_info(self, info: VolumeInfo) -> None:
        self._names = {copy.id: copy.name for copy in info.copies}
        if info.image != self._image:
            self._begin_history()
            self._look_at_nothing()
            self._image = info.image
            self._size = 0
            self.timeline.open(Path(info.image).name)
            self._clock.start()
        if info.size != self._size:  # another volume, or another size of this one
            self._size = info.size
            self.narration.set_teller(self._teller(info.size, info.grain))
        self.table.set_copies({copy.name: copy.id for copy in info.copies})
        self.timeline.set_copies(info.copies)

    @Slot(object, object)
    @guarded
    def _on_map(self, counted: CountedMap, newer: Events) -> None:
        info = self._follower.info
        if info is not None:
            self.maps.take(counted)
            self.maps.set_places(Path(info.image).name, Path(info.area).name)
            if len(newer):
                self.maps.apply(newer)

    @Slot(object, str, object)
    @guarded
    def _on_table(self, answer: TableAnswer, name: str, newer: Events) -> None:
        info = self._follower.info
        if info is not None:
            self.table_model.load(answer, name, Geometry(answer.stop, info.grain))
            self.maps.set_table(self.table_model.table)
            if len(newer):
                self.table_model.feed(newer)

    @Slot(object)
    @guarded
    def _on_events(self, events: Events) -> None:
        self._seen_seq = int(events["seq"][-1])
        self.history.feed(events)
        self.narrator.feed(events)
        self.timeline.feed(events)
        self.maps.apply(events)
        self.table_model.feed(events)

    @Slot(object)
    @guarded
    def _on_stats(self, stats: Stats) -> None:
        self.history.set_area_used(stats.area_used_bytes, self._seen_seq)
        self.maps.grow(stats.area_bytes)

    @Slot()
    @guarded
    def _on_tick(self) -> None:
        self.history.advance(time.time_ns())
        self.timeline.tick()
        self.plots.tick()
