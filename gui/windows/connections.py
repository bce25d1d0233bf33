# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Who else uses the volume: asked for once a second, and changed on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from gui.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.attached import AttachedView
    from core.errors import RangepairError
    from core.serving import ServedClient, Serving
    from gui.bridge.connection import EngineConnection
    from gui.bridge.link import EngineLink
    from gui.bridge.sharing import AttachWish, ServingWish

_LOOK_MS: Final = 1000


class Connections(QObject):
    """What others have of the open volume, whoever began it.

    Attributes:
        servings: Addresses at which it is served, and their clients.
        attached: Its views that are files and devices of this computer.
        is_busy: A request is under way; its answer comes with ``changed``.
    """

    changed = Signal()
    failed = Signal(object)
    """RangepairError of a request."""

    def __init__(self, link: EngineLink, parent: QObject | None = None) -> None:
        """Follow what ``link`` has open."""
        super().__init__(parent)
        self._link = link
        self.servings: list[Serving] = []
        self.attached: Sequence[AttachedView] = []
        self.is_busy = False
        self._is_asking = False
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        link.opened.connect(self._on_opened)
        link.closed.connect(self._on_left)
        link.gone.connect(self._on_left)

    @property
    def clients(self) -> list[ServedClient]:
        """All block clients."""
        return [client for serving in self.servings for client in serving.clients]

    @property
    def is_shared(self) -> bool:
        """Whether somebody would miss the engine if it ended."""
        return bool(self.servings or self.attached)

    @Slot(object)
    @guarded
    def start_serving(self, wish: ServingWish) -> None:
        """Serve the original and every copy at one more address."""
        self._request(lambda connection: connection.serve(wish))

    @Slot(str)
    @guarded
    def stop_serving(self, uri: str = "") -> None:
        """Stop serving at one address, or everywhere.

        Clients are disconnected when what they asked for is answered.
        """
        self._request(lambda connection: connection.stop_serving(uri))

    @Slot(object)
    @guarded
    def attach(self, wish: AttachWish) -> None:
        """Make a view a file and a loop device; mount it if a folder is named."""
        self._request(lambda connection: connection.attach(wish))

    @Slot(str)
    @guarded
    def detach(self, copy: str) -> None:
        """Take a view away again; what is in use stays, and that is told."""
        self._request(lambda connection: connection.detach(copy))

    def keep(self, then: Callable[[], None]) -> None:
        """Let the engine go on without the window; then call ``then``, whatever came of it."""
        self._link.consult(_keep, lambda _nothing: then(), lambda _error: then())

    def end(self, then: Callable[[], None]) -> None:
        """Take everything away from the others; call ``then`` if that could be done."""
        self._link.consult(_end, lambda _nothing: then(), self._refused)

    @Slot()
    @guarded
    def look(self) -> None:
        """Ask how it is now, unless that is under way."""
        if not self._is_asking and self._link.is_open:
            self._is_asking = True
            self._link.consult(_look, self._got, self._missed)

    def _request(self, work: Callable[[EngineConnection], object]) -> None:
        def call(connection: EngineConnection) -> object:
            work(connection)
            return _look(connection)

        self.is_busy = True
        self.changed.emit()
        self._link.consult(call, self._got, self._refused)

    def _got(self, answer: object) -> None:
        assert isinstance(answer, tuple)
        is_news = self.is_busy or answer != (self.servings, self.attached)
        self._is_asking = self.is_busy = False
        self.servings, self.attached = answer
        if is_news:
            self.changed.emit()

    def _missed(self, _error: RangepairError) -> None:
        self._is_asking = False  # nothing was asked for by the user: the next look tells

    def _refused(self, error: RangepairError) -> None:
        self.is_busy = False
        self.changed.emit()
        self.failed.emit(error)

    @Slot(object)
    @guarded
    def _on_opened(self, _info: object) -> None:
        self._forget()
        self._timer.start()
        self.look()

    @Slot()
    @guarded
    def _on_left(self, *_why: object) -> None:
        self._timer.stop()
        self._forget()

    def _forget(self) -> None:
        """What was asked of another volume is not answered any more."""
        self._is_asking = self.is_busy = False
        self.servings, self.attached = [], []
        self.changed.emit()


def _look(connection: EngineConnection) -> tuple[list[Serving], Sequence[AttachedView]]:
    return connection.serving(), connection.attached()


def _keep(connection: EngineConnection) -> None:
    connection.keep_serving()


def _end(connection: EngineConnection) -> None:
    connection.stop_serving()
    if connection.attached():
        connection.detach(None)
