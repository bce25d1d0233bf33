# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What each action does, and when it can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from gui.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from gui.windows.mainwindow import MainWindow


class ActionRouter(QObject):
    """Leads every action to the part that does it."""

    def __init__(self, window: MainWindow) -> None:
        """Serve the actions of ``window``."""
        super().__init__(window)
        self._window = window
        self._actions = window.actions_
        self._connect()
        window.runner.running_changed.connect(self._on_running)
        window.scrubber.running_changed.connect(self._on_scrubbing)
        window.desk.picks_changed.connect(self.enable)
        window.demo.changed.connect(self.enable)
        window.exporter.busy_changed.connect(self.enable)
        window.volume_desk.running_changed.connect(self._on_batches)
        window.focus.selection_changed.connect(self._on_focus)
        window.focus.badges_changed.connect(self._on_focus)
        stack = window.acts.stack
        stack.canUndoChanged.connect(self._on_stack)
        stack.canRedoChanged.connect(self._on_stack)

    def _connect(self) -> None:
        a, w = self._actions, self._window
        for action, act in (
            (a.open, w.opener.choose),
            (a.new, w.opener.new),
            (a.scratch, w.opener.new_scratch),
            (a.demo, w.demo.start),
            (a.close, w.leave),
            (a.quit, w.close),
            (a.snapshot, w.desk.take),
            (a.snapshot_named, w.asker.ask_name),
            (a.clone, w.desk.clone),
            (a.restore, self._plan_restore),
            (a.compare, w.comparer.show),
            (a.go_to, w.comparer.ask_address),
            (a.bytes, w.comparer.show_bytes),
            (a.next_change, lambda: w.comparer.step(1)),
            (a.previous_change, lambda: w.comparer.step(-1)),
            (a.merge, self._plan_merge),
            (a.promote, lambda: w.volume_desk.plan_promotion(w.desk.picks.live[0].id)),
            (a.properties, w.volume_desk.show_properties),
            (a.resize, w.volume_desk.reshaper.plan_resize),
            (a.apply, w.exporter.choose_stream),
            (a.compact, w.volume_desk.toggle_compaction),
            (a.export, lambda: w.exporter.choose(w.desk.chosen)),
            (a.rename, w.tree.edit_name),
            (a.lock, self._toggle_lock),
            (a.delete, self._delete),
            (a.undelete, self._undelete),
            (a.purge, self._plan_purge),
            (a.verify, w.scrubber.toggle),
            (a.connect_, w.connector.show),
            (a.workload, w.runner.toggle),
            (a.workload_stop, w.runner.stop),
            (a.theme, w.theme_choice.switch),
            (a.show_tree, self._toggle_panes),
            (a.show_side, self._toggle_panes),
            (a.show_drawer, self._toggle_panes),
            (a.zoom_in, lambda: w.panes.maps.zoom(1)),
            (a.zoom_out, lambda: w.panes.maps.zoom(-1)),
            (a.fit, w.panes.maps.fit),
            (a.zoom_to, w.panes.maps.zoom_to_selection),
            (a.hilbert, w.panes.maps.toggle_layout),
            (a.reset_layout, self._reset_layout),
            (a.full_screen, self._toggle_full_screen),
            (a.find, w.panes.find),
            (a.deselect, self._deselect),
            (a.palette, lambda: w.asker.show_palette(a)),
            (a.keys, lambda: w.asker.show_keys(a)),
            (a.about, lambda: w.asker.show_about(w.toast)),
        ):
            action.triggered.connect(guarded(_without_argument(act)))

    @Slot(object)
    @guarded
    def _on_focus(self, _value: object) -> None:
        self.enable()

    @Slot(bool)
    @guarded
    def _on_stack(self, _can: bool) -> None:
        if self._is_demo:  # else the stack's own actions know
            self.enable()

    def _deselect(self) -> None:
        self._window.focus.select(None)
        self._window.focus.set_badges(())

    def _toggle_lock(self) -> None:
        picks = self._window.desk.picks
        self._window.acts.set_locked([copy.id for copy in picks.live], locked=not picks.are_locked)

    def _delete(self) -> None:
        self._window.acts.delete([copy.id for copy in self._window.desk.picks.live])

    def _undelete(self) -> None:
        self._window.acts.undelete([copy.id for copy in self._window.desk.picks.deleted])

    def _plan_restore(self) -> None:
        self._window.acts.plan_restore(self._window.desk.picks.live[0].id)

    def _plan_merge(self) -> None:
        self._window.acts.plan_restore(self._window.desk.picks.live[0].id, is_merge=True)

    def _plan_purge(self) -> None:
        self._window.acts.plan_purge([copy.id for copy in self._window.desk.picks.all])

    @property
    def _is_demo(self) -> bool:
        """Whether the demo hides the volume: what cannot be seen is not acted on."""
        return self._window.demo.pane is not None

    def enable(self) -> None:
        """Offer what can be done now."""
        a, w, info = self._actions, self._window, self._window.follower.info
        is_open = self._window.link.is_open and info is not None and not self._is_demo
        can_write = is_open and info is not None and not (info.read_only or info.notice)
        picks, desk = w.desk.picks, w.volume_desk
        for action, enabled in (
            (a.close, is_open),
            (a.snapshot, can_write),
            (a.snapshot_named, can_write),
            (a.clone, can_write and w.desk.can_clone),
            (a.restore, can_write and len(picks.live) == 1),
            (a.merge, can_write and len(picks.live) == 1 and picks.live[0].kind == "clone"),
            (a.promote, can_write and len(picks.live) == 1 and not desk.runner.is_running),
            (a.properties, is_open),
            (a.resize, can_write),
            (a.apply, can_write and not w.exporter.is_busy),
            (a.compact, can_write and (desk.is_compacting or not desk.runner.is_running)),
            (a.export, is_open and w.desk.can_clone and not w.exporter.is_busy),
            (a.rename, can_write and len(picks.live) == 1),
            (a.lock, can_write and bool(picks.live)),
            (a.delete, can_write and bool(picks.live)),
            (a.undelete, can_write and bool(picks.deleted)),
            (a.purge, can_write and bool(picks.all)),
            (a.verify, is_open and info is not None and bool(info.copies)),
            (a.connect_, is_open),
            (a.workload, can_write),
            (a.workload_stop, is_open and self._window.runner.is_running),
            (a.undo, not self._is_demo and self._window.acts.stack.canUndo()),
            (a.redo, not self._is_demo and self._window.acts.stack.canRedo()),
        ):
            action.setEnabled(enabled)
        has_copies = info is not None and any(not copy.deleted for copy in info.copies)
        for action in (a.compare, a.next_change, a.previous_change):
            action.setEnabled(is_open and has_copies)
        for action in (a.go_to, a.bytes, a.zoom_in, a.zoom_out, a.fit, a.hilbert):
            action.setEnabled(is_open)
        focus = self._window.focus
        a.zoom_to.setEnabled(is_open and focus.selection is not None)
        is_chosen = focus.selection is not None or bool(focus.badges)
        a.deselect.setEnabled(is_chosen and not self._is_demo)
        a.find.setEnabled(is_open)
        a.lock.setChecked(picks.are_locked)
        self._window.tree.set_editable(editable=can_write)
        self._window.workload.setEnabled(not self._is_demo)

    def _toggle_panes(self) -> None:
        a = self._actions
        self._window.tree.setVisible(a.show_tree.isChecked())
        self._window.arrangement.side.setVisible(a.show_side.isChecked())
        self._window.arrangement.show_drawer(shown=a.show_drawer.isChecked())
        self._window.align()

    def _reset_layout(self) -> None:
        self._window.settings.forget_layout()
        self._window.arrangement.reset()
        self.mark_panes()

    def mark_panes(self) -> None:
        """Tick the panes that are shown."""
        a = self._actions
        a.show_tree.setChecked(not self._window.tree.isHidden())
        a.show_side.setChecked(not self._window.arrangement.side.isHidden())
        a.show_drawer.setChecked(not self._window.arrangement.drawer.isHidden())

    def _toggle_full_screen(self) -> None:
        if self._window.isFullScreen():
            self._window.showNormal()
        else:
            self._window.showFullScreen()

    @Slot(bool)
    @guarded
    def _on_running(self, running: bool) -> None:
        self._actions.workload.setText("&Pause workload" if running else "&Run workload")
        icon, theme = "pause" if running else "play", self._window.source.theme
        self._actions.set_icon(self._actions.workload, icon, theme)
        self.enable()

    @Slot()
    @guarded
    def _on_batches(self) -> None:
        words = "&Compact the additional area"
        if self._window.volume_desk.is_compacting:
            words = "Stop &compacting"
        self._actions.compact.setText(words)
        self.enable()

    @Slot(bool)
    @guarded
    def _on_scrubbing(self, running: bool) -> None:
        self._actions.verify.setText("Stop &verifying" if running else "&Verify copies")


def _without_argument(act: Callable[[], object]) -> Callable[..., object]:
    """Return ``act`` deaf to the argument of ``QAction.triggered``."""
    return lambda *_checked: act()
