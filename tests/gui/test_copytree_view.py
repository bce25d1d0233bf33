# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The card of the copies gives them room first, in whole rows."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QAction

from core.answers import CopyInfo, VolumeInfo
from gui.models.copytree import CopyTreeModel
from gui.views.copydelegate import ROW_HEIGHT
from gui.views.copytree import GAP, CopyTreePane


def volume(count: int) -> VolumeInfo:
    copies = [
        CopyInfo(
            id=number, name=f"copy {number}", kind="snapshot", parent="original", created=0.0,
            locked=False, own_bytes=0, shared_bytes=0, pointers=0, range_pairs=1,
        )
        for number in range(1, count + 1)
    ]  # fmt: skip
    return VolumeInfo(
        image="/disk.img", size=64 << 20, grain=4096, thin=False, area="", uuid="u",
        read_only=False, generation=1, event_seq=0, copies=copies,
    )  # fmt: skip


@pytest.fixture
def pane(qtbot, source):
    model = CopyTreeModel()
    made = CopyTreePane(source, model, QAction("Take"))
    qtbot.addWidget(made)
    made.resize(244, 458)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.mark.parametrize("count", [0, 2, 4, 7, 30])
@pytest.mark.parametrize("height", [170, 260, 340, 458, 490, 760])
def test_rows_are_whole_and_storage_keeps_its_distance(pane, count, height):
    pane.show_info(volume(count))
    pane.resize(244, height)
    assert pane.view.height() % ROW_HEIGHT == 0
    for below in (pane.storage, pane.summary):
        if below.isVisible():
            assert below.y() >= pane.view.geometry().bottom() + 1 + GAP


def test_storage_makes_room_for_copies_and_comes_back(pane):
    pane.show_info(volume(2))
    assert pane.storage.isVisible()
    pane.show_info(volume(6))
    assert not pane.storage.isVisible()
    assert pane.view.height() >= 7 * ROW_HEIGHT
    pane.show_info(volume(2))
    assert pane.storage.isVisible()
