# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The whole window over a naive engine, driven by the mouse and the keys a person has."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog

from gui.bridge.link import EngineLink
from gui.settings import Settings
from gui.theme import ThemeSource
from gui.windows.mainwindow import MainWindow
from gui.windows.opener import ImageMakers
from tests.gui.enginedouble import SessionDouble

LEFT = Qt.MouseButton.LeftButton


class Driver:
    """A person at the window: clicks, types, looks."""

    def __init__(self, window, engines, made, qtbot):
        self.window, self.engines, self.made, self.qtbot = window, engines, made, qtbot

    @property
    def engine(self):
        """The engine of the open volume."""
        return self.engines[self.window.link.path]

    def click(self, widget):
        self.qtbot.waitUntil(lambda: widget.isVisible() and widget.isEnabled())
        QTest.mouseClick(widget, LEFT)

    def press(self, keys):
        if not self.window.isActiveWindow():  # a dialog was just closed
            self.window.activateWindow()
            self.qtbot.waitUntil(self.window.isActiveWindow)
        QTest.keySequence(self.window, keys)

    def open(self, path="/images/disk.img"):
        with self.qtbot.waitSignal(self.window.link.opened):
            self.window.opener.open_path(path)
        self.settle()

    def settle(self):
        """Let everything asked for be answered and shown."""
        answers = []
        link = self.window.link
        link.act(lambda session: session.info(), lambda _answer: None)
        link.query(lambda session: session.info(), answers.append)
        if link.is_open:
            self.qtbot.waitUntil(lambda: bool(answers))
            generation = self.engine.generation
            self.qtbot.waitUntil(
                lambda: (
                    self.window.follower.info is not None
                    and self.window.follower.info.generation == generation
                )
            )

    def row(self, name):
        """Return the index of the row called ``name``, wherever it is."""
        model = self.window.tree_model
        hits = model.match(
            model.index(0, 0), Qt.ItemDataRole.DisplayRole, name, 1,
            Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive | Qt.MatchFlag.MatchWrap,
        )  # fmt: skip
        assert hits, f"no row is called {name}"
        return hits[0]

    def has_row(self, name):
        return any(copy.name == name for copy in self.window.tree_model.copies())

    def shown(self):
        return [copy.name for copy in self.window.tree_model.copies() if not copy.deleted]

    def click_row(self, name, modifier=Qt.KeyboardModifier.NoModifier):
        view = self.window.tree.view
        index = self.row(name)
        view.scrollTo(index)
        at = view.visualRect(index).center()
        QTest.mouseClick(view.viewport(), LEFT, modifier, at)

    def take(self, name):
        self.window.acts.take_snapshot(name)
        self.qtbot.waitUntil(lambda: self.has_row(name))

    def dialog(self, kind=QDialog):
        """Return the dialog that is open."""
        found = []

        def look():
            found[:] = [d for d in self.window.findChildren(kind) if d.isVisible()]
            return bool(found)

        self.qtbot.waitUntil(look)
        return found[-1]

    def choose(self, menu, action):
        """Click an entry of a menu that is open or can be popped up."""
        menu.popup(self.window.mapToGlobal(QPoint(40, 40)))
        self.qtbot.waitUntil(menu.isVisible)
        QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())

    def banner_texts(self):
        return [banner.trouble.sentence for banner in self.window.banners.banners]


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path / "window.ini")


@pytest.fixture
def driver(qapp, qtbot, settings, tmp_path):
    engines, made = {}, []

    def opener(path, accept_changes):
        engine = engines.setdefault(path, SessionDouble(path))
        engine.accepted = accept_changes
        if isinstance(engine, Exception):
            raise engine
        if getattr(engine, "refusal", None) is not None and not accept_changes:
            raise engine.refusal
        engine.alive = True
        return engine

    def make_volume(path, size, thin):
        made.append((path, size, thin))
        engines[path] = SessionDouble(path, size)
        return path

    def make_scratch():
        path = str(tmp_path / "scratch-1.img")
        Path(path).touch()
        made.append(path)
        return path

    def export(*arguments):
        raise AssertionError("a test that exports says how")

    makers = ImageMakers(make_volume, make_scratch, export, export)
    window = MainWindow(EngineLink(opener), ThemeSource(), settings, makers)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    yield Driver(window, engines, made, qtbot)
    for dialog in window.findChildren(QDialog):
        dialog.close()
    window.link.close()  # whoever is served would be asked about
    window.close()
    QApplication.processEvents()


@pytest.fixture
def at_volume(driver):
    """The window with a volume open."""
    driver.open()
    return driver
