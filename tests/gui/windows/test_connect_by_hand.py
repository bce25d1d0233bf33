# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Other programs are let in by a click or a key, are counted, and are not left behind unasked."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from core.errors import AttachError, VolumeBusyError
from core.nbd.recipes import export_uri
from core.serving import ServedClient, Serving
from gui.bridge.sharing import AttachWish, ServingWish
from gui.views.serveoptions import LOCAL, SECURE, SOCKET
from gui.windows.connectdialog import ATTACHING, ConnectDialog
from gui.windows.dialogs import LeaveQuestion

pytestmark = pytest.mark.gui

URI = "nbd+unix:///?socket=/run/disk.nbd"


@pytest.fixture
def sheet(at_volume):
    """The sheet, open, over a volume with a snapshot 'a'."""
    at_volume.take("a")
    at_volume.press("Ctrl+Shift+K")
    return at_volume.dialog(ConnectDialog)


def serve(driver, sheet):
    driver.click(sheet.serving.start)
    driver.qtbot.waitUntil(sheet.serving.details.isVisible)


def connect_clients(driver, *clients):
    """Let block clients appear, as the engine would tell of them."""
    driver.engine.servings[:] = [
        Serving(uri=URI, read_only=False, tls=False, stays=False, clients=list(clients))
    ]
    driver.window.connector.connections.look()


@pytest.mark.parametrize("way", ["button", "menu", "keyboard"])
def test_the_sheet_opens_and_means_what_is_chosen(at_volume, way):
    at_volume.take("a")
    at_volume.click_row("a")
    action = at_volume.window.actions_.connect_
    if way == "button":
        (button,) = [b for b in at_volume.window.top_bar.buttons if b.action is action]
        at_volume.click(button)
    elif way == "menu":
        at_volume.choose(at_volume.window.menus.file, action)
    else:
        at_volume.press("Ctrl+Shift+K")
    sheet = at_volume.dialog(ConnectDialog)
    assert sheet.view.currentText() == "a"
    assert not sheet.serving.details.isVisible()


def test_serving_is_begun_told_and_ended(at_volume, sheet):
    serve(at_volume, sheet)
    (row,) = sheet.serving.rows
    assert row.address.toPlainText() == URI
    assert row.clients.text() == "Nobody is connected."
    assert at_volume.window.status.clients.isVisible()
    at_volume.click(row.copy_address)
    assert QGuiApplication.clipboard().text() == URI
    assert not sheet.serving.stop_all.isVisible()
    at_volume.click(row.stop)
    at_volume.qtbot.waitUntil(lambda: not sheet.serving.details.isVisible())
    assert at_volume.engine.servings == []
    assert not at_volume.window.status.clients.isVisible()


def test_one_address_is_stopped_and_the_others_go_on(at_volume, sheet):
    serve(at_volume, sheet)
    card = sheet.serving
    at_volume.click(card.options.ways.button(LOCAL))
    card.options.port.setText("10810")
    at_volume.click(card.options.read_only)
    at_volume.click(card.start)
    at_volume.qtbot.waitUntil(lambda: len(card.rows) == 2)
    assert at_volume.engine.wishes[-1] == ServingWish("127.0.0.1", 10810, read_only=True)
    assert card.rows[1].clients.text() == "Read-only. Nobody is connected."
    at_volume.click(card.rows[0].stop)
    at_volume.qtbot.waitUntil(lambda: len(card.rows) == 1)
    assert [each.uri for each in at_volume.engine.servings] == ["nbd://127.0.0.1:10810/"]
    serve_again = card.options.ways.button(SOCKET)
    at_volume.click(serve_again)
    at_volume.click(card.start)
    at_volume.qtbot.waitUntil(lambda: len(card.rows) == 2)
    at_volume.click(card.stop_all)
    at_volume.qtbot.waitUntil(lambda: card.rows == [])
    assert at_volume.engine.servings == []


def test_other_computers_are_let_in_only_with_certificates(at_volume, sheet, tmp_path):
    card = sheet.serving
    at_volume.click(card.options.ways.button(SECURE))
    assert not card.start.isEnabled()
    assert "only with certificates" in card.state.text()
    at_volume.click(card.options.browse)
    chooser = at_volume.dialog(QFileDialog)
    chooser.fileSelected.emit(str(tmp_path))
    chooser.close()
    assert card.options.folder.text() == str(tmp_path)
    card.options.port.setText("99999")
    assert not card.start.isEnabled()
    card.options.port.setText("0")
    at_volume.click(card.start)
    at_volume.qtbot.waitUntil(lambda: len(card.rows) == 1)
    assert at_volume.engine.wishes[-1] == ServingWish("0.0.0.0", 0, str(tmp_path))
    assert card.rows[0].clients.text() == "TLS. Nobody is connected."


def test_a_partition_is_attached_read_only(at_volume, sheet):
    at_volume.click(sheet.tabs.buttons[ATTACHING])
    card = sheet.attaching
    sheet.choose("original")
    assert not card.partition.isEnabled()
    QTest.keyClicks(card.folder, "/mnt/new")
    QTest.keyClicks(card.partition, "2x")
    at_volume.click(card.read_only)
    at_volume.click(card.attach)
    at_volume.qtbot.waitUntil(lambda: len(card.rows) == 1)
    assert at_volume.engine.wishes[-1] == AttachWish("original", "/mnt/new", 2, read_only=True)
    assert "read-only" in card.rows[0].places.text()


def test_what_programs_are_told_is_about_the_view_that_is_meant(at_volume, sheet):
    serve(at_volume, sheet)
    sheet.view.setCurrentIndex(sheet.view.findText("a"))
    for button in sheet.serving.programs.buttons():
        at_volume.click(button)
        told = sheet.serving.recipe.toPlainText()
        is_xml = button.text() == "libvirt"
        assert ('name="a"' if is_xml else export_uri(URI, "a")) in told
        at_volume.click(sheet.serving.copy_recipe)
        assert QGuiApplication.clipboard().text() == told
    sheet.view.setCurrentIndex(sheet.view.findText("original"))
    at_volume.click(sheet.serving.programs.button(0))
    assert "readonly" not in sheet.serving.recipe.toPlainText()


def test_clients_are_named_and_counted(at_volume, sheet):
    serve(at_volume, sheet)
    clients = [ServedClient(f"qemu {n}", "a" if n else "") for n in range(6)]
    connect_clients(at_volume, *clients, ServedClient("nbdinfo", None))
    told = sheet.serving.rows[0].clients
    at_volume.qtbot.waitUntil(lambda: told.text().startswith("7 clients"))
    assert "qemu 0: original, qemu 1: a" in told.text()
    assert told.text().endswith("and 3 more")
    assert at_volume.window.status.clients.value.text() == "7"


def test_copies_come_and_go_in_the_list(at_volume, sheet):
    at_volume.take("b")
    names = lambda: [sheet.view.itemText(n) for n in range(sheet.view.count())]  # noqa: E731
    at_volume.qtbot.waitUntil(lambda: names() == ["original", "a", "b"])
    sheet.view.setCurrentIndex(1)
    at_volume.window.acts.delete([at_volume.engine.order[1]])
    at_volume.qtbot.waitUntil(lambda: names() == ["original", "a"])
    assert sheet.view.currentText() == "a"


def test_a_refusal_is_told_and_can_be_tried_again(at_volume, sheet):
    at_volume.settle()
    connections = at_volume.window.connector.connections
    connections._timer.stop()  # else it may be the look that is refused
    at_volume.qtbot.waitUntil(lambda: not connections._is_asking)
    at_volume.engine.refuse_next = VolumeBusyError("A server answers there; choose another path.")
    at_volume.click(sheet.serving.start)
    at_volume.qtbot.waitUntil(sheet.problem.isVisible)
    assert sheet.problem.text().startswith("A server answers there")
    assert at_volume.banner_texts() == []
    assert sheet.serving.start.isEnabled()
    serve(at_volume, sheet)
    assert not sheet.problem.isVisible()


@pytest.mark.parametrize("choice", ["keep", "stop", "cancel"])
def test_closing_asks_what_becomes_of_those_who_are_connected(at_volume, sheet, choice):
    window, engine = at_volume.window, at_volume.engine
    serve(at_volume, sheet)
    connect_clients(at_volume, ServedClient("qemu", ""))
    at_volume.qtbot.waitUntil(lambda: window.status.clients.value.text() == "1")
    window.close()
    question = at_volume.dialog(LeaveQuestion)
    assert "Now: 1 program connected." in question.body.text()
    assert window.isVisible()
    at_volume.click(
        {"keep": question.go_on, "stop": question.stop, "cancel": question.stay}[choice]
    )
    if choice == "cancel":
        at_volume.settle()
        assert window.isVisible()
        assert window.link.is_open
        engine.servings.clear()  # nothing keeps the window from closing at the end
        return
    at_volume.qtbot.waitUntil(lambda: not window.isVisible())
    assert engine.is_kept == (choice == "keep")
    assert bool(engine.servings) == (choice == "keep")


def test_a_signal_asks_nothing_and_takes_no_disk_away(at_volume, sheet):
    window, engine = at_volume.window, at_volume.engine
    serve(at_volume, sheet)
    window.connector.let_go(window.close)
    at_volume.qtbot.waitUntil(lambda: not window.isVisible())
    assert engine.is_kept
    assert engine.servings
    assert not window.findChildren(LeaveQuestion)


def test_a_view_is_attached_and_taken_away_again(at_volume, sheet):
    window, card = at_volume.window, sheet.attaching
    at_volume.click(sheet.tabs.buttons[ATTACHING])
    sheet.choose("a")
    card.folder.setText("/mnt")
    at_volume.click(card.attach)
    at_volume.qtbot.waitUntil(lambda: len(card.rows) == 1)
    (row,) = card.rows
    assert row.name.text() == "a"
    assert row.places.text().splitlines() == [
        "ext4 mounted at /mnt, read-only", "/dev/loop7", "/run/a",
    ]  # fmt: skip
    assert row.notices.text() == "A notice."
    assert not card.attach.isEnabled()
    assert window.status.clients.value.text() == "1"
    sheet.choose("original")
    card.folder.clear()
    at_volume.click(card.attach)
    at_volume.qtbot.waitUntil(lambda: len(card.rows) == 2)
    assert card.rows[1].places.text().splitlines() == ["/dev/loop7", "/run/original"]
    at_volume.click(card.rows[0].detach)
    at_volume.qtbot.waitUntil(lambda: [row.name.text() for row in card.rows] == ["original"])
    assert window.connector.connections.is_shared
    at_volume.click(card.rows[0].detach)
    at_volume.qtbot.waitUntil(lambda: not window.connector.connections.is_shared)


def test_what_is_in_use_keeps_the_window_where_it_is(at_volume, sheet):
    window, engine = at_volume.window, at_volume.engine
    at_volume.click(sheet.tabs.buttons[ATTACHING])
    at_volume.click(sheet.attaching.attach)
    at_volume.qtbot.waitUntil(lambda: window.connector.connections.is_shared)

    def refuse(copy):
        raise AttachError("'original' is in use at /mnt; close what is open there.")

    engine.detach = refuse
    window.close()
    question = at_volume.dialog(LeaveQuestion)
    assert "Now: 1 view attached." in question.body.text()
    at_volume.click(question.stop)
    at_volume.qtbot.waitUntil(sheet.problem.isVisible)
    assert sheet.problem.text().startswith("'original' is in use")
    assert window.isVisible()
    sheet.close()
    sheet.attaching.detach_asked.emit("original")
    at_volume.qtbot.waitUntil(lambda: at_volume.banner_texts() != [])
