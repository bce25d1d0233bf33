# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The window's only door to an engine.

Calls go out through one of two lanes, so that a long query never delays a click; answers come back
on the window's thread, in order within a lane. Events come once a frame as one array. Nothing here
ever blocks the window: opening, calling and leaving all happen in a lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from core.errors import EngineGoneError, RangepairError
from gui.bridge.lane import Lane
from gui.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.answers import VolumeInfo
    from core.session import VolumeSession
    from gui.bridge.connection import EngineConnection

    Opener = Callable[[str, bool], EngineConnection]  # image, accept changes made by others
    Work = Callable[[VolumeSession], object]
    Done = Callable[[object], None]
    WorkloadParams = dict[str, str | float | bool | None]
    Failed = Callable[[RangepairError], None]

FRAME_MS: Final = 16
IDLE_FRAME_MS: Final = 50
_FRAMES_TO_IDLE: Final = 60
_ALIVE_FRAMES: Final = 20
_GONE: Final = (
    "The engine process ended unasked; what was flushed is safe in the image and its sidecar. "
    "Restart the engine to go on."
)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A connection that has answered its first question."""

    connection: EngineConnection
    info: VolumeInfo


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a lane hands back to the window's thread; without epoch it is never too late."""

    epoch: int | None
    value: object
    error: BaseException | None
    done: Done | None
    failed: Failed | None


class EngineLink(QObject):
    """Holds at most one open volume; answers that arrive after it was left are dropped."""

    opening = Signal(object)
    """str: path of the image that is being opened."""
    opened = Signal(object)
    """VolumeInfo, before any other signal about this volume."""
    open_failed = Signal(object, object)
    """(path, RangepairError)"""
    closed = Signal()
    failed = Signal(object)
    """RangepairError of a call that brought no ``failed`` of its own."""
    gone = Signal(object)
    """EngineGoneError: the engine process ended unasked."""
    events = Signal(object)
    """Structured array of ``core.events.EVENT_DTYPE``, one a frame, never empty."""
    lost = Signal(object)
    """int: events overrun in the ring; whoever follows them must ask for the whole state."""
    frame = Signal()
    """Once a frame, after ``events``: the moment to paint."""
    _answered = Signal(object)

    def __init__(self, opener: Opener, parent: QObject | None = None) -> None:
        """Start the lanes; ``opener`` connects to the engine of an image, starting it if needed."""
        super().__init__(parent)
        self._opener = opener
        self._acts = Lane("rangepair-acts")
        self._queries = Lane("rangepair-queries")
        self._connection: EngineConnection | None = None
        self._epoch = 0
        self._opens = 0
        self._is_shut = False
        self._frames = 0
        self._quiet_frames = 0
        self._path = ""
        self._answered.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_frame)

    @property
    def is_open(self) -> bool:
        """Whether a volume is open."""
        return self._connection is not None

    @property
    def path(self) -> str:
        """Path of the image that is open, or was last."""
        return self._path

    def open(self, path: str, *, accept_changes: bool = False) -> None:
        """Open ``path`` beside the present volume; only when that worked is the old one left."""
        self._opens += 1
        number = self._opens
        self.opening.emit(path)

        def call() -> object:
            connection = self._opener(path, accept_changes)
            try:
                info = connection.acts.info()
            except BaseException:
                connection.close()
                raise
            if self._is_shut:  # nobody is left to hear the answer
                connection.close()
            return _Opened(connection, info)

        def done(opened: object) -> None:
            assert isinstance(opened, _Opened)
            if number == self._opens:
                self._adopt(path, opened)
            else:
                self._acts.submit(opened.connection.close)

        def failed(error: RangepairError) -> None:
            if number == self._opens:
                self.open_failed.emit(path, error)

        self._acts.submit(lambda: self._run(None, call, done, failed))

    def close(self) -> None:
        """Leave the present volume."""
        self._leave()
        self.closed.emit()

    def act(self, work: Work, done: Done | None = None, failed: Failed | None = None) -> None:
        """Make a short call, after the calls asked for before."""
        self._submit(self._acts, work, done, failed, acts=True)

    def query(self, work: Work, done: Done | None = None, failed: Failed | None = None) -> None:
        """Make a call that may take long; never delays an act."""
        self._submit(self._queries, work, done, failed, acts=False)

    def start_workload(
        self,
        kind: str,
        rate: float,
        params: WorkloadParams,
        done: Done | None = None,
        failed: Failed | None = None,
    ) -> None:
        """Start or change the built-in workload; ``rate`` in writes a second, 0 = flat out."""
        connection = self._connection
        if connection is not None:
            self.act(lambda _s: connection.start_workload(kind, rate, params), done, failed)

    def stop_workload(self, done: Done | None = None) -> None:
        """Stop the built-in workload."""
        connection = self._connection
        if connection is not None:
            self.act(lambda _session: connection.stop_workload(), done)

    def ask_workload(self, done: Done) -> None:
        """Ask how the workload does: ``dict`` or ``None``."""
        connection = self._connection
        if connection is not None:
            self.query(lambda _session: connection.workload_status(), done)

    def consult(
        self,
        work: Callable[[EngineConnection], object],
        done: Done | None = None,
        failed: Failed | None = None,
    ) -> None:
        """Make a call that may take long and is about who uses the volume, not what is in it."""
        connection = self._connection
        if connection is not None:
            self.query(lambda _session: work(connection), done, failed)

    def run(self, work: Callable[[], object], done: Done, failed: Failed | None = None) -> None:
        """Do something that may take long and needs no open volume."""
        self._queries.submit(lambda: self._run(None, work, done, failed))

    def shutdown(self) -> None:
        """Leave the volume and end both threads. The link is of no use afterwards."""
        self._is_shut = True
        self._leave()
        self._acts.stop()
        self._queries.stop()

    # -- lanes ------------------------------------------------------------------------------

    def _submit(
        self, lane: Lane, work: Work, done: Done | None, failed: Failed | None, *, acts: bool
    ) -> None:
        connection, epoch = self._connection, self._epoch
        if connection is None:
            return

        def call() -> object:
            return work(connection.acts if acts else connection.queries)

        lane.submit(lambda: self._run(epoch, call, done, failed))

    def _run(
        self,
        epoch: int | None,
        call: Callable[[], object],
        done: Done | None,
        failed: Failed | None,
    ) -> None:
        try:
            answer = _Answer(epoch, call(), None, done, failed)
        except BaseException as error:  # noqa: BLE001 - raised again on the window's thread
            answer = _Answer(epoch, None, error, done, failed)
        self._answered.emit(answer)

    @Slot(object)
    @guarded
    def _deliver(self, answer: object) -> None:
        assert isinstance(answer, _Answer)
        error = answer.error
        if answer.epoch is not None and answer.epoch != self._epoch:
            return
        if error is None:
            if answer.done is not None:
                answer.done(answer.value)
        elif isinstance(error, EngineGoneError) and answer.epoch is not None:
            self._lose_engine(error)
        elif isinstance(error, RangepairError):
            (answer.failed or self.failed.emit)(error)
        else:
            raise error

    # -- the open volume --------------------------------------------------------------------

    def _adopt(self, path: str, opened: _Opened) -> None:
        self._leave()
        self._connection = opened.connection
        self._path = path
        self._quiet_frames = 0
        self.opened.emit(opened.info)
        self._timer.start(FRAME_MS)

    def _leave(self) -> None:
        self._timer.stop()
        self._epoch += 1
        self._opens += 1
        connection, self._connection = self._connection, None
        if connection is not None:
            self._acts.submit(connection.close)

    def _lose_engine(self, error: EngineGoneError) -> None:
        self._leave()
        self.gone.emit(error)

    @Slot()
    @guarded
    def _on_frame(self) -> None:
        connection = self._connection
        if connection is None:
            return
        events, lost = connection.drain()
        if lost:
            self.lost.emit(lost)
        if len(events):
            self.events.emit(events)
        self._pace(len(events) > 0)
        self.frame.emit()
        self._frames += 1
        if self._frames % _ALIVE_FRAMES == 0 and not connection.is_alive():
            self._lose_engine(EngineGoneError(_GONE))

    def _pace(self, busy: bool) -> None:
        """Tick slower while nothing happens, so that an idle window costs next to nothing."""
        self._quiet_frames = 0 if busy else self._quiet_frames + 1
        interval = IDLE_FRAME_MS if self._quiet_frames > _FRAMES_TO_IDLE else FRAME_MS
        if self._timer.interval() != interval:
            self._timer.setInterval(interval)
