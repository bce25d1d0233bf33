# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The toast hides no figure, however long the name of the copy."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from gui.views.statusbar import HEIGHT as BAR_HEIGHT
from gui.views.toast import Toast, shortened


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("Deleted 'a'", "Deleted 'a'"),
        (f"Deleted '{'n' * 24}'", f"Deleted '{'n' * 24}'"),
        (f"Took snapshot '{'n' * 90}' in 2 ms", f"Took snapshot '{'n' * 23}…' in 2 ms"),
        (f"Renamed 'a' to '{'b' * 30}'", f"Renamed 'a' to '{'b' * 23}…'"),
    ],
)
def test_long_names_are_cut(sentence, shown):
    assert shortened(sentence) == shown


def test_it_stays_above_the_status_bar_and_says_all_to_a_screen_reader(source, qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(900, 600)
    toast = Toast(source, window)
    sentence = f"Deleted '{'n' * 90}'"
    toast.tell(sentence, offers_undo=True)
    assert toast.geometry().bottom() < window.height() - BAR_HEIGHT
    assert toast.geometry().right() < window.width() / 2
    assert toast.accessibleName() == sentence
