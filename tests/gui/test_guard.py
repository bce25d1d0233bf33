# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What fails inside an override is told once and never reaches Qt."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

from gui.guard import guarded, guarded_or, set_reporter


@pytest.fixture
def told():
    errors: list[Exception] = []
    set_reporter(errors.append)
    yield errors
    set_reporter(None)


class Broken(QWidget):
    @guarded
    def paintEvent(self, event):
        raise ValueError("no paint")

    @guarded_or(QSize(7, 7))
    def sizeHint(self):
        raise ValueError("no size")


def test_a_failing_paint_is_told_and_the_window_lives(qtbot, told):
    widget = Broken()
    qtbot.addWidget(widget)
    widget.resize(10, 10)
    widget.grab()
    assert widget.isEnabled()
    assert "no paint" in {str(error) for error in told}


def test_a_failing_answer_is_replaced(qtbot, told):
    widget = Broken()
    qtbot.addWidget(widget)
    assert widget.sizeHint() == QSize(7, 7)
    assert [str(error) for error in told][-1] == "no size"


def test_without_a_reporter_the_excepthook_hears(qtbot):
    with qtbot.captureExceptions() as caught:
        guarded(lambda: 1 / 0)()
    assert caught[0][0] is ZeroDivisionError
