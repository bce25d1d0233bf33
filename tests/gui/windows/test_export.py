# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Making image files from the window, by its menus and dialogs; and the way to a real engine."""

from __future__ import annotations

import random
import threading

import pytest
from PySide6.QtWidgets import QFileDialog, QProgressDialog, QPushButton

from core.errors import NameTakenError, TransferError
from core.service.client import connect
from core.service.launcher import connect_or_start
from gui.bridge.images import apply_stream, export_view

pytestmark = pytest.mark.gui

PATIENCE_S = 20


class Exports:
    """Stands for the engine's part: does nothing until told."""

    def __init__(self):
        self.asked = []
        self.go_on = threading.Semaphore(0)
        self.error = None
        self.was_cancelled = False

    def __call__(self, image, copy, target, image_format, report):
        self.asked.append((image, copy, target, image_format))
        try:
            for done in range(0, 101, 25):
                report(done << 40, 100 << 40)
                assert self.go_on.acquire(timeout=PATIENCE_S)
        except AssertionError:
            raise
        except Exception:
            self.was_cancelled = True
            raise
        if self.error is not None:
            raise self.error

    def release(self):
        for _ in range(5):
            self.go_on.release()


@pytest.fixture
def exports(at_volume):
    made = Exports()
    at_volume.window.exporter._export = made
    return made


def ask(driver, target, filter_name=None, way="menu"):
    action = driver.window.actions_.export
    driver.qtbot.waitUntil(action.isEnabled)
    if way == "menu":
        driver.choose(driver.window.menus.copy, action)
    else:
        driver.press("Ctrl+Shift+E")
    dialog = driver.dialog(QFileDialog)
    if filter_name is not None:
        dialog.selectNameFilter(filter_name)
        dialog.filterSelected.emit(filter_name)
    suggested = dialog.selectedFiles()[0], dialog.defaultSuffix()
    dialog.fileSelected.emit(target)
    dialog.close()
    return suggested


@pytest.mark.parametrize("way", ["menu", "keyboard"])
def test_a_copy_is_exported_where_the_user_says(at_volume, exports, way):
    at_volume.take("monday")
    at_volume.click_row("monday")
    suggested, suffix = ask(at_volume, "/out/a.qcow2", "QEMU (*.qcow2)", way)
    assert suggested.endswith(("disk-monday", "disk-monday.qcow2"))
    assert suffix == "qcow2"
    window = at_volume.window
    at_volume.qtbot.waitUntil(lambda: bool(exports.asked))
    assert exports.asked == [("/images/disk.img", "monday", "/out/a.qcow2", "qcow2")]
    assert not window.actions_.export.isEnabled()
    exports.release()
    at_volume.qtbot.waitUntil(lambda: not window.exporter.is_busy)
    assert window.toast.text.text() == "monday exported to a.qcow2"
    assert not window.toast.undo_button.isVisible()
    assert window.actions_.export.isEnabled()


def test_the_original_is_exported_raw_unless_said_otherwise(at_volume, exports):
    ask(at_volume, "/out/a.img")
    at_volume.qtbot.waitUntil(lambda: bool(exports.asked))
    assert exports.asked[0][1:] == ("original", "/out/a.img", "raw")
    exports.release()
    at_volume.qtbot.waitUntil(lambda: not at_volume.window.exporter.is_busy)


def test_progress_is_shown_and_cancel_ends_it(at_volume, exports):
    ask(at_volume, "/out/a.img")
    window = at_volume.window
    (progress,) = window.findChildren(QProgressDialog)
    progress.show()
    at_volume.qtbot.waitUntil(lambda: bool(exports.asked))
    at_volume.qtbot.wait(60)
    exports.go_on.release()
    at_volume.qtbot.waitUntil(lambda: progress.value() == 250)
    assert progress.labelText() == "Exporting original to a.img\n25 TiB of 100 TiB"
    at_volume.click(progress.findChild(QPushButton))
    exports.go_on.release()
    at_volume.qtbot.waitUntil(lambda: not window.exporter.is_busy)
    assert exports.was_cancelled
    assert not window.toast.isVisible()
    assert at_volume.banner_texts() == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TransferError("qemu-img is not installed; install it."), "qemu-img is not installed"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_what_goes_wrong_is_told_in_a_banner(at_volume, exports, error, sentence):
    exports.error = error
    ask(at_volume, "/out/a.img")
    exports.release()
    at_volume.qtbot.waitUntil(lambda: not at_volume.window.exporter.is_busy)
    (text,) = at_volume.banner_texts()
    assert sentence in text


def test_closing_the_window_cancels_and_waits(at_volume, exports):
    ask(at_volume, "/out/a.img")
    at_volume.qtbot.waitUntil(lambda: bool(exports.asked))
    threading.Timer(0.2, exports.release).start()
    at_volume.window.close()
    assert exports.was_cancelled
    assert not at_volume.window.exporter.is_busy


@pytest.mark.parametrize("way", ["menu", "keyboard"])
def test_changes_are_applied_and_may_be_cancelled(at_volume, way):
    window, asked, go_on = at_volume.window, [], threading.Event()

    def apply(image, stream, report):
        asked.append((image, stream))
        assert go_on.wait(PATIENCE_S)
        report(1, 1)

    window.exporter._apply = apply
    if way == "menu":
        at_volume.choose(window.menus.volume, window.actions_.apply)
    else:
        at_volume.press("Ctrl+Shift+I")
    chooser = at_volume.dialog(QFileDialog)
    chooser.fileSelected.emit("/in/a.diff")
    chooser.close()
    at_volume.qtbot.waitUntil(lambda: bool(asked))
    assert asked == [("/images/disk.img", "/in/a.diff")]
    assert not window.actions_.apply.isEnabled()
    if way == "keyboard":
        window.exporter._progress.canceled.emit()
    go_on.set()
    at_volume.qtbot.waitUntil(lambda: not window.exporter.is_busy)
    told = "The original has the changes of a.diff"
    assert (window.toast.text.text() == told) == (way == "menu")
    assert window.actions_.apply.isEnabled()


@pytest.mark.slow
def test_changes_travel_from_one_real_engine_to_another(tmp_path):
    first, second, stream = tmp_path / "a.img", tmp_path / "b.img", str(tmp_path / "a.diff")
    content = random.Random(1).randbytes(1 << 20)
    for image in (first, second):
        image.write_bytes(content)
    with connect_or_start(first) as volume, connect_or_start(second) as other:
        for each in (volume, other):
            each.snapshot("monday")
        volume.write(4096, b"later" + bytes(507))
        volume.snapshot("tuesday")
        export_view(str(first), "tuesday", stream, "rbd-diff", lambda *_: None, since="monday")
        apply_stream(str(second), stream, lambda *_: None)
        assert other.read(0, 1 << 20) == volume.read(0, 1 << 20)
        assert "tuesday" in [copy.name for copy in other.info().copies]
        with pytest.raises(NameTakenError):
            apply_stream(str(second), stream, lambda *_: None)
        with pytest.raises(TransferError, match="cannot be read"):
            apply_stream(str(second), str(tmp_path / "absent"), lambda *_: None)
    for image in (first, second):
        connect(image).shutdown()


@pytest.mark.slow
def test_a_real_engine_is_exported_from(tmp_path):
    image, target = tmp_path / "disk.img", tmp_path / "out.img"
    image.write_bytes(random.Random(1).randbytes(1 << 20))
    before = image.read_bytes()
    with connect_or_start(image) as volume:
        volume.snapshot("monday")
        volume.write(0, b"later" + bytes(507))
        seen = []
        export_view(str(image), "monday", str(target), "raw", lambda *told: seen.append(told))
        assert target.read_bytes() == before
        assert seen[-1] == (1 << 20, 1 << 20)
        export_view(str(image), "original", str(target), "raw", lambda *_: None)
        assert target.read_bytes() == b"later" + bytes(507) + before[512:]
        assert [copy.name for copy in volume.info().copies] == ["monday"]
        with pytest.raises(TransferError, match="belongs to the volume"):
            export_view(str(image), "original", str(image), "raw", lambda *_: None)
    connect(image).shutdown()
