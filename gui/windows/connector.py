# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Lets other programs in, shows how many there are, and does not leave them behind unasked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from gui.guard import guarded
from gui.windows.connectdialog import ConnectDialog
from gui.windows.connections import Connections
from gui.windows.dialogs import LeaveQuestion

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from core.errors import RangepairError
    from gui.bridge.link import EngineLink
    from gui.theme import ThemeSource
    from gui.views.statusbar import StatusBar
    from gui.windows.bannerdesk import BannerDesk
    from gui.windows.copydesk import CopyDesk
    from gui.windows.follower import Follower


class Connector(QObject):
    """Between the action, the sheet, the status bar, and what is shared."""

    def __init__(  # noqa: PLR0913 - it stands between all of these
        self,
        window: QWidget,
        *,
        link: EngineLink,
        source: ThemeSource,
        follower: Follower,
        desk: CopyDesk,
        status: StatusBar,
        banners: BannerDesk,
    ) -> None:
        """Show the sheet over ``window``."""
        super().__init__(window)
        self._link = link
        self._source = source
        self._follower = follower
        self._desk = desk
        self._status = status
        self._window = window
        self.connections = Connections(link, self)
        self._dialog: ConnectDialog | None = None
        self._may_leave = self._is_leaving = False
        self.connections.changed.connect(self._on_changed)
        self._banners = banners
        self.connections.failed.connect(self._on_failed)
        link.opened.connect(self._on_opened)
        link.closed.connect(self._on_left)

    def show(self) -> None:
        """Show the sheet, meaning the copy that is chosen in the tree."""
        if self._dialog is None:
            self._dialog = ConnectDialog(
                self._source, self.connections, self._follower, self._window
            )
        self._dialog.choose(self._desk.chosen)
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()
        self.connections.look()

    def may_leave(self, leave: Callable[[], object]) -> bool:
        """Return whether the window may leave the volume now.

        Where others use it the user is asked first, and ``leave`` is called when that is settled.
        """
        if self._may_leave or not self.connections.is_shared:
            return True
        uses = _uses(len(self.connections.clients), len(self.connections.attached))
        question = LeaveQuestion(Path(self._link.path).name, uses, self._window)
        question.keep.connect(guarded(lambda: self.let_go(leave)))
        question.end.connect(guarded(lambda: self.let_go(leave, goes_on=False)))
        question.open()
        return False

    def let_go(self, leave: Callable[[], object], *, goes_on: bool = True) -> None:
        """Call ``leave`` when the engine goes on without the window, or nobody needs it.

        Asked for a second time, do not wait for an engine that does not answer.
        """

        def settled() -> None:
            self._may_leave, self._is_leaving = True, False
            leave()

        if self.connections.is_shared and not self._is_leaving:
            self._is_leaving = goes_on  # what is in use may refuse to be taken away
            (self.connections.keep if goes_on else self.connections.end)(settled)
        else:
            settled()

    @Slot()
    @guarded
    def _on_changed(self) -> None:
        connections = self.connections
        count = len(connections.clients) + len(connections.attached)
        self._status.show_clients(count, is_served=connections.is_shared)

    @Slot(object)
    @guarded
    def _on_failed(self, error: RangepairError) -> None:
        """Tell it where the user looks."""
        if self._dialog is not None and self._dialog.isVisible():
            self._dialog.tell(error.message)
        else:
            self._banners.tell_failure(error)

    @Slot(object)
    @guarded
    def _on_opened(self, _info: object) -> None:
        self._may_leave = self._is_leaving = False

    @Slot()
    @guarded
    def _on_left(self) -> None:
        if self._dialog is not None:
            self._dialog.close()


def _uses(client_count: int, view_count: int) -> str:
    """Return who uses the volume, in a sentence."""
    clients = f"{client_count} program{'s' * (client_count != 1)} connected"
    views = f"{view_count} view{'s' * (view_count != 1)} attached"
    told = [each for each, count in ((clients, client_count), (views, view_count)) if count]
    return f"Now: {' and '.join(told)}." if told else "Nobody uses it now."
