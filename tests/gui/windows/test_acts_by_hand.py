# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every act on copies by a real click, and its twin on the keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit

from core.longwork import RestoreProgress
from gui.models.copytree import VOLUME_KEY
from gui.views.banner import Trouble
from gui.windows.dialogs import NameDialog, Question

pytestmark = pytest.mark.gui

CTRL = Qt.KeyboardModifier.ControlModifier
WAYS = pytest.mark.parametrize("way", ["mouse", "keyboard", "menu"])


def do(driver, way, name, key, button=None):
    """Do an act by one of its ways."""
    action = getattr(driver.window.actions_, name)
    if way == "keyboard":
        driver.press(key)
    elif way == "menu" or button is None:
        driver.choose(driver.window.menus.copies, action)
    else:
        driver.click(button)


@WAYS
def test_take_snapshot(at_volume, way):
    window = at_volume.window
    do(at_volume, way, "snapshot", "Ctrl+T", window.top_bar.buttons[0])
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["snap-1"])
    at_volume.qtbot.waitUntil(lambda: window.focus.copy.name == "snap-1")
    assert window.toast.isVisible()
    assert window.toast.text.text().startswith("Took snapshot 'snap-1' in ")
    assert window.actions_.undo.text() == "&Undo Take snapshot 'snap-1'"
    at_volume.qtbot.waitUntil(lambda: window.panes.table_model.table.copy_name == "snap-1")


def test_take_snapshot_by_the_plus_of_the_tree(at_volume):
    at_volume.click(at_volume.window.tree.plus)
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["snap-1"])


@pytest.mark.parametrize("way", ["keyboard", "menu"])
def test_take_snapshot_with_a_name(at_volume, way):
    do(at_volume, way, "snapshot_named", "Ctrl+Shift+T")
    dialog = at_volume.dialog(NameDialog)
    assert dialog.field.text() == "snap-1"
    QTest.keyClicks(dialog.field, "before upgrade")
    QTest.keyClick(dialog.field, Qt.Key.Key_Return)
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["before upgrade"])


def test_a_name_of_nothing_cannot_be_given_and_escape_takes_nothing(at_volume):
    at_volume.press("Ctrl+Shift+T")
    dialog = at_volume.dialog(NameDialog)
    dialog.field.setText("   ")
    assert not dialog.ok.isEnabled()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    at_volume.settle()
    assert at_volume.shown() == []


@WAYS
def test_clone(at_volume, way):
    at_volume.take("base")
    at_volume.click_row("base")
    do(at_volume, way, "clone", "Ctrl+B", at_volume.window.top_bar.buttons[1])
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["base", "clone-1"])
    assert at_volume.row("clone-1").parent() == at_volume.row("base")


def test_a_deleted_copy_is_not_cloned_and_nothing_else_in_its_place(at_volume):
    window = at_volume.window
    at_volume.take("a")
    at_volume.engine.delete(["a"])
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == [])
    at_volume.click_row("original")
    assert window.actions_.clone.isEnabled()
    at_volume.click_row("a")
    assert not window.actions_.clone.isEnabled()
    at_volume.press("Ctrl+B")
    QTest.mouseClick(window.top_bar.buttons[1], Qt.MouseButton.LeftButton)
    at_volume.settle()
    assert at_volume.shown() == []
    QTest.keyClick(window.tree.view, Qt.Key.Key_Up)  # the group of the deleted ones
    assert not window.actions_.clone.isEnabled()
    QTest.keyClick(window.tree.view, Qt.Key.Key_Up)
    assert window.actions_.clone.isEnabled()


def test_a_snapshot_while_a_clone_is_in_focus_is_of_the_clone(at_volume):
    at_volume.engine.clone("try")
    at_volume.qtbot.waitUntil(lambda: at_volume.has_row("try"))
    at_volume.click_row("try")
    at_volume.press("Ctrl+T")
    at_volume.qtbot.waitUntil(lambda: at_volume.has_row("snap-1"))
    assert at_volume.window.tree_model.copies()[-1].parent == "try"


@WAYS
def test_delete_and_bring_back(at_volume, way):
    window = at_volume.window
    at_volume.take("a")
    at_volume.click_row("a")
    do(at_volume, way, "delete", "Del", window.top_bar.buttons[2])
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == [])
    assert window.toast.text.text() == "Deleted 'a'"
    at_volume.click(window.toast.undo_button)
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["a"])
    at_volume.press("Ctrl+Shift+Z")
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == [])
    at_volume.click_row("a")
    at_volume.choose(window.menus.copy, window.actions_.undelete)
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["a"])


@pytest.mark.parametrize("way", ["keyboard", "menu", "menu of the copy"])
def test_restore_is_asked_first_done_and_taken_back(at_volume, way):
    window, engine = at_volume.window, at_volume.engine
    at_volume.take("monday")
    engine.write(4096, bytes(8192))
    engine.write(40960, bytes(4096))
    at_volume.click_row("monday")
    menu = window.menus.copies if way == "menu" else window.menus.copy
    if way == "keyboard":
        at_volume.press("Ctrl+R")
    else:
        at_volume.choose(menu, window.actions_.restore)
    question = at_volume.dialog(Question)
    labels = [label.text() for label in question.findChildren(QLabel) if label.isVisible()]
    assert labels == [
        "Make the original equal to 'monday'?",
        "2 ranges, 12 KiB, are written; the original as it is now is kept as 'before-restore-1'.",
    ]
    assert engine.restored == []
    at_volume.click(question.agree)
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["monday", "before-restore-1"])
    at_volume.qtbot.waitUntil(
        lambda: window.toast.text.text() == "Restored 'monday'; 'before-restore-1' keeps what was"
    )
    assert window.actions_.undo.text() == "&Undo Restore 'monday'"
    at_volume.click(window.toast.undo_button)
    at_volume.qtbot.waitUntil(lambda: engine.restored == ["monday", "before-restore-1"])
    at_volume.qtbot.waitUntil(lambda: at_volume.has_row("before-restore-2"))
    at_volume.press("Ctrl+Shift+Z")
    at_volume.qtbot.waitUntil(lambda: engine.restored[2:] == ["monday"])


def test_a_restore_that_is_not_agreed_to_changes_nothing(at_volume):
    at_volume.take("monday")
    at_volume.engine.write(0, bytes(4096))
    at_volume.click_row("monday")
    at_volume.press("Ctrl+R")
    question = at_volume.dialog(Question)
    QTest.keyClick(question, Qt.Key.Key_Escape)
    at_volume.settle()
    assert at_volume.engine.restored == []
    assert at_volume.shown() == ["monday"]


def test_what_is_equal_is_not_asked_about(at_volume):
    at_volume.take("monday")
    at_volume.click_row("monday")
    at_volume.press("Ctrl+R")
    toast = at_volume.window.toast
    expected = "The original equals 'monday' already"
    at_volume.qtbot.waitUntil(lambda: toast.text.text() == expected)
    assert not toast.undo_button.isVisible()


def test_only_one_copy_at_a_time_is_restored_and_never_the_original(at_volume):
    action = at_volume.window.actions_.restore
    at_volume.take("a")
    at_volume.take("b")
    at_volume.click_row("original")
    assert not action.isEnabled()
    at_volume.click_row("a")
    assert action.isEnabled()
    at_volume.click_row("b", CTRL)
    assert not action.isEnabled()


def test_a_restore_under_way_is_told_in_the_status_bar(at_volume):
    window, engine = at_volume.window, at_volume.engine
    engine.restoring = RestoreProgress(
        source="monday", safety="s", whole_bytes=4 << 20, left_bytes=3 << 20, problem=""
    )
    engine.counters.restoring_bytes = 3 << 20
    engine.snapshot("another")
    words = "The original reads as 'monday'; 3 MiB of 4 MiB still to be moved."
    at_volume.qtbot.waitUntil(lambda: window.status.message.text() == words)
    engine.counters.restoring_bytes = 0
    at_volume.qtbot.waitUntil(lambda: window.status.message.text() == "")


@WAYS
def test_undo_and_redo(at_volume, way):
    window = at_volume.window
    at_volume.take("a")
    for action, key, expected in (("undo", "Ctrl+Z", []), ("redo", "Ctrl+Shift+Z", ["a"])):
        if way == "keyboard":
            at_volume.press(key)
        else:
            at_volume.choose(window.menus.edit, getattr(window.actions_, action))
        at_volume.qtbot.waitUntil(lambda expected=expected: at_volume.shown() == expected)


@pytest.mark.parametrize("way", ["mouse", "keyboard", "menu"])
def test_rename_in_place(at_volume, way):
    window = at_volume.window
    at_volume.take("a")
    at_volume.click_row("a")
    view = window.tree.view
    if way == "mouse":
        at = view.visualRect(at_volume.row("a")).center()
        QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    else:
        do(at_volume, way, "rename", "F2")
    editor = view.findChild(QLineEdit)
    assert editor is not None
    editor.selectAll()
    QTest.keyClicks(editor, "b")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["b"])
    at_volume.press("Ctrl+Z")
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["a"])


def test_the_live_volume_cannot_be_renamed_or_deleted(at_volume):
    window = at_volume.window
    at_volume.click_row("original")
    assert not window.actions_.rename.isEnabled()
    assert not window.actions_.delete.isEnabled()
    assert not window.tree.edit_name()


@pytest.mark.parametrize("way", ["keyboard", "menu"])
def test_lock_and_unlock(at_volume, way):
    at_volume.take("a")
    at_volume.click_row("a")
    do(at_volume, way, "lock", "Ctrl+L")
    at_volume.qtbot.waitUntil(lambda: at_volume.window.tree_model.copies()[0].locked)
    assert at_volume.window.actions_.lock.isChecked()
    do(at_volume, way, "lock", "Ctrl+L")
    at_volume.qtbot.waitUntil(lambda: not at_volume.window.tree_model.copies()[0].locked)


def test_deleting_what_is_locked_is_refused_in_a_banner(at_volume):
    at_volume.take("a")
    at_volume.engine.lock(["a"])
    at_volume.click_row("a")
    at_volume.press("Del")
    at_volume.qtbot.waitUntil(lambda: bool(at_volume.banner_texts()))
    assert at_volume.banner_texts() == ["'a' is locked; unlock it first."]
    at_volume.click(at_volume.window.banners.banners[0].close_button)
    assert at_volume.banner_texts() == []


def rename(at_volume, name, new_name):
    """Rename a copy in place by double click, typing and Enter."""
    view = at_volume.window.tree.view
    at = view.visualRect(at_volume.row(name)).center()
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    editor = view.findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClick(editor, Qt.Key.Key_Delete)
    QGuiApplication.clipboard().setText(new_name)
    editor.paste()
    QTest.keyClick(editor, Qt.Key.Key_Return)


def test_refusals_take_each_others_place_and_a_success_takes_them_away(at_volume):
    for name in ("a", "b", "c"):
        at_volume.take(name)
    at_volume.click_row("a")
    for taken in ("b", "c"):
        rename(at_volume, "a", taken)
        told = f"A copy called '{taken}' exists; choose another name."
        at_volume.qtbot.waitUntil(lambda told=told: at_volume.banner_texts() == [told])
    rename(at_volume, "a", "d")
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["d", "b", "c"])
    at_volume.qtbot.waitUntil(lambda: at_volume.banner_texts() == [])
    rename(at_volume, "d", "c")
    at_volume.qtbot.waitUntil(lambda: len(at_volume.banner_texts()) == 1)
    at_volume.press("Ctrl+Z")  # an act that is taken back is one that succeeded
    at_volume.qtbot.waitUntil(lambda: at_volume.banner_texts() == [])


def test_an_act_leaves_banners_about_other_things(at_volume):
    at_volume.window.banners.tell(Trouble("The disk is slow."))
    at_volume.take("a")
    at_volume.settle()
    assert at_volume.banner_texts() == ["The disk is slow."]


@pytest.mark.parametrize("name", ["", "   ", "x" * 300])
def test_a_name_that_cannot_be_is_told_by_the_engine(at_volume, name):
    at_volume.take("a")
    at_volume.click_row("a")
    rename(at_volume, "a", name)
    at_volume.qtbot.waitUntil(lambda: len(at_volume.banner_texts()) == 1)
    (told,) = at_volume.banner_texts()
    assert told == (
        "The name has 300 characters; a copy's name may have 128."
        if name.strip()
        else "A copy's name must not be empty or begin or end with a space."
    )
    assert at_volume.shown() == ["a"]


@pytest.mark.parametrize("way", ["keyboard", "menu"])
def test_purge_asks_with_names_and_bytes_and_cancel_is_the_default(at_volume, way):
    at_volume.take("a")
    at_volume.take("b")
    at_volume.engine.write(0, bytes(40960))
    at_volume.settle()
    at_volume.click_row("a")
    at_volume.click_row("b", CTRL)
    do(at_volume, way, "purge", "Shift+Del")
    question = at_volume.dialog(Question)
    assert question.windowTitle() == "Purge 2 copies?"
    assert question.cancel.isDefault()
    QTest.keyClick(question, Qt.Key.Key_Return)
    at_volume.settle()
    assert at_volume.shown() == ["a", "b"]
    do(at_volume, way, "purge", "Shift+Del")
    question = at_volume.dialog(Question)
    texts = " ".join(label.text() for label in question.findChildren(type(question.heading)))
    assert "a, b" in texts
    assert "80 KiB" in texts
    assert "cannot be undone" in texts
    at_volume.click(question.agree)
    at_volume.qtbot.waitUntil(lambda: at_volume.window.tree_model.copies() == [])


def test_escape_at_the_purge_question_does_nothing(at_volume):
    at_volume.take("a")
    at_volume.click_row("a")
    at_volume.press("Shift+Del")
    QTest.keyClick(at_volume.dialog(Question), Qt.Key.Key_Escape)
    at_volume.settle()
    assert at_volume.shown() == ["a"]


def test_several_rows_tell_what_deleting_them_would_free(at_volume):
    at_volume.take("a")
    at_volume.take("b")
    at_volume.engine.write(0, bytes(8192))
    at_volume.engine.rename("b", "c")  # a change of the catalog, so that the sizes are told anew
    at_volume.qtbot.waitUntil(lambda: at_volume.has_row("c"))
    at_volume.click_row("a")
    at_volume.click_row("c", CTRL)
    summary = at_volume.window.tree.summary
    at_volume.qtbot.waitUntil(lambda: ("Purging these 2 frees", "16 KiB") in summary.summary.rows)


def test_arrows_walk_the_tree_and_the_focus_follows(at_volume):
    at_volume.take("a")
    at_volume.take("b")
    view = at_volume.window.tree.view
    at_volume.click_row("original")
    assert at_volume.window.focus.copy.id == VOLUME_KEY
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert at_volume.window.focus.copy.name == "a"
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert at_volume.window.focus.copy.name == "b"
    at_volume.qtbot.waitUntil(lambda: at_volume.window.panes.table_model.table.copy_name == "b")


def test_another_pane_moving_the_focus_moves_the_tree(at_volume):
    at_volume.take("a")
    at_volume.take("b")
    window = at_volume.window
    copy = window.tree_model.copies()[0]
    window.focus.set_copy(window.focus.copy._replace(id=copy.id, name=copy.name))
    assert window.tree.current == copy.id


def test_a_copy_taken_by_another_program_appears_by_itself(at_volume):
    at_volume.engine.snapshot("from-the-command-line")
    at_volume.qtbot.waitUntil(lambda: at_volume.has_row("from-the-command-line"))


def test_a_purged_copy_in_focus_gives_way_to_the_original(at_volume):
    at_volume.take("a")
    at_volume.click_row("a")
    at_volume.engine.purge(["a"])
    window = at_volume.window
    at_volume.qtbot.waitUntil(lambda: window.focus.copy.id == VOLUME_KEY)
    at_volume.qtbot.waitUntil(lambda: window.panes.table_model.table.copy_id == VOLUME_KEY)


def agrees(driver, name):
    """Return whether tree, summary, focus and table all show the copy called ``name``."""
    window = driver.window
    selected = [index.data() for index in window.tree.view.selectedIndexes()]
    heading = window.tree.summary.summary.title
    table = window.panes.table_model.table
    return selected == [name] and heading == window.focus.copy.name == table.copy_name == name


@pytest.mark.parametrize(
    ("deleted", "left"), [("b", "a"), ("c", "b"), ("a", "b")], ids=["middle", "last", "first"]
)
@pytest.mark.parametrize("before", [[], ["z"]], ids=["none deleted before", "one deleted before"])
def test_the_neighbour_of_a_deleted_copy_is_selected_everywhere(at_volume, deleted, left, before):
    window = at_volume.window
    for name in ("a", "b", "c", *before):
        at_volume.take(name)
    at_volume.settle()
    if before:
        at_volume.engine.delete(before)
        at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["a", "b", "c"])
    at_volume.click_row(deleted)
    at_volume.qtbot.waitUntil(lambda: agrees(at_volume, deleted))
    at_volume.press("Del")
    at_volume.qtbot.waitUntil(lambda: deleted not in at_volume.shown())
    at_volume.qtbot.waitUntil(lambda: agrees(at_volume, left))
    assert window.actions_.delete.isEnabled()


def test_when_the_last_copy_is_deleted_the_original_is_selected(at_volume):
    at_volume.take("a")
    at_volume.click_row("a")
    at_volume.press("Del")
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == [])
    at_volume.qtbot.waitUntil(lambda: agrees(at_volume, "original"))
    assert at_volume.window.actions_.clone.isEnabled()


def test_the_cursor_stays_on_a_copy_that_moves_in_the_tree(at_volume):
    at_volume.take("base")
    at_volume.engine.clone("child", "base")
    at_volume.qtbot.waitUntil(lambda: at_volume.has_row("child"))
    at_volume.click_row("child")
    at_volume.engine.delete(["base"])
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["child"])
    at_volume.qtbot.waitUntil(lambda: agrees(at_volume, "child"))
    at_volume.click_row("base")
    at_volume.choose(at_volume.window.menus.copy, at_volume.window.actions_.undelete)
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["base", "child"])
    at_volume.qtbot.waitUntil(lambda: agrees(at_volume, "base"))


def test_a_deleted_copy_is_looked_at_like_any_other(at_volume):
    at_volume.take("a")
    at_volume.take("b")
    at_volume.engine.write(0, bytes(8192))
    at_volume.engine.delete(["a"])
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["b"])
    at_volume.click_row("a")
    at_volume.qtbot.waitUntil(lambda: agrees(at_volume, "a"))
    assert at_volume.window.panes.table_model.table.pointer_count == 2
