# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Everything that can be done in the window, once: words, key, icon, explanation.

Buttons, menus, the palette and the sheet of keys are all made of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence

from gui.theme import icons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QWidget

    from gui.theme import Theme


@dataclass(frozen=True, slots=True)
class Spec:
    """How one action begins."""

    name: str
    text: str
    key: str
    icon: str
    about: str
    checkable: bool = False
    window_wide: bool = True


SPECS: Final = (
    Spec("open", "&Open…", "Ctrl+O", "folder", "Open a disk image"),
    Spec("new", "&New volume…", "Ctrl+N", "file-plus", "Make a new, empty disk image"),
    Spec("scratch", "New &64 MiB scratch", "", "lightning",
         "Make a scratch image with a real ext4 file system and open it"),
    Spec("demo", "Start the guided &demo", "", "teach", "See the mechanism, step by step"),
    Spec("close", "&Close volume", "Ctrl+W", "", "Leave the volume"),
    Spec("quit", "&Quit", "Ctrl+Q", "", "Close the window"),
    Spec("snapshot", "&Take snapshot", "Ctrl+T", "camera",
         "Take a read-only instant copy; name it later"),
    Spec("snapshot_named", "Take snapshot &with name…", "Ctrl+Shift+T", "camera",
         "Take a read-only instant copy and name it now"),
    Spec("clone", "&Clone", "Ctrl+B", "clone", "Take a writable instant copy of what is selected"),
    Spec("restore", "Re&store…", "Ctrl+R", "skip-back",
         "Make the original equal to the copy; what was is kept"),
    Spec("merge", "&Merge into the original…", "Ctrl+M", "arrow-up",
         "Make the original equal to the clone; what was is kept"),
    Spec("promote", "&Promote…", "", "arrow-down",
         "Copy what the copy still reads from the image, so that it needs it no more"),
    Spec("export", "&Export…", "Ctrl+Shift+E", "", "Make an image file of what is selected"),
    Spec("compare", "C&ompare…", "Ctrl+D", "rows",
         "Show where the copy and the original, or two copies, may differ"),
    Spec("rename", "&Rename", "F2", "pencil", "Give the copy another name"),
    Spec("lock", "&Lock", "Ctrl+L", "lock", "Forbid or allow deletion", checkable=True),
    Spec("delete", "&Delete", "Del", "trash", "Hide the copy; it can be brought back"),
    Spec("undelete", "&Bring back", "", "restore", "Show the deleted copy again"),
    Spec("purge", "&Purge…", "Shift+Del", "trash", "Remove the copy for good"),
    Spec("verify", "&Verify copies", "F9", "shield",
         "Read all that is kept for copies and compare it with its checksums, or stop that"),
    Spec("properties", "&Properties…", "Alt+Return", "info",
         "Size, files, room, where new data goes, what happens when there is no room"),
    Spec("resize", "&Resize…", "Ctrl+Shift+R", "volume",
         "Make the volume longer or shorter; copies keep their sizes"),
    Spec("apply", "&Apply changes…", "Ctrl+Shift+I", "import",
         "Put what has changed elsewhere, as a stream of differences, into the original"),
    Spec("compact", "&Compact the additional area", "", "rows",
         "Move what is kept together and give the disk the rest, or stop that"),
    Spec("connect_", "Co&nnect…", "Ctrl+Shift+K", "plug",
         "Let virtual machines and other programs use the volume and its copies"),
    Spec("workload", "&Run workload", "F5", "play", "Let a workload write, or pause it"),
    Spec("workload_stop", "&Stop workload", "Shift+F5", "stop", "Stop the workload"),
    Spec("theme", "Switch &theme", "Ctrl+Shift+D", "moon", "Switch between light and dark"),
    Spec("show_tree", "&Copies pane", "F6", "", "Show or hide the copies", checkable=True),
    Spec("show_side", "&Pointer table pane", "F7", "", "Show or hide the pointer table",
         checkable=True),
    Spec("show_drawer", "&Bottom drawer", "F8", "",
         "Show or hide timeline, live I/O and what is happening", checkable=True),
    Spec("zoom_in", "Zoom &in", "Ctrl++", "plus", "Show less of the map, larger"),
    Spec("zoom_out", "Zoom &out", "Ctrl+-", "minus", "Show more of the map, smaller"),
    Spec("fit", "Show the &whole area", "Ctrl+0", "fit", "Show the whole area on the map"),
    Spec("zoom_to", "Zoom to &selection", "Ctrl+E", "target", "Fill the map with the selection"),
    Spec("hilbert", "Rows or &Hilbert curve", "Ctrl+H", "hilbert",
         "Lay the map out in rows, or so that neighbours stay together"),
    Spec("reset_layout", "&Reset layout", "", "", "Put everything back to its place"),
    Spec("full_screen", "&Full screen", "F11", "", "Use the whole screen", checkable=True),
    Spec("find", "&Find in the pointer table", "Ctrl+F", "search",
         "Find a block, a range or a copy"),
    Spec("go_to", "&Go to…", "Ctrl+G", "target", "Show a place of the volume on the map"),
    Spec("bytes", "Show &bytes…", "Ctrl+Shift+B", "table",
         "Show the selected block of the copy, beside the original's"),
    Spec("next_change", "&Next change", "F3", "chevron-down",
         "Show the next place in which two views may differ"),
    Spec("previous_change", "&Previous change", "Shift+F3", "chevron-up",
         "Show the place before in which two views may differ"),
    Spec("deselect", "Clear &selection", "Esc", "", "Select nothing"),
    Spec("palette", "Command &palette…", "Ctrl+Shift+P", "search", "Find any act by its name"),
    Spec("keys", "&Keyboard shortcuts", "?", "keyboard", "Show every key"),
    Spec("about", "&About Rangepair", "", "info", "Version and licence"),
)  # fmt: skip


class Actions(QObject):
    """The actions by name, as attributes: ``actions.snapshot``."""

    open: QAction
    new: QAction
    scratch: QAction
    demo: QAction
    close: QAction
    quit: QAction
    undo: QAction
    redo: QAction
    snapshot: QAction
    snapshot_named: QAction
    clone: QAction
    restore: QAction
    merge: QAction
    promote: QAction
    export: QAction
    compare: QAction
    rename: QAction
    lock: QAction
    delete: QAction
    undelete: QAction
    purge: QAction
    verify: QAction
    properties: QAction
    resize: QAction
    apply: QAction
    compact: QAction
    connect_: QAction
    workload: QAction
    workload_stop: QAction
    theme: QAction
    show_tree: QAction
    show_side: QAction
    show_drawer: QAction
    zoom_in: QAction
    zoom_out: QAction
    fit: QAction
    zoom_to: QAction
    hilbert: QAction
    reset_layout: QAction
    full_screen: QAction
    find: QAction
    go_to: QAction
    bytes: QAction
    next_change: QAction
    previous_change: QAction
    deselect: QAction
    palette: QAction
    keys: QAction
    about: QAction

    def __init__(self, window: QWidget, undo: QAction, redo: QAction) -> None:
        """Make all of ``SPECS`` and take in the two of the undo stack."""
        super().__init__(window)
        self._icons: dict[QAction, str] = {}
        for spec in SPECS:
            action = QAction(spec.text, window)
            action.setCheckable(spec.checkable)
            self._add(spec.name, action, spec.key, spec.icon, spec.about)
        self._add("undo", undo, "Ctrl+Z", "undo", "Take the last act back")
        self._add("redo", redo, "Ctrl+Shift+Z", "redo", "Do it again")

    def _add(self, name: str, action: QAction, key: str, icon: str, about: str) -> None:
        if key:
            action.setShortcut(QKeySequence(key))
        action.setStatusTip(about)
        action.setObjectName(name)
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        setattr(self, name, action)
        self._icons[action] = icon

    def __iter__(self) -> Iterator[QAction]:
        """Give every action, in the order of the menus."""
        return iter(self._icons)

    def set_icon(self, action: QAction, name: str, theme: Theme) -> None:
        """Give an action another icon."""
        self._icons[action] = name
        action.setIcon(icons.icon(name, theme.sub))

    def draw_icons(self, theme: Theme) -> None:
        """Draw the icons in the colours of ``theme``."""
        for action, name in self._icons.items():
            if name:
                action.setIcon(icons.icon(name, theme.sub))
