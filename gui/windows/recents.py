# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The images opened before, in the menu and in the empty state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from gui.guard import guarded

if TYPE_CHECKING:
    from gui.bridge.link import EngineLink
    from gui.settings import Settings
    from gui.views.emptystate import EmptyState
    from gui.windows.menus import Menus


class Recents(QObject):
    """Keeps both lists equal to the settings."""

    picked = Signal(str)
    """Path of an image to open."""

    def __init__(
        self, link: EngineLink, settings: Settings, menus: Menus, empty: EmptyState
    ) -> None:
        """Serve both lists."""
        super().__init__(empty)
        self._link = link
        self._settings = settings
        self._menus = menus
        self._empty = empty
        empty.open_recent.connect(self.picked)
        menus.recent_picked.connect(self.picked)
        empty.forget_recent.connect(self._forget)

    def show(self) -> None:
        """List them; whether they are there is looked up in a lane, for disks may sleep."""
        paths = self._settings.recent
        self._menus.set_recent(paths)
        self._empty.set_recent(paths)
        self._link.run(lambda: [path for path in paths if not Path(path).exists()], self._mark)

    def _mark(self, missing: object) -> None:
        if missing and isinstance(missing, list):
            self._empty.set_recent(self._settings.recent, missing)

    @Slot(str)
    @guarded
    def _forget(self, path: str) -> None:
        self._settings.forget(path)
        self.show()
