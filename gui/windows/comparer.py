# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Leads from two views to where they differ, and to an address that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Slot

from core.extent import Extent
from core.session import ORIGINAL
from gui.guard import guarded
from gui.models.focus import AreaKind, Place
from gui.windows.bytesdialog import BytesDialog
from gui.windows.comparedialog import CompareDialog
from gui.windows.gotodialog import GoToDialog

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gui.bridge.link import EngineLink
    from gui.models.focus import Focus
    from gui.theme import ThemeSource
    from gui.views.mapspane import MapsPane
    from gui.windows.copydesk import CopyDesk
    from gui.windows.exporter import Exporter
    from gui.windows.follower import Follower

_ASIDE_PX: Final = 40


class Comparer(QObject):
    """Between the actions, the sheet and the maps."""

    def __init__(  # noqa: PLR0913 - it stands between all of these
        self,
        window: QWidget,
        *,
        link: EngineLink,
        source: ThemeSource,
        follower: Follower,
        desk: CopyDesk,
        focus: Focus,
        maps: MapsPane,
        exporter: Exporter,
    ) -> None:
        """Show the sheet over ``window``."""
        super().__init__(window)
        self._window = window
        self._link = link
        self._source = source
        self._follower = follower
        self._desk = desk
        self._focus = focus
        self._maps = maps
        self._exporter = exporter
        self._sheet: CompareDialog | None = None
        self._bytes: BytesDialog | None = None
        link.opened.connect(self._on_another)
        link.closed.connect(self._on_another)

    def show(self) -> None:
        """Compare the two copies that are selected, the older first; else one with the original."""
        live = sorted(self._desk.picks.live, key=lambda copy: copy.id)
        names = [copy.name for copy in live[:2]] or self._newest()
        self._open().compare(*(names if len(names) == 2 else [*names, ORIGINAL]))

    def step(self, by: int) -> None:
        """Go to the next difference, or to the one before; without a sheet, open it."""
        if self._sheet is None or not self._sheet.isVisible():
            self.show()
        else:
            self._sheet.step(by)

    def show_bytes(self) -> None:
        """Show the selected block of the copy in focus, beside the original's."""
        if self._bytes is None:
            sheet = BytesDialog(self._source, self._link, self._follower, self._focus, self._window)
            sheet.moved.connect(self.go_to)
            sheet.failed.connect(self._link.failed)
            self._bytes = sheet
        self._bytes.show()
        self._bytes.raise_()
        self._bytes.activateWindow()
        self._bytes.show_views(self._desk.chosen, ORIGINAL)

    def ask_address(self) -> None:
        """Let the user name a place to go to."""
        info = self._follower.info
        if info is not None:
            dialog = GoToDialog(info.size, info.grain, self._window)
            dialog.chosen.connect(self.go_to)
            dialog.open()

    @Slot(object, object)
    @guarded
    def go_to(self, start: int, length: int) -> None:
        """Select a range of the volume, and bring it into view on the map."""
        info = self._follower.info
        if info is None or start >= info.size:  # of a copy that is longer than the volume
            return
        extent = Extent(start, min(length, info.size - start))
        self._focus.select(Place(AreaKind.INITIAL, extent))
        self._maps.go_to(AreaKind.INITIAL, start)

    def _newest(self) -> list[str]:
        info = self._follower.info
        live = [copy.name for copy in info.copies if not copy.deleted] if info is not None else []
        return live[-1:] or [ORIGINAL]

    def _open(self) -> CompareDialog:
        if self._sheet is None:
            sheet = CompareDialog(self._source, self._link, self._follower, self._window)
            sheet.picked.connect(self.go_to)
            sheet.export_asked.connect(self._exporter.choose_changes)
            sheet.failed.connect(self._link.failed)
            self._sheet = sheet
            self._place(sheet)
        self._sheet.show()
        self._sheet.raise_()
        self._sheet.activateWindow()
        return self._sheet

    def _place(self, sheet: CompareDialog) -> None:
        """Put the sheet where it leaves the map of the initial area in view."""
        sheet.adjustSize()
        corner = self._window.mapToGlobal(self._window.rect().bottomRight())
        sheet.move(corner.x() - sheet.width() - _ASIDE_PX, corner.y() - sheet.height() - _ASIDE_PX)

    @Slot()
    @guarded
    def _on_another(self, *_info: object) -> None:
        """What was compared in another volume is nothing in this one."""
        for sheet in (self._sheet, self._bytes):
            if sheet is not None:
                sheet.forget()
                sheet.close()
