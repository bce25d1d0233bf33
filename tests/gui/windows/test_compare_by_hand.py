# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Two views are compared, places are gone to and bytes are looked at, by clicks and keys."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from core.answers import Ranges
from core.errors import CorruptAreaError
from core.extent import Extent
from core.units import KIB, MIB
from gui.models.differences import Differences
from gui.models.focus import AreaKind, Place
from gui.models.hexrows import HexBlock, hex_column, hex_words, text_words
from gui.models.ranges import bytes_below, column_bytes, overlap_bytes
from gui.views.hexview import ROW_PX
from gui.windows.bytesdialog import BytesDialog
from gui.windows.comparedialog import CompareDialog
from gui.windows.gotodialog import GoToDialog, parse_place

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


def ranges(*pairs):
    starts, lengths = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    return Ranges(starts=starts, lengths=lengths)


@pytest.fixture
def differing(at_volume):
    """A volume with a snapshot 'a' and a clone 'b', which differ in three places."""
    at_volume.take("a")
    at_volume.engine.clone("b")
    at_volume.qtbot.waitUntil(lambda: at_volume.has_row("b"))
    asked = at_volume.asked = []

    def diff(source, target="original"):
        asked.append((source, target))
        return ranges((0, 4 * KIB), (MIB, 8 * KIB), (3 * MIB, 4 * KIB))

    at_volume.engine.diff = diff
    return at_volume


def open_compare(driver, way="keyboard"):
    if way == "keyboard":
        driver.press("Ctrl+D")
    else:
        driver.choose(driver.window.menus.copy, driver.window.actions_.compare)
    sheet = driver.dialog(CompareDialog)
    driver.qtbot.waitUntil(lambda: sheet.told.text() != "")
    return sheet


def selected(driver):
    place = driver.window.focus.selection
    return None if place is None else (place.area, place.extent)


@pytest.mark.parametrize("way", ["keyboard", "menu"])
def test_a_copy_is_compared_with_the_original(differing, way):
    differing.click_row("a")
    sheet = open_compare(differing, way)
    assert sheet.pair == ("a", "original")
    assert sheet.told.text() == "3 ranges, 16 KiB together, may differ: 0.39 % of it."
    assert sheet.model.index(1, 0).data() == "0100\u20130101"
    assert sheet.model.index(1, 1).data() == "8 KiB"


def test_two_copies_are_compared_the_older_first(differing):
    differing.click_row("b")
    differing.click_row("a", Qt.KeyboardModifier.ControlModifier)
    assert open_compare(differing).pair == ("a", "b")
    assert differing.asked[-1] == ("a", "b")


def test_f3_leads_from_change_to_change_and_shows_it_on_the_map(differing):
    differing.click_row("a")
    open_compare(differing)
    for start, length in ((0, 4 * KIB), (MIB, 8 * KIB), (3 * MIB, 4 * KIB), (0, 4 * KIB)):
        differing.press("F3")
        assert selected(differing) == (AreaKind.INITIAL, Extent(start, length))
    differing.press("Shift+F3")
    assert selected(differing) == (AreaKind.INITIAL, Extent(3 * MIB, 4 * KIB))


def test_f3_without_a_sheet_opens_one(differing):
    differing.click_row("a")
    differing.press("F3")
    differing.dialog(CompareDialog)


def test_a_click_on_the_bar_or_a_row_goes_there(differing):
    differing.click_row("a")
    sheet = open_compare(differing)
    QTest.mouseClick(sheet.strip, LEFT, pos=QPoint(sheet.strip.width() * 7 // 10, 10))
    assert selected(differing) == (AreaKind.INITIAL, Extent(3 * MIB, 4 * KIB))
    box = sheet.table.visualRect(sheet.model.index(1, 0))
    QTest.mouseClick(sheet.table.viewport(), LEFT, pos=box.center())
    assert selected(differing) == (AreaKind.INITIAL, Extent(MIB, 8 * KIB))
    differing.click(sheet.next)
    assert selected(differing) == (AreaKind.INITIAL, Extent(3 * MIB, 4 * KIB))
    differing.click(sheet.previous)
    assert selected(differing) == (AreaKind.INITIAL, Extent(MIB, 8 * KIB))


def test_news_keep_the_row_that_was_chosen(differing):
    differing.click_row("a")
    sheet = open_compare(differing)
    differing.press("F3")
    differing.press("F3")
    told = sheet.model.differences
    differing.engine.diff = lambda *_pair: ranges((0, 64 * KIB), (MIB, 8 * KIB))
    sheet.second.setCurrentIndex(sheet.second.findText("b"))
    differing.qtbot.waitUntil(lambda: sheet.model.differences is not told)
    assert sheet.table.currentIndex().row() == 1
    assert sheet.model.range_at(1) == (MIB, 8 * KIB)


def test_who_reads_on_is_not_called_back_by_news(differing):
    many = [(n * 8192, 4096) for n in range(400)]
    differing.engine.diff = lambda *_pair: ranges(*many)
    differing.click_row("a")
    sheet = open_compare(differing)
    differing.press("F3")
    bar = sheet.table.verticalScrollBar()
    bar.setValue(bar.maximum())
    told = sheet.model.differences
    differing.take("c")
    differing.qtbot.waitUntil(lambda: sheet.second.findText("c") > 0)
    assert sheet.model.differences is told
    many.append((400 * 8192, 4096))
    differing.take("d")
    differing.qtbot.waitUntil(lambda: sheet.model.differences is not told)
    assert bar.value() > 300
    assert sheet.table.currentIndex().row() == 0


def test_equal_views_are_told(differing):
    differing.engine.diff = lambda *_pair: ranges_of_none()
    differing.click_row("a")
    sheet = open_compare(differing)
    assert sheet.told.text() == "'a' and 'original' are equal."
    assert not sheet.next.isEnabled()
    differing.press("F3")
    assert selected(differing) is None


def ranges_of_none():
    return Ranges(starts=np.empty(0, np.int64), lengths=np.empty(0, np.int64))


def test_changes_are_exported_from_a_snapshot_only(differing):
    asked = []
    differing.window.exporter._export = lambda *what, since=None: asked.append((*what[:4], since))
    differing.click_row("b")
    sheet = open_compare(differing)
    assert not sheet.export.isEnabled()
    sheet.first.setCurrentIndex(sheet.first.findText("a"))
    differing.click(sheet.export)
    chooser = differing.dialog(QFileDialog)
    assert chooser.defaultSuffix() == "diff"
    chooser.fileSelected.emit("/out/a.diff")
    chooser.close()
    differing.qtbot.waitUntil(lambda: bool(asked))
    assert asked == [("/images/disk.img", "original", "/out/a.diff", "rbd-diff", "a")]
    differing.qtbot.waitUntil(lambda: not differing.window.exporter.is_busy)


def test_another_volume_closes_the_sheets(differing):
    differing.click_row("a")
    sheet = open_compare(differing)
    differing.open("/images/other.img")
    assert not sheet.isVisible()
    assert sheet.model.rowCount() == 0
    differing.qtbot.waitUntil(lambda: not differing.window.actions_.compare.isEnabled())


@pytest.mark.parametrize(
    ("words", "start"),
    [("0010", 16 * 4096), ("2 MiB", 2 * MIB), ("50 %", 2 * MIB), ("lba 4096", 2 * MIB),
     ("100%", 4 * MIB - 4096)],
)  # fmt: skip
def test_a_place_is_named_and_gone_to(at_volume, words, start):
    at_volume.press("Ctrl+G")
    dialog = at_volume.dialog(GoToDialog)
    assert not dialog.ok.isEnabled()
    QTest.keyClicks(dialog.field, words)
    assert dialog.told.text().startswith("Block ")
    QTest.keyClick(dialog.field, Qt.Key.Key_Return)
    at_volume.qtbot.waitUntil(lambda: not dialog.isVisible())
    assert selected(at_volume) == (AreaKind.INITIAL, Extent(start, 4096))


@pytest.mark.parametrize("words", ["", "nowhere", "101 %", "5 MiB", "lba 8192", "-1"])
def test_what_is_no_place_is_not_gone_to(words):
    assert parse_place(words, 4 * MIB, 4096) is None


def test_bytes_of_the_selected_block_are_shown_beside_the_originals(at_volume):
    window, engine = at_volume.window, at_volume.engine
    at_volume.take("a")

    def read(offset, length, copy="original"):
        content = bytearray(length)
        content[700:703] = b"old" if copy == "a" else b"new"
        content[0] = offset // 4096
        return bytes(content)

    engine.read = read
    at_volume.click_row("a")
    window.focus.select(Place(AreaKind.INITIAL, Extent(8192, 8192)))
    at_volume.press("Ctrl+Shift+B")
    sheet = at_volume.dialog(BytesDialog)
    assert (sheet.left.currentText(), sheet.right.currentText()) == ("a", "original")
    at_volume.qtbot.waitUntil(lambda: sheet.place.text() == "Block 0002: 3 bytes differ")
    block = sheet.view.rows.block
    assert block.left[700:703] == b"old"
    assert block.right[700:703] == b"new"
    assert sheet.view.verticalScrollBar().value() > 0
    at_volume.click(sheet.on)
    at_volume.qtbot.waitUntil(lambda: sheet.place.text().startswith("Block 0003"))
    assert selected(at_volume) == (AreaKind.INITIAL, Extent(12288, 4096))
    sheet.left.setCurrentIndex(0)
    at_volume.qtbot.waitUntil(lambda: sheet.place.text() == "Block 0003: equal in both")
    window.focus.select(Place(AreaKind.INITIAL, Extent(0, 4096)))
    at_volume.qtbot.waitUntil(lambda: sheet.place.text().startswith("Block 0000"))


def test_the_first_block_is_shown_from_where_it_differs_on_too(at_volume):
    at_volume.take("a")
    at_volume.engine.read = lambda _offset, length, copy="original": (
        bytes(1024) + copy.encode().ljust(length - 1024, b"\0")
    )
    at_volume.click_row("a")
    at_volume.press("Ctrl+Shift+B")
    sheet = at_volume.dialog(BytesDialog)
    at_volume.qtbot.waitUntil(lambda: sheet.place.text() == "Block 0000: 8 bytes differ")
    assert sheet.view.verticalScrollBar().value() == (1024 // 16 - 1) * ROW_PX


def test_damaged_bytes_are_told_and_not_shown(at_volume):
    at_volume.take("a")
    at_volume.click_row("a")

    def read(*_what):
        raise CorruptAreaError("What is kept for 'a' fails its checksum.")

    at_volume.engine.read = read
    at_volume.press("Ctrl+Shift+B")
    sheet = at_volume.dialog(BytesDialog)
    at_volume.qtbot.waitUntil(lambda: sheet.place.text().startswith("What is kept for 'a'"))
    assert sheet.view.rows.block.row_count == 0
    at_volume.qtbot.waitUntil(lambda: at_volume.banner_texts() != [])


# -- what they are made of -------------------------------------------------------------------------


def test_rows_of_bytes_are_written_as_hex_editors_do():
    row = bytes(range(0x41, 0x51))
    words = hex_words(row)
    assert words == "41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50"
    assert all(words[hex_column(n) :][:2] == f"{0x41 + n:02x}" for n in range(16))
    assert text_words(b"a\0~\x7f") == "a\u00b7~\u00b7"


def test_blocks_of_different_length_differ_where_one_has_ended():
    block = HexBlock(0, bytes(20), bytes(32))
    assert (block.row_count, block.changed_count, block.first_changed) == (2, 12, 20)
    assert block.row(1).changed == tuple(range(4, 16))
    assert HexBlock(0, b"ab", b"ab").first_changed is None


def test_bytes_of_ranges_are_counted_exactly():
    first = (np.array([0, 10, 30]), np.array([5, 20, 31]))
    second = (np.array([3, 12]), np.array([11, 40]))
    bits = [sum(a <= n < b for a, b in zip(*first, strict=True)) for n in range(40)]
    below = bytes_below(first, np.arange(41))
    assert below.tolist() == [sum(bits[:n]) for n in range(41)]
    assert overlap_bytes(first, second) == 2 + 1 + 8 + 1
    assert column_bytes(first, 40, 4).tolist() == [5, 10, 0, 1]
    none = (np.empty(0, np.int64), np.empty(0, np.int64))
    assert overlap_bytes(first, none) == overlap_bytes(none, first) == 0


def test_the_next_change_is_found_from_anywhere_and_around_the_end():
    told = Differences("a", "b", np.array([10, 30]), np.array([5, 5]), 100, 1)
    assert [told.beside(at, 1) for at in (None, 0, 10, 29, 30, 99)] == [0, 0, 1, 1, 0, 0]
    assert [told.beside(at, -1) for at in (None, 0, 10, 30, 31)] == [1, 1, 1, 0, 1]
