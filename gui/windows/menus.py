# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The menu bar, the list of recent images in it, and the menu of a copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from gui.guard import guarded
from gui.settings import THEMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QMenuBar

    from gui.windows.actions import Actions


class Menus(QObject):
    """Fills a menu bar with the actions."""

    recent_picked = Signal(str)
    theme_picked = Signal(str)

    def __init__(self, bar: QMenuBar, actions: Actions, parent: QWidget) -> None:
        """Fill ``bar``."""
        super().__init__(parent)
        self._parent = parent
        self.recent = QMenu("Open &recent", parent)
        self.theme = self._theme_menu()
        a = actions
        self.file, self.edit, self.volume, self.copies, self.workload, self.view, about = (
            bar.addMenu(title if "&" in title else f"&{title}")
            for title in ("File", "Edit", "V&olume", "Copies", "Workload", "View", "Help")
        )
        # fmt: off
        _fill(self.file, a.open, a.new, a.scratch, self.recent, None, a.connect_, None,
              a.close, a.quit)
        _fill(self.edit, a.undo, a.redo, None, a.find, a.go_to, a.bytes,
              a.next_change, a.previous_change, a.deselect, None, a.palette)
        _fill(self.volume, a.properties, a.resize, None, a.apply, a.compact)
        _fill(self.copies, a.snapshot, a.snapshot_named, a.clone, None, a.compare, a.restore,
              a.merge, a.promote, None, a.rename, a.lock, a.export, None, a.delete, a.undelete,
              a.purge, None, a.verify)
        _fill(self.workload, a.workload, a.workload_stop)
        _fill(self.view, a.show_tree, a.show_side, a.show_drawer, None, a.zoom_in,
              a.zoom_out, a.fit, a.zoom_to, a.hilbert, None, self.theme, a.theme, None,
              a.full_screen, a.reset_layout)
        _fill(about, a.demo, None, a.keys, a.palette, None, a.about)
        self.copy = QMenu(parent)
        _fill(self.copy, a.clone, a.snapshot, None, a.compare, a.restore, a.merge, a.promote, None,
              a.rename, a.lock, a.export, None, a.delete, a.undelete, a.purge)
        # fmt: on

    def set_recent(self, paths: Sequence[str]) -> None:
        """List the images opened before; Alt and a figure opens one."""
        self.recent.clear()
        for number, path in enumerate(paths[:9], 1):
            action = QAction(f"&{number}  {Path(path).name}", self.recent)
            action.setShortcut(QKeySequence(f"Alt+{number}"))
            action.setStatusTip(path)
            action.setToolTip(path)
            action.triggered.connect(guarded(lambda _checked=False, path=path: self._pick(path)))
            self.recent.addAction(action)
        self.recent.setEnabled(bool(paths))

    def add_kinds(self, kinds: Sequence[QAction]) -> None:
        """Offer the kinds of workload, which exclude each other, beneath its switch."""
        self.workload.addSeparator()
        self.workload.addActions(list(kinds))

    def mark_theme(self, name: str) -> None:
        """Mark the theme that was chosen."""
        for action in self.theme.actions():
            action.setChecked(action.data() == name)

    def _pick(self, path: str) -> None:
        self.recent_picked.emit(path)

    def _theme_menu(self) -> QMenu:
        menu = QMenu("&Theme", self._parent)
        group = QActionGroup(menu)
        for name in THEMES:
            action = menu.addAction(name.capitalize())
            action.setCheckable(True)
            action.setData(name)
            group.addAction(action)
        menu.triggered.connect(guarded(lambda action: self.theme_picked.emit(action.data())))
        return menu


def _fill(menu: QMenu, *entries: QAction | QMenu | None) -> None:
    for entry in entries:
        if entry is None:
            menu.addSeparator()
        elif isinstance(entry, QMenu):
            menu.addMenu(entry)
        else:
            menu.addAction(entry)
