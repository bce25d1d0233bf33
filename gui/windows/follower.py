# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps everything that is shown equal to what the engine has.

It asks for whole states when a volume is opened, the catalog changes, another copy comes into focus
or the ring was overrun; in between it follows the events. An answer is older than the events that
came while it was under way, so those are kept and handed over with it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from core.answers import MapAnswer, Stats, TableAnswer, VolumeInfo
from core.errors import NoSuchCopyError
from core.events import EVENT_DTYPE, ORIGINAL_ID, EventKind
from core.session import ORIGINAL
from core.units import GRAIN_BYTES_DEFAULT
from gui.guard import guarded
from gui.models.areamodel import counted_map

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from core.errors import RangepairError
    from core.session import VolumeSession
    from gui.bridge.link import EngineLink
    from gui.models.areamodel import CountedMap

    Events = npt.NDArray[np.void]

STATS_MS: Final = 250
INFO_S: Final = 1.0
_INFO_SHARE: Final = 0.02
"""Part of the window's time that showing the sizes of very many copies may take."""
_ANSWERING_SHARE: Final = 0.1
"""Part of an engine's time that counting millions of pointers for that may take."""
_KEPT_EVENTS_MAX: Final = 1 << 17
"""As many as the ring holds; beyond that the state is asked for once more instead."""

_log = logging.getLogger(__name__)


def _sides(info: VolumeInfo | None) -> tuple[object, ...]:
    """Return what says where new data of the original is; when it changes, so may all tables."""
    if info is None:
        return ()
    moving = info.restoring
    is_separating = moving is not None and not moving.safety
    return info.original is None, is_separating


class _Question:
    """A whole state that is asked for at most once at a time; asked again if it aged meanwhile."""

    def __init__(self, ask: Callable[[], None]) -> None:
        """Call ``ask`` to ask."""
        self._ask = ask
        self.is_open = False
        self._is_stale = False

    def want(self) -> None:
        """Ask now, or again after the answer that is under way."""
        if self.is_open:
            self._is_stale = True
        else:
            self.is_open = True
            self._is_stale = False
            self._ask()

    def answered(self) -> None:
        """Note that the answer came, or will not come."""
        self.is_open = False
        if self._is_stale:
            self.want()

    def drop(self) -> None:
        """Forget what was asked: the volume was left."""
        self.is_open = self._is_stale = False


class Follower(QObject):
    """Asks and follows; whoever shows something connects to these signals."""

    info_changed = Signal(object)
    """VolumeInfo"""
    map_loaded = Signal(object, object)
    """(CountedMap, events that came after it was made): replaces what was known of the areas."""
    table_loaded = Signal(object, str, object)
    """(TableAnswer of the copy in focus, its name, events that came after it was made)"""
    events = Signal(object)
    """One frame's events, in order, each once."""
    stats_changed = Signal(object)
    """Stats"""
    coalesced = Signal(object)
    """int: events that were overrun; the state was asked for instead."""

    def __init__(self, link: EngineLink, parent: QObject | None = None) -> None:
        """Follow ``link`` from now on."""
        super().__init__(parent)
        self._link = link
        self._copy_id = ORIGINAL_ID
        self._info: VolumeInfo | None = None
        self._kept: list[Events] = []
        self._kept_count = 0
        self._info_due = 0.0
        self._is_info_stale = False
        self._info_question = _Question(self._ask_info)
        self._map_question = _Question(self._ask_map)
        self._table_question = _Question(self._ask_table)
        self._stats_question = _Question(self._ask_stats)
        self._clock = QTimer(self)
        self._clock.setInterval(STATS_MS)
        self._clock.timeout.connect(self._on_clock)
        link.opened.connect(self._on_opened)
        link.closed.connect(self._on_left)
        link.gone.connect(self._on_left)
        link.events.connect(self._on_events)
        link.lost.connect(self._on_lost)

    @property
    def info(self) -> VolumeInfo | None:
        """The catalog as last told; ``None`` while no volume is open."""
        return self._info

    def look_at(self, copy_id: int) -> None:
        """Follow the pointer table of another copy."""
        if copy_id != self._copy_id:
            self._copy_id = copy_id
            self._table_question.want()

    def refresh(self) -> None:
        """Ask for everything anew."""
        for question in (self._info_question, self._map_question, self._table_question):
            question.want()

    # -- what the link tells ------------------------------------------------------------------

    @Slot(object)
    @guarded
    def _on_opened(self, info: VolumeInfo) -> None:
        self._forget()
        self._info = info
        self.info_changed.emit(info)
        self._map_question.want()
        self._table_question.want()
        self._stats_question.want()
        self._clock.start()

    @Slot()
    @guarded
    def _on_left(self, *_ignored: object) -> None:
        self._forget()

    def _forget(self) -> None:
        self._clock.stop()
        self._info = None
        self._copy_id = ORIGINAL_ID
        self._kept.clear()
        self._kept_count = 0
        for question in (
            self._info_question, self._map_question, self._table_question, self._stats_question
        ):  # fmt: skip
            question.drop()

    @Slot(object)
    @guarded
    def _on_events(self, events: Events) -> None:
        if self._map_question.is_open or self._table_question.is_open:
            self._keep(events)
        self.events.emit(events)
        self._is_info_stale = True
        if np.any(events["kind"] == EventKind.CATALOG_CHANGED):
            self.refresh()
        elif np.any(events["kind"] == EventKind.READ_ONLY):
            self._info_question.want()

    @Slot()
    @guarded
    def _on_clock(self) -> None:
        """Ask for the counters; once a second for the copies' sizes too, if anything moved."""
        self._stats_question.want()
        if self._is_info_stale and time.monotonic() >= self._info_due:
            self._info_question.want()

    def _keep(self, events: Events) -> None:
        self._kept.append(events)
        self._kept_count += len(events)
        if self._kept_count > _KEPT_EVENTS_MAX:
            self._kept.clear()
            self._kept_count = 0
            self._map_question.want()
            self._table_question.want()

    @Slot(object)
    @guarded
    def _on_lost(self, count: int) -> None:
        _log.info("%d events coalesced", count)
        self._kept.clear()
        self._kept_count = 0
        self.coalesced.emit(count)
        self.refresh()

    # -- questions ------------------------------------------------------------------------------

    def _ask_info(self) -> None:
        self._is_info_stale = False

        def work(session: VolumeSession) -> tuple[VolumeInfo, float]:
            begin = time.monotonic()
            return session.info(), time.monotonic() - begin

        self._link.query(work, self._got_info, self._missed_info)

    def _ask_map(self) -> None:
        grain = self._info.grain if self._info is not None else GRAIN_BYTES_DEFAULT

        def work(session: VolumeSession) -> tuple[MapAnswer, CountedMap]:
            answer = session.map()
            return answer, counted_map(answer, grain)

        self._link.query(work, self._got_map, self._missed_map)

    def _ask_table(self) -> None:
        copy_id, name = self._copy_id, self._name_of(self._copy_id)

        def work(session: VolumeSession) -> tuple[int, str, TableAnswer]:
            return copy_id, name, session.table(name)

        self._link.query(work, self._got_table, self._missed_table)

    def _ask_stats(self) -> None:
        self._link.query(lambda session: session.stats(), self._got_stats, self._missed_stats)

    def _name_of(self, copy_id: int) -> str:
        copies = self._info.copies if self._info is not None else []
        return next((copy.name for copy in copies if copy.id == copy_id), ORIGINAL)

    def _got_info(self, told: object) -> None:
        assert isinstance(told, tuple)
        answer, answering_s = told
        assert isinstance(answer, VolumeInfo)
        former, sides = self._name_of(self._copy_id), _sides(self._info)
        self._info = answer
        name = self._name_of(self._copy_id)
        if name == ORIGINAL:  # purged meanwhile, or the original all along
            self._copy_id = ORIGINAL_ID
        if name != former:
            self._table_question.want()
        elif sides != _sides(answer):
            self._table_question.want()
            self._map_question.want()
        begin = time.monotonic()
        self.info_changed.emit(answer)
        end = time.monotonic()
        pause_s = max((end - begin) / _INFO_SHARE, answering_s / _ANSWERING_SHARE)
        self._info_due = end + max(INFO_S, pause_s)
        self._info_question.answered()

    def _got_map(self, told: object) -> None:
        assert isinstance(told, tuple)
        answer, counted = told
        assert isinstance(answer, MapAnswer)
        self.map_loaded.emit(counted, self._since(answer.event_seq))
        self._map_question.answered()
        self._trim_kept()

    def _got_table(self, answer: object) -> None:
        assert isinstance(answer, tuple)
        copy_id, name, table = answer
        if copy_id == self._copy_id:
            self.table_loaded.emit(table, name, self._since(table.event_seq))
        self._table_question.answered()
        self._trim_kept()

    def _got_stats(self, answer: object) -> None:
        assert isinstance(answer, Stats)
        self.stats_changed.emit(answer)
        self._stats_question.answered()

    def _since(self, event_seq: int) -> Events:
        """Return what came after an answer was made."""
        if not self._kept:
            return np.empty(0, EVENT_DTYPE)
        kept = np.concatenate(self._kept)
        newer: Events = kept[kept["seq"] > event_seq]
        return newer

    def _trim_kept(self) -> None:
        if not self._map_question.is_open and not self._table_question.is_open:
            self._kept.clear()
            self._kept_count = 0

    # A question that failed is over; who follows stays with what it has and the user is told.

    def _missed_info(self, error: RangepairError) -> None:
        self._info_question.answered()
        self._link.failed.emit(error)

    def _missed_map(self, error: RangepairError) -> None:
        self._map_question.answered()
        self._trim_kept()
        self._link.failed.emit(error)

    def _missed_table(self, error: RangepairError) -> None:
        self._table_question.answered()
        self._trim_kept()
        if not isinstance(error, NoSuchCopyError):  # renamed or purged meanwhile: asked for anew
            self._link.failed.emit(error)

    def _missed_stats(self, error: RangepairError) -> None:
        self._stats_question.answered()
        self._link.failed.emit(error)
