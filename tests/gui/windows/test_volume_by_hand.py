# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The volume as a whole - its size, where new data goes, when it is full - by clicks and keys."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from core.errors import CopyInUseError, UsageError, VolumeBusyError
from core.spaceanswers import DroppedCopy
from core.units import MIB
from gui.windows.dialogs import Question
from gui.windows.propertiesdialog import PropertiesDialog
from gui.windows.resizedialog import ResizeDialog

pytestmark = pytest.mark.gui

VOLUME, NEW_DATA, WHEN_FULL = range(3)


def words_of(dialog):
    return [label.text() for label in dialog.findChildren(QLabel) if label.isVisible()]


def write_size(dialog, text):
    dialog.field.selectAll()
    QTest.keyClicks(dialog.field, text)


def open_resize(driver):
    driver.press("Ctrl+Shift+R")
    return driver.dialog(ResizeDialog)


def open_properties(driver, page=VOLUME):
    driver.press("Alt+Return")
    sheet = driver.dialog(PropertiesDialog)
    driver.qtbot.waitUntil(lambda: sheet.heading.text() != "")
    driver.click(sheet.tabs.buttons[page])
    return sheet


# -- size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["keyboard", "menu", "properties"])
def test_the_volume_is_made_longer_and_that_is_taken_back(at_volume, way):
    window, engine = at_volume.window, at_volume.engine
    at_volume.take("a")
    if way == "keyboard":
        at_volume.press("Ctrl+Shift+R")
    elif way == "menu":
        at_volume.choose(window.menus.volume, window.actions_.resize)
    else:
        at_volume.click(open_properties(at_volume).volume.buttons[0])
    dialog = at_volume.dialog(ResizeDialog)
    assert dialog.field.text() == "4 MiB"
    assert not dialog.ok.isEnabled()
    write_size(dialog, "6 MiB")
    assert "2 MiB are added at its end; they read as zeroes." in words_of(dialog)
    assert "Copies keep the size that they have." in words_of(dialog)
    assert not dialog.safety.isVisible()
    QTest.keyClick(dialog.field, Qt.Key.Key_Return)
    at_volume.qtbot.waitUntil(lambda: engine.size == 6 * MIB)
    told = "The volume has 6 MiB now, 4 MiB before"
    at_volume.qtbot.waitUntil(lambda: window.toast.text.text() == told)
    at_volume.click(window.toast.undo_button)
    at_volume.qtbot.waitUntil(lambda: engine.size == 4 * MIB)
    at_volume.press("Ctrl+Shift+Z")
    at_volume.qtbot.waitUntil(lambda: engine.size == 6 * MIB)


def test_what_was_written_at_the_new_end_is_not_cut_off_by_undo(at_volume):
    engine = at_volume.engine
    dialog = open_resize(at_volume)
    at_volume.click(dialog.proposals[3])
    assert dialog.field.text() == "8 MiB"
    at_volume.click(dialog.ok)
    at_volume.qtbot.waitUntil(lambda: engine.size == 8 * MIB)
    engine.data.append((7 * MIB, 7 * MIB + 4096))
    at_volume.qtbot.waitUntil(at_volume.window.actions_.undo.isEnabled)
    at_volume.press("Ctrl+Z")
    at_volume.qtbot.waitUntil(lambda: at_volume.banner_texts() != [])
    assert at_volume.banner_texts()[0].startswith("What was added to the volume has been written")
    assert engine.size == 8 * MIB


def test_a_shorter_volume_is_told_of_and_a_snapshot_brings_it_back(at_volume):
    window, engine = at_volume.window, at_volume.engine
    at_volume.take("a")
    engine.data.append((3 * MIB, 4 * MIB))
    dialog = open_resize(at_volume)
    at_volume.click(dialog.proposals[0])
    told = words_of(dialog)
    assert "The original loses its last 2 MiB; up to 1 MiB of that is data." in told
    assert any(words.startswith("'a' keeps what is cut off; what they need") for words in told)
    assert any(words.startswith("What is inside is not known") for words in told)
    assert dialog.ok.text() == "Cut off 2 MiB"
    assert dialog.safety.isChecked()
    at_volume.click(dialog.ok)
    at_volume.qtbot.waitUntil(lambda: engine.size == 2 * MIB)
    at_volume.qtbot.waitUntil(lambda: at_volume.has_row("before-resize-1"))
    at_volume.qtbot.waitUntil(lambda: window.actions_.undo.text() == "&Undo Resize to 2 MiB")
    at_volume.press("Ctrl+Z")
    at_volume.qtbot.waitUntil(lambda: engine.restored == ["before-resize-1"])


def test_without_a_snapshot_a_shorter_volume_is_final_and_not_done_by_return(at_volume):
    window, engine = at_volume.window, at_volume.engine
    dialog = open_resize(at_volume)
    write_size(dialog, "1 MiB")
    assert "The last 3 MiB are cut off; they hold nothing but zeroes." in words_of(dialog)
    at_volume.click(dialog.safety)
    assert "Without a snapshot this cannot be undone." in words_of(dialog)
    QTest.keyClick(dialog.field, Qt.Key.Key_Return)
    assert dialog.isVisible()
    at_volume.click(dialog.ok)
    at_volume.qtbot.waitUntil(lambda: engine.size == 1 * MIB)
    at_volume.qtbot.waitUntil(lambda: window.toast.text.text().startswith("The volume has"))
    assert not window.toast.undo_button.isVisible()
    assert at_volume.shown() == []


@pytest.mark.parametrize("text", ["", "many", "0", "1000", "9 EiB"])
def test_what_is_no_size_is_told_and_cannot_be_chosen(at_volume, text):
    dialog = open_resize(at_volume)
    dialog.field.setText(text)
    assert not dialog.ok.isEnabled()
    assert dialog.lines[0].property("tone") == "danger"
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    at_volume.settle()
    assert "resize" not in at_volume.engine.calls


def test_a_refused_resize_is_told_and_leaves_no_snapshot(at_volume):
    engine = at_volume.engine
    sentence = "'original' is attached at /mnt and cannot be resized meanwhile; detach it first."

    def refuse(_size, *, shrinks=False):
        raise CopyInUseError(sentence)

    engine.resize = refuse
    dialog = open_resize(at_volume)
    at_volume.click(dialog.proposals[0])
    at_volume.click(dialog.ok)
    at_volume.qtbot.waitUntil(lambda: at_volume.banner_texts() == [sentence])
    at_volume.settle()
    assert at_volume.window.tree_model.copies() == []
    assert engine.size == 4 * MIB


# -- clones ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["keyboard", "menu"])
def test_a_clone_is_merged_and_that_is_taken_back(at_volume, way):
    window, engine = at_volume.window, at_volume.engine
    at_volume.take("a")
    engine.clone("try", "a")
    engine.write(4096, bytes(8192), "try")
    at_volume.qtbot.waitUntil(lambda: at_volume.has_row("try"))
    at_volume.click_row("a")
    assert not window.actions_.merge.isEnabled()
    at_volume.click_row("try")
    if way == "keyboard":
        at_volume.press("Ctrl+M")
    else:
        at_volume.choose(window.menus.copies, window.actions_.merge)
    question = at_volume.dialog(Question)
    assert question.heading.text() == "Merge 'try' into the original?"
    body = " ".join(words_of(question))
    assert "the clone stays. 1 range, 8 KiB, is written" in body
    assert "is kept as 'before-restore-1'" in body
    at_volume.click(question.agree)
    at_volume.qtbot.waitUntil(lambda: engine.restored == ["try"])
    at_volume.qtbot.waitUntil(lambda: window.toast.text.text().startswith("Merged 'try' into"))
    at_volume.qtbot.waitUntil(lambda: at_volume.has_row("before-restore-1"))
    assert window.actions_.undo.text() == "&Undo Merge 'try'"
    at_volume.press("Ctrl+Z")
    at_volume.qtbot.waitUntil(lambda: engine.restored == ["try", "before-restore-1"])


def test_a_copy_is_promoted_batch_by_batch(at_volume):
    window, engine = at_volume.window, at_volume.engine
    at_volume.take("a")
    at_volume.click_row("a")
    at_volume.choose(window.menus.copy, window.actions_.promote)
    question = at_volume.dialog(Question)
    assert question.heading.text() == "Promote 'a'?"
    assert any(words.startswith("Up to 1 MiB that it still reads") for words in words_of(question))
    at_volume.click(question.agree)
    at_volume.qtbot.waitUntil(lambda: window.toast.text.text().startswith("'a' needs the image no"))
    assert engine.promoted == ["a"] * 4
    assert not window.volume_desk.strip.isVisible()


def test_promotion_is_stopped_between_batches(at_volume):
    window, engine = at_volume.window, at_volume.engine
    at_volume.take("a")
    at_volume.click_row("a")
    window.actions_.promote.trigger()
    question = at_volume.dialog(Question)
    engine.size = 1 << 40  # so it is not done before it is stopped
    at_volume.click(question.agree)
    at_volume.qtbot.waitUntil(lambda: len(engine.promoted) > 2)
    at_volume.click(window.volume_desk.strip.stop)
    assert not window.volume_desk.runner.is_running
    at_volume.settle()
    count = len(engine.promoted)
    at_volume.settle()
    assert len(engine.promoted) == count
    assert window.actions_.promote.isEnabled()


def test_a_promotion_that_finds_no_room_is_told(at_volume):
    window, engine = at_volume.window, at_volume.engine
    at_volume.take("a")
    at_volume.click_row("a")
    window.actions_.promote.trigger()

    def refuse(_copy):
        raise VolumeBusyError("There is no room; make some.")

    engine.promote = refuse
    at_volume.click(at_volume.dialog(Question).agree)
    at_volume.qtbot.waitUntil(lambda: at_volume.banner_texts() == ["There is no room; make some."])
    assert not window.volume_desk.strip.isVisible()


def test_the_area_is_compacted(at_volume):
    window, engine = at_volume.window, at_volume.engine
    at_volume.choose(window.menus.volume, window.actions_.compact)
    at_volume.qtbot.waitUntil(lambda: window.toast.text.text().startswith("The additional area is"))
    assert engine.compactions == 3
    assert window.toast.text.text().endswith("12 KiB were moved")


# -- properties ------------------------------------------------------------------------------------


def test_the_sheet_shows_what_the_volume_is(at_volume):
    at_volume.take("a")
    sheet = open_properties(at_volume)
    assert sheet.heading.text() == "disk.img"
    assert sheet.volume.facts.value("Size") == "4 MiB, 4,194,304 bytes"
    assert sheet.volume.facts.value("Copies") == "1 snapshot, 0 clones"
    assert sheet.usage.facts.value("Full in") == "not as things go on now"
    at_volume.take("b")
    at_volume.qtbot.waitUntil(lambda: sheet.volume.facts.value("Copies") == "2 snapshots, 0 clones")


def test_news_that_come_while_the_sheet_asks_are_asked_for_again(at_volume):
    engine, sheet = at_volume.engine, open_properties(at_volume)
    at_volume.qtbot.waitUntil(lambda: not sheet._is_asking)
    before = engine.calls.count("policy")
    engine.gate = threading.Event()
    sheet.look()
    sheet.look()  # the answer under way may be older than what is asked about now
    engine.gate.set()
    at_volume.qtbot.waitUntil(lambda: engine.calls.count("policy") >= before + 2)
    engine.gate = None


def test_originals_may_stay_where_they_lie(at_volume):
    engine = at_volume.engine
    card = open_properties(at_volume, NEW_DATA).mechanism
    at_volume.click(card.ways.buttons["redirect-on-write"])
    at_volume.click(card.apply)
    at_volume.qtbot.waitUntil(lambda: engine.mechanism == "redirect-on-write")
    at_volume.qtbot.waitUntil(lambda: card.ways.chosen == "redirect-on-write")
    assert not card.home_row.isVisible()
    at_volume.press("Ctrl+Z")
    at_volume.qtbot.waitUntil(lambda: card.ways.chosen == "copy-on-write")


def test_the_mechanism_is_changed_and_changed_back(at_volume):
    window, engine = at_volume.window, at_volume.engine
    sheet = open_properties(at_volume, NEW_DATA)
    card = sheet.mechanism
    assert not card.apply.isEnabled()
    assert not card.home_row.isVisible()
    at_volume.click(card.ways.buttons["always-additional"])
    at_volume.click(card.apply)
    at_volume.qtbot.waitUntil(lambda: engine.mechanism == "always-additional")
    at_volume.qtbot.waitUntil(card.home_row.isVisible)
    at_volume.press("Ctrl+Z")
    at_volume.qtbot.waitUntil(lambda: engine.mechanism == "copy-on-write")
    at_volume.qtbot.waitUntil(lambda: card.ways.chosen == "copy-on-write")
    assert window.actions_.redo.isEnabled()


@pytest.mark.parametrize("agrees", [True, False])
def test_back_to_copy_on_write_new_data_goes_home_after_a_question(at_volume, agrees):
    engine = at_volume.engine
    engine.mechanism, engine.new_bytes = "always-additional", 8192
    engine.snapshot("a")
    sheet = open_properties(at_volume, NEW_DATA)
    card = sheet.mechanism
    at_volume.qtbot.waitUntil(lambda: card.state.text().startswith("8 KiB of new data"))
    QTest.mouseClick(card.ways.buttons["copy-on-write"], Qt.MouseButton.LeftButton)
    at_volume.click(card.apply)
    question = at_volume.dialog(Question)
    body = " ".join(words_of(question))
    assert "8 KiB go to the image; of what is there, 4 KiB are kept for others first." in body
    at_volume.click(question.agree if agrees else question.cancel)
    if agrees:
        at_volume.qtbot.waitUntil(lambda: engine.mechanism == "copy-on-write")
    else:
        at_volume.qtbot.waitUntil(lambda: card.ways.chosen == "always-additional")
        assert engine.new_bytes == 8192


def test_what_came_home_meanwhile_is_no_trouble(at_volume):
    engine = at_volume.engine
    engine.mechanism, engine.new_bytes = "always-additional", 8192
    engine.snapshot("a")

    def refuse(_view="original"):
        raise UsageError("There is nothing to separate.")

    engine.plan_separation = refuse
    sheet = open_properties(at_volume, NEW_DATA)
    at_volume.qtbot.waitUntil(lambda: sheet.mechanism.state.text() != "")
    assert at_volume.banner_texts() == []


def test_new_data_of_a_copy_goes_home(at_volume):
    engine = at_volume.engine
    engine.mechanism, engine.new_bytes = "always-additional", 8192
    engine.snapshot("a")
    sheet = open_properties(at_volume, NEW_DATA)
    card = sheet.mechanism
    at_volume.qtbot.waitUntil(lambda: card.view.findText("a") > 0)
    card.view.setCurrentIndex(card.view.findText("a"))
    at_volume.click(card.home)
    question = at_volume.dialog(Question)
    assert question.heading.text() == "Bring new data of 'a' home?"
    at_volume.click(question.agree)
    at_volume.qtbot.waitUntil(lambda: engine.new_bytes == 0)


def tick(card, name):
    """Tick a copy in the list by the keyboard."""
    (item,) = card.copies.findItems(name, Qt.MatchFlag.MatchExactly)
    card.copies.setCurrentItem(item)
    QTest.keyClick(card.copies, Qt.Key.Key_Space)


def test_copies_that_may_be_dropped_are_ticked_and_put_in_order(at_volume):
    window, engine = at_volume.window, at_volume.engine
    for name in ("a", "b", "c"):
        at_volume.take(name)
    card = open_properties(at_volume, WHEN_FULL).when_full
    at_volume.click(card.ways.buttons["drop"])
    assert not card.apply.isEnabled()
    assert card.problem.text().startswith("Tick the copies")
    for name in ("a", "c"):
        tick(card, name)
    at_volume.click(card.up)
    at_volume.click(card.up)
    assert not card.up.isEnabled()
    at_volume.click(card.apply)
    at_volume.qtbot.waitUntil(lambda: engine.kept_policy.when_full == "drop")
    assert engine.kept_policy.expendable == ["c", "a"]
    at_volume.qtbot.waitUntil(lambda: not card.apply.isEnabled())
    at_volume.qtbot.waitUntil(lambda: window.actions_.undo.text() == "&Undo Change policy")
    at_volume.press("Ctrl+Z")
    at_volume.qtbot.waitUntil(lambda: engine.kept_policy.when_full == "refuse")
    assert engine.kept_policy.expendable == []
    at_volume.qtbot.waitUntil(lambda: card.ways.chosen == "refuse")


def test_a_write_may_wait_and_the_area_has_a_limit(at_volume):
    engine = at_volume.engine
    card = open_properties(at_volume, WHEN_FULL).when_full
    at_volume.click(card.ways.buttons["wait"])
    for field, text in ((card.timeout, "90"), (card.limit, "2 GiB")):
        field.selectAll()
        QTest.keyClicks(field, text)
    at_volume.click(card.apply)
    at_volume.qtbot.waitUntil(lambda: engine.kept_policy.when_full == "wait")
    assert engine.kept_policy.timeout_s == 90.0
    assert engine.kept_policy.area_limit_bytes == 2 << 30
    for field, text in ((card.timeout, "90000"), (card.limit, "much")):
        field.selectAll()
        QTest.keyClicks(field, text)
        assert not card.apply.isEnabled()
        assert card.problem.text()


def test_what_is_not_applied_yet_outlives_the_news_and_dropped_copies_are_told(at_volume):
    engine = at_volume.engine
    at_volume.take("a")
    card = open_properties(at_volume, WHEN_FULL).when_full
    at_volume.click(card.ways.buttons["wait"])
    gone = DroppedCopy(name="old", when=1e9)
    engine.set_policy(dropped=[gone])
    at_volume.qtbot.waitUntil(card.dropped.isVisible)
    assert card.dropped.text().startswith("'old' was dropped on")
    assert card.ways.chosen == "wait"


def test_another_volume_has_other_properties(at_volume):
    sheet = open_properties(at_volume)
    at_volume.open("/images/other.img")
    assert not sheet.isVisible()
    assert open_properties(at_volume) is sheet
    at_volume.qtbot.waitUntil(lambda: sheet.heading.text() == "other.img")


def test_nothing_of_it_is_offered_without_a_volume(driver):
    a = driver.window.actions_
    for action in (a.properties, a.resize, a.compact, a.merge, a.promote):
        assert not action.isEnabled()
