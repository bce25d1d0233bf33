# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every way a volume comes into the window, and every way one goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit

from core.errors import (
    CorruptAreaError,
    EngineGoneError,
    FormatError,
    ImageChangedError,
    ImageError,
    VolumeBusyError,
)
from core.units import MIB
from gui.windows.dialogs import NewVolumeDialog
from gui.windows.opener import image_of
from tests.gui.enginedouble import SessionDouble

pytestmark = pytest.mark.gui


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(MIB))
    return str(path)


def opened(driver, path):
    driver.qtbot.waitUntil(lambda: driver.window.link.path == path and driver.window.link.is_open)


def drop(driver, *urls):
    """Drag files over the window and let them go; return whether they were taken."""
    mime = QMimeData()
    mime.setUrls(list(urls))
    at, copy = QPoint(300, 300), Qt.DropAction.CopyAction
    none, button = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(at, copy, mime, button, none)
    enter.ignore()
    QApplication.sendEvent(driver.window, enter)
    event = QDropEvent(QPointF(at), copy, mime, button, none)
    QApplication.sendEvent(driver.window, event)
    return enter.isAccepted()


def test_the_empty_state_offers_three_ways_to_begin(driver):
    empty = driver.window.empty
    assert driver.window.pages.currentWidget() is empty
    words = [button.text().strip() for button in empty.buttons]
    assert words == ["Start the guided demo", "Open…", "New 64 MiB scratch"]
    assert not driver.window.actions_.snapshot.isEnabled()
    assert empty.recent_rows == []


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_open_by_the_dialog(driver, way, image):
    if way == "keyboard":
        driver.press("Ctrl+O")
    else:
        driver.click(driver.window.empty.buttons[1])
    dialog = driver.dialog(QFileDialog)
    dialog.fileSelected.emit(image)
    dialog.close()
    opened(driver, image)
    assert driver.window.pages.currentWidget() is driver.window.arrangement
    assert driver.window.windowTitle() == "disk.img — Rangepair"
    assert driver.window.settings.recent == [image]


@pytest.mark.parametrize("is_thin", [False, True], ids=["plain", "thin"])
@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_new_volume(driver, way, is_thin, tmp_path):
    if way == "keyboard":
        driver.press("Ctrl+N")
    else:
        driver.choose(driver.window.menus.file, driver.window.actions_.new)
    dialog = driver.dialog(NewVolumeDialog)
    target = str(tmp_path / "fresh.img")
    dialog.path_field.setText(target)
    dialog.size_field.clear()
    QTest.keyClicks(dialog.size_field, "1.5 MiB")
    if is_thin:  # never unasked: only Rangepair can read such an image
        QTest.keyClick(dialog.thin_box, Qt.Key.Key_Space)
    driver.click(dialog.ok)
    opened(driver, target)
    assert driver.made == [(target, 3 * MIB // 2, is_thin)]


@pytest.mark.parametrize(
    ("path", "size", "problem"),
    [
        ("", "1 MiB", "Name a file"),
        ("{folder}", "1 MiB", "Name a file"),
        ("{folder}/there.img", "1 MiB", "exists already"),
        ("{folder}/no/such.img", "1 MiB", "There is no folder"),
        ("{folder}/new.img", "much", "is not a size"),
        ("{folder}/new.img", "100", "between 512 B"),
        ("{folder}/new.img", "1000", "multiple of 512"),
    ],
)
def test_what_cannot_be_made_is_said_before_it_is_tried(driver, tmp_path, path, size, problem):
    (tmp_path / "there.img").touch()
    driver.press("Ctrl+N")
    dialog = driver.dialog(NewVolumeDialog)
    dialog.path_field.setText(path.format(folder=tmp_path))
    dialog.size_field.setText(size)
    assert problem in dialog.problem.text()
    assert not dialog.ok.isEnabled()


def test_new_scratch_opens_and_its_workload_runs(driver):
    driver.click(driver.window.empty.buttons[2])
    driver.qtbot.waitUntil(lambda: driver.window.runner.is_running)
    assert Path(driver.window.link.path).name == "scratch-1.img"
    assert driver.engine.workload == ("ext4", driver.window.workload.rate, {})


@pytest.mark.parametrize("name", ["disk.img", "disk.img.rangepair"])
def test_a_dropped_file_is_opened(driver, image, name):
    file = Path(image).with_name(name)
    file.touch()
    assert drop(driver, QUrl.fromLocalFile(str(file)))
    opened(driver, image)


def test_what_is_no_single_local_file_cannot_be_dropped(driver, tmp_path):
    urls = [QUrl.fromLocalFile(str(tmp_path / name)) for name in ("a", "b")]
    for dropped, why in (
        (urls, "One disk image can be opened at a time"),
        ([QUrl.fromLocalFile(str(tmp_path))], f"{tmp_path.name} is a folder"),
        ([QUrl("https://example.org/disk.img")], "is not on this computer"),
        (urls[:1], "a is no disk image"),
    ):
        assert drop(driver, *dropped)
        (sentence,) = driver.banner_texts()  # each takes the place of the one before
        assert why in sentence
    assert not driver.window.link.is_open
    driver.click(driver.window.banners.banners[0].buttons[0])
    assert driver.dialog(QFileDialog) is not None


def test_what_is_no_file_at_all_is_not_taken(driver):
    assert not drop(driver)
    assert driver.banner_texts() == []


def test_recent_images_by_key_and_by_click_and_missing_ones_go(driver, image):
    driver.open(image)
    driver.window.settings.remember("/nowhere/old.img")
    driver.press("Ctrl+W")
    driver.qtbot.waitUntil(lambda: not driver.window.link.is_open)
    empty = driver.window.empty
    driver.qtbot.waitUntil(lambda: "(missing)" in empty.recent_rows[0].text())
    driver.click(empty.recent_rows[0])
    assert driver.window.settings.recent == [image]
    driver.click(driver.window.empty.recent_rows[0])
    opened(driver, image)
    driver.press("Ctrl+W")
    driver.qtbot.waitUntil(lambda: not driver.window.link.is_open)
    driver.press("Alt+1")
    opened(driver, image)


def test_closing_the_volume_shows_the_empty_state_again(at_volume):
    engine = at_volume.engine
    at_volume.take("a")
    at_volume.press("Ctrl+W")
    at_volume.qtbot.waitUntil(lambda: engine.closed == 1)
    window = at_volume.window
    assert window.pages.currentWidget() is window.empty
    assert window.tree_model.rowCount() == 0
    assert not window.status.copied.isVisible()
    assert window.windowTitle() == "Rangepair"


def test_an_image_that_cannot_be_opened_leaves_the_present_volume(at_volume):
    broken = SessionDouble("/images/missing.img")
    broken.refusal = ImageError("There is no image /images/missing.img; check the path.")
    at_volume.engines["/images/missing.img"] = broken
    at_volume.window.opener.open_path("/images/missing.img")
    at_volume.qtbot.waitUntil(lambda: bool(at_volume.banner_texts()))
    assert "check the path" in at_volume.banner_texts()[0]
    assert at_volume.window.link.path == "/images/disk.img"
    at_volume.click(at_volume.window.banners.banners[0].buttons[0])
    assert at_volume.dialog(QFileDialog) is not None


def test_a_changed_image_is_opened_once_the_user_says_so(driver):
    changed = SessionDouble("/images/changed.img")
    changed.refusal = ImageChangedError("The image was changed by another program.")
    driver.engines["/images/changed.img"] = changed
    driver.window.opener.open_path("/images/changed.img")
    driver.qtbot.waitUntil(lambda: bool(driver.banner_texts()))
    driver.click(driver.window.banners.banners[0].buttons[0])
    opened(driver, "/images/changed.img")
    assert changed.accepted
    assert driver.banner_texts() == []


def test_a_changed_image_that_is_open_read_only_says_so_and_can_be_accepted(driver):
    path = "/images/copied.img"
    engine = driver.engines[path] = SessionDouble(path)
    engine.snapshot("a")
    engine.read_only = True
    engine.notice = "It was changed by another program; open it as it is now to go on."
    driver.open(path)
    window = driver.window
    assert driver.banner_texts() == [engine.notice]
    driver.click_row("a")
    at = window.tree.view.visualRect(driver.row("a")).center()
    QTest.mouseDClick(window.tree.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert window.tree.view.findChild(QLineEdit) is None
    assert not window.actions_.rename.isEnabled()
    window.follower.refresh()
    driver.settle()
    assert driver.banner_texts() == [engine.notice]  # it stays, and once
    (button,) = window.banners.banners[0].buttons
    assert button.text() == "Open it as it is now"
    engine.read_only, engine.notice = False, ""
    with driver.qtbot.waitSignal(window.link.opened):
        driver.click(button)
    assert engine.accepted
    assert engine.closed == 1  # an engine that has not accepted the changes must end first
    assert driver.banner_texts() == []
    driver.qtbot.waitUntil(window.actions_.snapshot.isEnabled)


def test_a_dismissed_reason_stays_away_until_it_changes(driver):
    path = "/images/copied.img"
    engine = driver.engines[path] = SessionDouble(path)
    engine.read_only = True
    driver.open(path)
    assert "read-only" in driver.banner_texts()[0]
    driver.click(driver.window.banners.banners[0].close_button)
    driver.window.follower.refresh()
    driver.settle()
    assert driver.banner_texts() == []
    engine.read_only, engine.notice = False, "Writing to the image failed."
    driver.window.follower.refresh()
    driver.qtbot.waitUntil(lambda: driver.banner_texts() == [engine.notice])
    assert not driver.window.actions_.snapshot.isEnabled()


@pytest.mark.parametrize("kind", [CorruptAreaError, FormatError, VolumeBusyError, ImageError])
def test_whatever_cannot_be_opened_another_can_be(driver, kind):
    broken = SessionDouble("/images/broken.img")
    broken.refusal = kind("It cannot be opened.")
    driver.engines["/images/broken.img"] = broken
    driver.window.opener.open_path("/images/broken.img")
    driver.qtbot.waitUntil(lambda: bool(driver.banner_texts()))
    button = driver.window.banners.banners[0].buttons[-1]
    assert button.text() == "Open another…"
    driver.click(button)
    assert driver.dialog(QFileDialog) is not None


def test_a_busy_image_can_be_tried_again(driver):
    busy = SessionDouble("/images/busy.img")
    busy.refusal = VolumeBusyError("qemu-system (pid 42) holds the image; end it first.")
    driver.engines["/images/busy.img"] = busy
    driver.window.opener.open_path("/images/busy.img")
    driver.qtbot.waitUntil(lambda: bool(driver.banner_texts()))
    busy.refusal = None
    driver.click(driver.window.banners.banners[0].buttons[0])
    opened(driver, "/images/busy.img")


def test_an_engine_that_dies_is_told_and_can_be_restarted(at_volume):
    at_volume.take("a")
    window = at_volume.window
    at_volume.engine.alive = False
    at_volume.qtbot.waitUntil(lambda: bool(at_volume.banner_texts()))
    assert window.banners.banners[0].buttons[0].text() == "Restart the engine"
    assert window.tree_model.copies() != []  # what was known last stays in view
    assert not window.actions_.snapshot.isEnabled()
    with at_volume.qtbot.waitSignal(window.link.opened):
        at_volume.click(window.banners.banners[0].buttons[0])
    assert at_volume.banner_texts() == []
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["a"])
    at_volume.qtbot.waitUntil(window.actions_.snapshot.isEnabled)


def test_an_act_on_an_engine_that_died_is_told_the_same_way(at_volume):
    at_volume.engine.refuse_next = EngineGoneError("The engine process ended.")
    at_volume.press("Ctrl+T")
    at_volume.qtbot.waitUntil(lambda: bool(at_volume.banner_texts()))
    assert not at_volume.window.link.is_open


def test_a_sidecar_names_its_image():
    assert image_of("/a/disk.img.rangepair") == "/a/disk.img"
    assert image_of("/a/disk.img") == "/a/disk.img"
