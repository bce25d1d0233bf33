# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The program: its arguments, its hooks, and the whole of it over a real engine process."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer

import core
from core.engine import open_volume
from core.extent import Extent
from core.service.client import connect
from core.service.launcher import connect_or_open
from core.service.meetingplace import meeting_place
from core.units import MIB
from gui import app, guard
from gui.models.focus import AreaKind, Place
from gui.settings import Settings

ROOT = Path(core.__file__).parents[1]
pytestmark = pytest.mark.gui


@pytest.fixture
def window(qapp, qtbot, tmp_path):
    made = app.build(Settings(tmp_path / "window.ini"))
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(os.urandom(4 * MIB))
    return str(path)


def is_served(image):
    """Return whether an engine process serves the image; asking it would keep it alive."""
    return meeting_place(image).socket.exists()


@pytest.mark.parametrize(
    ("argv", "image", "scratch"),
    [([], "", False), (["a.img"], "a.img", False), (["--scratch"], "", True)],
)
def test_arguments(argv, image, scratch):
    assert app.parse(argv) == app.Options(image=image, scratch=scratch)


def test_the_application_wears_its_name_and_sign(qapp, window):
    assert app.application() is qapp
    assert qapp.applicationName() == "rangepair"
    assert not window.windowIcon().pixmap(64, 64).isNull()


def test_faults_of_any_thread_reach_the_window(qtbot, window):
    faults = app.FaultTeller()
    faults.fault.connect(window.tell_unexpected)
    faults.install()
    try:
        thread = threading.Thread(target=lambda: 1 // 0)
        thread.start()
        thread.join()
        qtbot.waitUntil(lambda: len(window.banners.banners) == 1)
        guard.guarded(lambda: int("one"))()
        qtbot.waitUntil(lambda: len(window.banners.banners) == 2)
        sys.excepthook(ValueError, ValueError("odd"), None)
        qtbot.waitUntil(lambda: len(window.banners.banners) == 3)
    finally:
        faults.uninstall()
    texts = [banner.trouble.sentence for banner in window.banners.banners]
    assert all("your volume is not affected" in text for text in texts)


def test_a_signal_closes_the_window_in_order(qapp, qtbot, window):
    with app.closing_on_signals(window):
        QTimer.singleShot(0, lambda: os.kill(os.getpid(), signal.SIGTERM))
        qtbot.waitUntil(lambda: not window.isVisible())
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_image_over_a_real_engine_from_take_to_undo(qtbot, window, image):
    before = Path(image).read_bytes()
    with qtbot.waitSignal(window.link.opened, timeout=20000):
        app.begin(window, app.Options(image=image))
    assert not window.runner.is_running  # real data: nothing writes unasked
    window.actions_.snapshot.trigger()
    qtbot.waitUntil(lambda: window.focus.copy.name == "snap-1", timeout=10000)
    window.link.act(lambda session: session.write(8192, b"x" * 8192))
    table = window.panes.table_model.table
    qtbot.waitUntil(lambda: table.pointer_count > 0, timeout=10000)
    qtbot.waitUntil(lambda: window.status.copied.value.text() == "8 KiB", timeout=10000)
    assert window.status.moved.value.text() == "0 B"
    window.actions_.undo.trigger()
    qtbot.waitUntil(lambda: all(copy.deleted for copy in window.tree_model.copies()))
    window.actions_.redo.trigger()
    qtbot.waitUntil(lambda: not any(copy.deleted for copy in window.tree_model.copies()))
    window.close()
    qtbot.waitUntil(lambda: not is_served(image), timeout=10000)
    with connect_or_open(image, open_volume) as volume:
        assert volume.read(8192, 8192, "snap-1") == before[8192:16384]
        assert volume.read(8192, 8192) == b"x" * 8192


def test_another_size_over_a_real_engine_is_followed(qtbot, window, image):
    """Areas, tables and figures are those of the new size; a copy in focus keeps its own."""
    before = Path(image).read_bytes()
    with qtbot.waitSignal(window.link.opened, timeout=20000):
        app.begin(window, app.Options(image=image))
    window.actions_.snapshot.trigger()
    qtbot.waitUntil(lambda: window.focus.copy.name == "snap-1", timeout=10000)
    initial, model = window.panes.maps.initial_card.map, window.panes.table_model
    assert initial.model.size == 4 * MIB
    window.link.act(lambda session: session.resize(6 * MIB))
    qtbot.waitUntil(lambda: initial.model.size == 6 * MIB, timeout=10000)
    window.link.act(lambda session: session.write(5 * MIB, b"x" * 8192))  # the copy has no such
    window.link.act(lambda session: session.write(8192, b"x" * 8192))
    qtbot.waitUntil(lambda: model.table.pointer_count > 0, timeout=10000)
    assert model.table.geometry.size == 4 * MIB
    assert model.table.row_of(4 * MIB - 1) == model.table.row_count - 1
    window.link.act(lambda session: session.resize(2 * MIB, shrinks=True))
    qtbot.waitUntil(lambda: initial.model.size == 2 * MIB, timeout=10000)
    qtbot.waitUntil(lambda: window.follower.info.size == 2 * MIB)
    qtbot.waitUntil(lambda: model.table.pointer_count > 16, timeout=10000)
    assert model.table.geometry.size == 4 * MIB
    last = model.table.rows(model.table.row_count - 1, 1)
    window.focus.select(Place(AreaKind.INITIAL, Extent(int(last.starts[0]), 4096)))
    window.focus.set_hover(Place(AreaKind.INITIAL, Extent(3 * MIB, 4096)))
    figures = dict(window.tree.summary.summary.rows)
    assert figures["Size"] == "4 MiB"
    for _ in range(10):
        qtbot.wait(20)
    assert window.banners.banners == []
    window.link.act(lambda session: session.resize(4 * MIB))
    qtbot.waitUntil(lambda: initial.model.size == 4 * MIB, timeout=10000)
    window.close()
    qtbot.waitUntil(lambda: not is_served(image), timeout=10000)
    with connect_or_open(image, open_volume) as volume:
        assert volume.read(0, 4 * MIB, "snap-1") == before
        assert volume.info().size == 4 * MIB


def test_scratch_runs_a_workload_and_a_killed_engine_is_restarted(qtbot, window):
    app.begin(window, app.Options(scratch=True))
    qtbot.waitUntil(lambda: window.runner.is_running, timeout=20000)
    window.actions_.snapshot.trigger()
    qtbot.waitUntil(lambda: window.status.copied.value.text() not in {"0", "0 B"}, timeout=10000)
    with connect(window.link.path) as client:
        os.kill(client.welcome.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: len(window.banners.banners) == 1, timeout=10000)
    button = window.banners.banners[0].buttons[0]
    assert button.text() == "Restart the engine"
    with qtbot.waitSignal(window.link.opened, timeout=20000):
        button.click()
    assert [copy.name for copy in window.tree_model.copies()] == ["snap-1"]


def test_a_copied_image_over_a_real_engine_is_read_only_until_it_is_accepted(
    qtbot, window, image, tmp_path
):
    with open_volume(image) as volume:
        volume.snapshot("before")
    copied = str(tmp_path / "c.img")
    shutil.copy(image, copied)
    shutil.copy(f"{image}.rangepair", f"{copied}.rangepair")
    with qtbot.waitSignal(window.link.opened, timeout=20000):
        window.opener.open_path(copied)
    (banner,) = window.banners.banners
    assert "belongs to another image" in banner.trouble.sentence
    assert not window.actions_.snapshot.isEnabled()
    with qtbot.waitSignal(window.link.opened, timeout=20000):
        banner.buttons[0].click()
    assert window.banners.banners == []
    window.actions_.snapshot.trigger()
    qtbot.waitUntil(lambda: len(window.tree_model.copies()) == 2, timeout=10000)


@pytest.mark.e2e
def test_the_program_opens_an_image_and_ends_in_order_by_a_signal(image):
    process = subprocess.Popen(
        [sys.executable, "-m", "gui.app", image], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not is_served(image) and time.monotonic() < deadline:
        select.select([], [], [], 0.02)
    assert is_served(image)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors
    while is_served(image) and time.monotonic() < deadline:
        select.select([], [], [], 0.02)
    assert not is_served(image)
