# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The guided demo in the window: it comes, plays, and leaves what was there before."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.errors import ReadOnlyError
from core.extent import Extent
from gui.models.focus import AreaKind, Place

pytestmark = pytest.mark.gui


def started(driver):
    demo = driver.window.demo
    driver.qtbot.waitUntil(lambda: demo.pane is not None and demo.pane.isVisible(), timeout=20000)
    return demo.pane


def test_the_first_button_plays_the_demo_and_escape_leaves_it(driver):
    driver.click(driver.window.empty.buttons[0])
    pane = started(driver)
    assert pane.player.is_playing
    QTest.keyClick(pane, Qt.Key.Key_Escape)
    assert driver.window.demo.pane is None
    assert driver.window.pages.currentWidget() is driver.window.empty


def test_the_demo_over_a_volume_gives_the_volume_back(at_volume):
    window = at_volume.window
    window.actions_.demo.trigger()
    pane = started(at_volume)
    at_volume.click(pane.leave)
    assert window.pages.currentWidget() is window.arrangement
    assert window.link.is_open


def test_opening_a_volume_ends_the_demo(driver):
    driver.window.actions_.demo.trigger()
    started(driver)
    driver.open()
    assert driver.window.demo.pane is None
    assert driver.window.pages.currentWidget() is driver.window.arrangement


def test_closing_the_window_ends_the_demo(driver):
    driver.window.actions_.demo.trigger()
    pane = started(driver)
    controller = pane.player.controller
    driver.window.close()
    assert driver.window.demo.pane is None
    with pytest.raises(ReadOnlyError):  # its volume is closed
        controller.forward()


HIDDEN = (
    "close", "snapshot", "snapshot_named", "clone", "rename", "lock", "delete", "purge", "undo",
    "workload", "workload_stop", "find", "zoom_in", "zoom_out", "fit", "zoom_to", "hilbert",
    "deselect",
)  # fmt: skip


def test_the_demo_leaves_nothing_to_do_with_the_hidden_volume(at_volume):
    window, actions = at_volume.window, at_volume.window.actions_
    at_volume.take("a")
    at_volume.press("F5")
    at_volume.qtbot.waitUntil(lambda: window.runner.is_running)
    at_volume.click_row("a")
    window.focus.select(Place(AreaKind.INITIAL, Extent(0, 4096)))
    at_volume.qtbot.waitUntil(lambda: all(getattr(actions, name).isEnabled() for name in HIDDEN))
    actions.demo.trigger()
    pane = started(at_volume)
    assert [name for name in HIDDEN if getattr(actions, name).isEnabled()] == []
    calls = len([call for call in at_volume.engine.calls if call in {"snapshot", "clone"}])
    for keys in ("Ctrl+T", "Ctrl+B", "Ctrl+Z", "Del", "Ctrl+W"):
        at_volume.press(keys)
    QTest.mouseClick(window.top_bar.buttons[0], Qt.MouseButton.LeftButton)
    at_volume.settle()
    assert at_volume.shown() == ["a"]
    assert calls == len([c for c in at_volume.engine.calls if c in {"snapshot", "clone"}])
    assert window.link.is_open
    status = window.status
    assert not any(figure.isVisible() for figure in (status.copied, status.rate, status.space))
    assert status.message.text() == "The workload goes on in disk.img"
    assert not window.workload.isEnabled()
    assert not window.toast.isVisible()
    at_volume.click(pane.leave)
    assert all(getattr(actions, name).isEnabled() for name in HIDDEN)
    assert status.copied.isVisible()
    assert window.workload.isEnabled()
    assert status.message.text() != "The workload goes on in disk.img"


@pytest.mark.parametrize("where", ["the demo", "the window"])
def test_the_first_escape_leaves_the_demo_whatever_is_selected(at_volume, where):
    window = at_volume.window
    place = Place(AreaKind.INITIAL, Extent(0, 4096))
    window.focus.select(place)
    window.actions_.demo.trigger()
    pane = started(at_volume)
    if where == "the window":
        window.top_bar.theme_button.setFocus()
    else:
        assert window.focusWidget() is pane
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Escape)
    assert window.demo.pane is None
    assert window.pages.currentWidget() is window.arrangement
    assert window.focus.selection == place
    at_volume.press("Esc")
    assert window.focus.selection is None
