# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Sorts and picks rows beside the window: a million rows take a third of a second.

Only the answer to the last question is delivered. The same question asked again and again, because
the table changed, is worked on no more than a tenth of the time.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from PySide6.QtCore import QObject, Signal

from gui.guard import guarded
from gui.models.tablequery import Query, SortBy, arrange

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.answers import Int64s
    from gui.models.pointerstore import PointerStore

INLINE_ROWS: Final = 20_000
"""Up to here rows are arranged at once; beyond, in a thread."""
PAUSE_S: Final = 0.5
SHARE: Final = 0.1


class Arrangement(NamedTuple):
    """Which rows, in which order."""

    query: Query = Query()
    sort_by: SortBy = SortBy.ADDRESS
    descending: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether rows are shown as they lie: a stretch of neighbours in order of address."""
        by_address = self.sort_by is SortBy.ADDRESS and not self.descending
        return by_address and not self.query.picks_rows


class _Answer(NamedTuple):
    wanted: Arrangement
    starts: Int64s
    cost_s: float


class Arranger(QObject):
    """Answers with the start addresses of the rows.

    Signals:
        arranged: Array of int64; only for the last arrangement asked for.
    """

    arranged = Signal(object)
    _done = Signal(object)

    def __init__(self, clock: Callable[[], float], parent: QObject | None = None) -> None:
        """Take the clock, in seconds, that paces repeated questions."""
        super().__init__(parent)
        self._clock = clock
        self._wanted = Arrangement()
        self._is_running = False
        self._next = 0.0
        self._latest: PointerStore | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._done.connect(self._deliver)

    def shutdown(self) -> None:
        """Wait for the thread, if there is one, and end it."""
        self._latest = None
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def ask(self, store: PointerStore, wanted: Arrangement, *, at_once: bool = False) -> None:
        """Arrange a snapshot of a table; a question put again may be passed over for a while."""
        is_repeated = wanted == self._wanted and not at_once
        if is_repeated and (self._is_running or self._clock() < self._next):
            return
        self._wanted = wanted
        if self._is_running:
            self._latest = store
        else:
            self._begin(store)

    def _begin(self, store: PointerStore) -> None:
        wanted = self._wanted

        def work() -> _Answer:
            began = time.perf_counter()
            rows = store.rows(0, store.row_count)
            starts = arrange(rows, wanted.query, wanted.sort_by, descending=wanted.descending)
            return _Answer(wanted, starts, time.perf_counter() - began)

        self._is_running = True
        if store.row_count <= INLINE_ROWS:
            self._deliver(work())
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="rangepair-arrange")
        self._pool.submit(work).add_done_callback(self._report)

    def _report(self, future: Any) -> None:
        """Carry the thread's answer over to the window's thread."""
        if not future.cancelled():
            self._done.emit(future.exception() or future.result())

    @guarded
    def _deliver(self, answer: _Answer | BaseException) -> None:
        self._is_running = False
        if isinstance(answer, BaseException):
            raise answer
        self._next = self._clock() + max(PAUSE_S, answer.cost_s / SHARE)
        store, self._latest = self._latest, None
        if answer.wanted == self._wanted:
            self.arranged.emit(answer.starts)
        if store is not None:
            self._begin(store)
