# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The window: puts the parts together and lets each know what the others tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Slot
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from gui.bridge.images import WORKLOAD_KINDS
from gui.commands.acts import Acts
from gui.guard import guarded
from gui.models.copytree import CopyTreeModel
from gui.models.focus import Focus
from gui.views.banner import BannerStack
from gui.views.copytree import CopyTreePane
from gui.views.emptystate import EmptyState
from gui.views.progressstrip import ProgressStrip
from gui.views.statusbar import StatusBar
from gui.views.toast import Toast
from gui.views.topbar import TopBar
from gui.views.workloadcontrol import WorkloadControl
from gui.windows.actionrouter import ActionRouter
from gui.windows.actions import Actions
from gui.windows.arrangement import Arrangement
from gui.windows.asker import Asker
from gui.windows.background import Background
from gui.windows.bannerdesk import BannerDesk
from gui.windows.comparer import Comparer
from gui.windows.connector import Connector
from gui.windows.copydesk import CopyDesk
from gui.windows.demohost import DemoHost
from gui.windows.exporter import Exporter
from gui.windows.figures import Figures
from gui.windows.follower import Follower
from gui.windows.livepanes import LivePanes
from gui.windows.menus import Menus
from gui.windows.opener import ImageMakers, VolumeOpener
from gui.windows.recents import Recents
from gui.windows.scrubrunner import ScrubRunner
from gui.windows.spacewatch import SpaceWatch
from gui.windows.themechoice import ThemeChoice
from gui.windows.volumedesk import VolumeDesk
from gui.windows.workloadrunner import WorkloadRunner

if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent

    from core.answers import VolumeInfo
    from gui.bridge.link import EngineLink
    from gui.settings import Settings
    from gui.theme import ThemeSource

DEFAULT_SIZE: Final = QSize(1280, 800)
MINIMUM_SIZE: Final = QSize(960, 600)
DEFAULT_RATE: Final = 200.0
_VOLUME_PAGE: Final = 1
_EMPTY_PAGE: Final = 0


class MainWindow(QMainWindow):
    """One volume at a time, or the empty state."""

    def __init__(
        self, link: EngineLink, source: ThemeSource, settings: Settings, makers: ImageMakers
    ) -> None:
        """Build everything; nothing is opened yet."""
        super().__init__()
        self.link = link
        self.source = source
        self.settings = settings
        self._build_models(makers)
        self._build_views()
        self._connect()
        self._on_theme()
        self.theme_choice.apply()
        self.recents.show()
        self._on_left()
        self.setAcceptDrops(True)
        self.setMinimumSize(MINIMUM_SIZE)
        self.resize(DEFAULT_SIZE)
        geometry = settings.layout("window")
        if geometry is not None:
            self.restoreGeometry(geometry)
        self.arrangement.restore(settings)

    # -- building -----------------------------------------------------------------------------

    def _build_models(self, makers: ImageMakers) -> None:
        self.theme_choice = ThemeChoice(self.source, self.settings, self)
        self.focus = Focus(self)
        self.tree_model = CopyTreeModel(self)
        self.acts = Acts(self.link, self.tree_model, self)
        self.follower = Follower(self.link, self)
        self.opener = VolumeOpener(self.link, self.settings, makers, self)
        self.exporter = Exporter(self.link, makers.export, makers.apply, self)
        stack = self.acts.stack
        self.actions_ = Actions(
            self, stack.createUndoAction(self, "&Undo"), stack.createRedoAction(self, "&Redo")
        )

    def _build_views(self) -> None:
        a, source = self.actions_, self.source
        self.workload = WorkloadControl(source, a.workload)
        self.workload.set_kinds(WORKLOAD_KINDS, "ext4")
        self.workload.set_rate(DEFAULT_RATE)
        self.runner = WorkloadRunner(self.link, self.workload, self)
        acts = [(a.snapshot, "camera"), (a.clone, "clone"), (a.delete, "trash"),
                (a.open, "folder"), (a.connect_, "plug")]  # fmt: skip
        self.top_bar = TopBar(source, acts, self.workload, a.theme)
        self.tree = CopyTreePane(source, self.tree_model, a.snapshot)
        self.desk = CopyDesk(self.tree, self.focus, self.acts, self.link)
        self.panes = LivePanes(source, self.focus, self.follower, self)
        self.banners = BannerStack(source)
        self.banner_desk = BannerDesk(
            self.banners, self.link, self.opener, self.acts, self.follower
        )
        self.strip = ProgressStrip(source)
        self.scrubber = ScrubRunner(self.link, self.strip, self.banners)
        self.volume_desk = VolumeDesk(
            self, link=self.link, source=source, acts=self.acts, follower=self.follower, actions=a
        )
        self.comparer = Comparer(
            self, link=self.link, source=source, follower=self.follower, desk=self.desk,
            focus=self.focus, maps=self.panes.maps, exporter=self.exporter,
        )  # fmt: skip
        self.arrangement = Arrangement(self.panes.arranged(self.tree))
        begin = [(a.demo, "play"), (a.open, "folder"), (a.scratch, "lightning")]
        self.empty = EmptyState(source, begin)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.arrangement)
        self.demo = DemoHost(self.link, source, self.pages, self)
        self.status = StatusBar(source)
        self.figures = Figures(
            self.link, self.follower, self.status, self.tree, self.desk, self.panes
        )
        self.space_watch = SpaceWatch(self.link, self.follower, self.status, self.banners)
        self.space_watch.policy_wanted.connect(self.volume_desk.show_policy)
        self.background = Background(self.status, self.link, self.follower, self.runner, self.demo)
        self.setCentralWidget(self._column())
        self.toast = Toast(source, self.centralWidget())
        self.connector = Connector(
            self, link=self.link, source=source, follower=self.follower, desk=self.desk,
            status=self.status, banners=self.banner_desk,
        )  # fmt: skip
        self.menus = Menus(self.menuBar(), a, self)
        self.menus.add_kinds(self.workload.menu.actions())
        self.demo.failed.connect(self.banner_desk.tell_failure)
        self.demo.changed.connect(self._on_demo)
        self.recents = Recents(self.link, self.settings, self.menus, self.empty)
        self.asker = Asker(self, self.acts, self.desk, self.runner)
        self.router = ActionRouter(self)

    def _column(self) -> QWidget:
        central = QWidget()
        column = QVBoxLayout(central)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        strips = (self.strip, self.volume_desk.strip)
        for part in (self.top_bar, self.banners, *strips, self.pages, self.status):
            column.addWidget(part)
        return central

    def _connect(self) -> None:
        link, follower = self.link, self.follower
        link.opened.connect(self._on_opened)
        link.closed.connect(self._on_left)
        link.gone.connect(self._on_gone)
        follower.info_changed.connect(self._on_info)
        follower.coalesced.connect(self._on_coalesced)
        self.opener.busy.connect(self.status.show_message)
        self.opener.scratch_opened.connect(self.runner.start)
        self.acts.done.connect(self._on_done)
        self.exporter.done.connect(self._on_done)
        self.exporter.failed.connect(self.banner_desk.tell_failure)
        self.scrubber.found_intact.connect(self._on_found_intact)
        self.acts.stack.indexChanged.connect(self._on_stack)
        self.runner.stopped_by_error.connect(self.banner_desk.tell_workload)
        self.runner.running_changed.connect(self.banner_desk.follow_workload)
        self.tree.menu_asked.connect(self.menus.copy.popup)
        self.focus.copy_changed.connect(self._on_focus)
        self.panes.described.connect(self.status.show_message)
        self.tree.described.connect(self.status.show_message)
        self.toast.undo_pressed.connect(self.acts.stack.undo)
        self.recents.picked.connect(self.opener.open_path)
        self.menus.theme_picked.connect(self.theme_choice.choose)
        self.theme_choice.chosen.connect(self.menus.mark_theme)
        self.source.changed.connect(self._on_theme)

    # -- what others tell -----------------------------------------------------------------------

    @Slot(object)
    @guarded
    def _on_opened(self, info: VolumeInfo) -> None:
        self.recents.show()
        self.setWindowTitle(f"{Path(info.image).name} — Rangepair")
        self.setWindowFilePath(info.image)
        self.demo.stop()
        self.pages.setCurrentIndex(_VOLUME_PAGE)
        self.tree.view.setFocus()
        self.status.set_engine_shown(shown=True)
        self.align()
        self.router.enable()

    @Slot()
    @guarded
    def _on_left(self) -> None:
        self.desk.clear()
        self.panes.clear()
        self.setWindowTitle("Rangepair")
        self.demo.stop()
        self.pages.setCurrentIndex(_EMPTY_PAGE)
        self.empty.setFocus()
        self.status.set_engine_shown(shown=False)
        self.status.show_message("")
        self.recents.show()
        self.router.enable()

    @Slot(object)
    @guarded
    def _on_gone(self, _error: object) -> None:
        """Keep showing what was known last; only acts are off until the engine is back."""
        self.router.enable()

    def tell_unexpected(self, error: BaseException) -> None:
        """Show a fault of the window's own."""
        self.banner_desk.tell_unexpected(error)

    @Slot(object)
    @guarded
    def _on_info(self, info: VolumeInfo) -> None:
        self.desk.show_info(info)
        self.follower.look_at(self.focus.copy.id)  # the same copy as before, after a new start
        self.router.enable()

    @Slot(object)
    @guarded
    def _on_coalesced(self, count: int) -> None:
        if self.demo.pane is None:
            self.status.show_message(f"{count:,} events coalesced")

    @Slot(str, bool)
    @guarded
    def _on_done(self, sentence: str, undoable: bool) -> None:
        self.toast.tell(sentence, offers_undo=undoable)

    @Slot(str)
    @guarded
    def _on_found_intact(self, sentence: str) -> None:
        self.toast.tell(sentence, offers_undo=False)

    @Slot()
    @guarded
    def _on_stack(self, *_index: object) -> None:
        self.toast.hide()

    @Slot(object)
    @guarded
    def _on_focus(self, copy: object) -> None:
        self.follower.look_at(self.focus.copy.id)

    @Slot()
    @guarded
    def _on_demo(self) -> None:
        """Let what belongs to a hidden volume not stand beside the demo."""
        self.status.set_engine_shown(shown=self.pages.currentIndex() == _VOLUME_PAGE)
        self.status.show_message("")
        self.toast.hide()
        self.background.show()

    # -- looks ----------------------------------------------------------------------------------

    @Slot()
    @guarded
    def _on_theme(self) -> None:
        self.actions_.draw_icons(self.source.theme)

    def leave(self) -> None:
        """Leave the volume, if the user still wants to when others use it."""
        if self.connector.may_leave(self.link.close):
            self.link.close()

    def align(self) -> None:
        """Bring the buttons in line with the middle column."""
        if self.pages.currentIndex() == _VOLUME_PAGE:
            self.top_bar.align_buttons(self.arrangement.left_edge)

    # -- Qt ---------------------------------------------------------------------------------------

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.toast.place()
        self.router.mark_panes()
        self.align()

    @override
    @guarded
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().urls():  # what is no image is told when it is let go
            event.acceptProposedAction()

    @override
    @guarded
    def dropEvent(self, event: QDropEvent) -> None:
        if self.opener.drop(event.mimeData()):
            event.acceptProposedAction()

    @override
    @guarded
    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.connector.may_leave(self.close):
            event.ignore()
            return
        self.settings.set_layout("window", self.saveGeometry())
        self.arrangement.save(self.settings)
        self.settings.sync()
        self.figures.stop()
        self.demo.stop()
        self.panes.shutdown()
        self.exporter.shutdown()
        self.link.shutdown()
        super().closeEvent(event)
