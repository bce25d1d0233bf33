# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The guided demo in the window: it comes, plays, and leaves what was there before."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.errors import ReadOnlyError

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
