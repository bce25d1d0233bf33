# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt

from gui.demo.controller import DemoController
from gui.demo.pane import DemoPane
from gui.demo.scratch import scratch_volume
from gui.demo.script import SCENES

LEFT = Qt.MouseButton.LeftButton


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def pane(qtbot, source):
    made = DemoPane(DemoController(scratch_volume), source, Clock())
    qtbot.addWidget(made, before_close_func=lambda widget: widget.shutdown())
    made.resize(960, 560)
    made.show()
    qtbot.waitExposed(made)
    return made


def position(pane):
    return pane.player.controller.position


def colours(widget, step=4):
    image = widget.grab().toImage()
    return {
        image.pixelColor(x, y).name().upper()
        for x in range(0, image.width(), step)
        for y in range(0, image.height(), step)
    }


def test_every_button_does_what_it_says(pane, qtbot):
    qtbot.mouseClick(pane.forward, LEFT)
    qtbot.mouseClick(pane.forward, LEFT)
    assert position(pane) == 2
    qtbot.mouseClick(pane.back, LEFT)
    assert position(pane) == 1
    qtbot.mouseClick(pane.rewind, LEFT)
    assert position(pane) == 0
    qtbot.mouseClick(pane.speed, LEFT)
    assert pane.speed.text() == "2\u00d7"
    qtbot.mouseClick(pane.play, LEFT)
    assert pane.player.is_playing
    assert pane.play.accessibleName().startswith("Pause")
    qtbot.mouseClick(pane.play, LEFT)
    assert not pane.player.is_playing
    with qtbot.waitSignal(pane.closed):
        qtbot.mouseClick(pane.leave, LEFT)


def test_every_key_does_the_same(pane, qtbot):
    for key, wanted in (
        (Qt.Key.Key_Right, 1),
        (Qt.Key.Key_Right, 2),
        (Qt.Key.Key_Left, 1),
        (Qt.Key.Key_Home, 0),
    ):
        qtbot.keyClick(pane, key)
        assert position(pane) == wanted
    qtbot.keyClick(pane, Qt.Key.Key_Space)
    assert pane.player.is_playing
    with qtbot.waitSignal(pane.closed):
        qtbot.keyClick(pane, Qt.Key.Key_Escape)
    assert not pane.player.is_playing


def test_time_moves_the_pictures_on(pane, qtbot):
    pane.start()
    pane._clock.now += 1.2
    qtbot.waitUntil(lambda: position(pane) == 1)
    assert "An instant copy is taken" in pane.accessibleDescription()


def test_a_click_on_the_bar_goes_there(pane, qtbot):
    qtbot.mouseClick(pane, LEFT, pos=pane.segment(9).center().toPoint())
    assert position(pane) == 9
    assert pane.player.controller.scene is SCENES[2]


def test_hidden_it_stands_still(pane):
    pane.start()
    pane.hide()
    assert not pane.player.is_playing
    assert not pane._timer.isActive()


@pytest.mark.parametrize("size", [(960, 560), (640, 460)])
def test_the_picture_is_painted_in_the_colours_of_the_maps(pane, either_source, size):
    pane.source.set(either_source.theme)
    pane.resize(*size)
    pane.player.go(5)
    theme = either_source.theme
    assert {theme.shared, theme.written, theme.soft} <= colours(pane)
    pane.player.go(12)
    assert {theme.shared, theme.preserved, theme.unmapped} <= colours(pane)


def test_in_the_middle_of_a_step_the_portion_is_on_its_way(pane):
    pane.player.go(2)
    pane.player._elapsed_s = pane.player.controller.seconds * 0.38
    travelling = pane.grab().toImage()
    assert pane.picture().traveller.label == "D"
    pane.player._elapsed_s = pane.player.controller.seconds
    assert pane.grab().toImage() != travelling


def test_a_state_that_is_not_expected_is_said_in_red(pane):
    pane.player.go(2)
    assert pane.source.theme.danger not in colours(pane, 1)
    pane.player.controller.differences = ["the pointers: expected {}, found {}"]
    assert pane.source.theme.danger in colours(pane, 1)


def test_clicks_beside_the_bar_do_nothing(pane, qtbot):
    qtbot.mouseClick(pane, LEFT, pos=QPoint(300, 100))
    assert position(pane) == 0
