# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The window around the acts: theme, panes, workload, banners, palette, figures, its end."""

from __future__ import annotations

import itertools
import threading

import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QSlider

from core.answers import AreaState
from core.errors import AreaFullError, UsageError
from core.extent import Extent
from core.units import MIB
from gui.models.focus import AreaKind, Badge, Place
from gui.theme import DARK, LIGHT
from gui.views.banner import BANNERS_MAX, Trouble
from gui.views.toast import SHOWN_MS
from gui.windows.dialogs import Question
from gui.windows.palette import PANE_KEYS, CommandPalette, KeySheet
from tests.gui.enginedouble import SessionDouble

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_the_theme_is_switched_and_kept(driver, way):
    window = driver.window
    before = window.source.theme
    if way == "keyboard":
        driver.press("Ctrl+Shift+D")
    else:
        driver.click(window.top_bar.theme_button)
    assert window.source.theme is (DARK if before is LIGHT else LIGHT)
    assert window.settings.theme == window.source.theme.name


def test_a_theme_by_the_menu(driver):
    dark = driver.window.menus.theme.actions()[2]
    driver.choose(driver.window.menus.theme, dark)
    assert driver.window.source.theme is DARK
    assert dark.isChecked()


@pytest.mark.parametrize("size", [QSize(960, 600), QSize(1280, 800), QSize(1920, 1080)])
def test_every_size_shows_all_buttons_whole(at_volume, size):
    window = at_volume.window
    window.resize(size)
    at_volume.qtbot.waitUntil(lambda: window.size() == size)
    bar = window.top_bar
    boxes = [part.geometry() for part in (*bar.buttons, bar.workload, bar.theme_button)]
    assert all(bar.rect().contains(box) for box in boxes)
    assert not any(a.intersects(b) for a, b in itertools.pairwise(boxes))
    assert window.panes.table.isVisible()
    assert window.tree.width() >= 190


@pytest.mark.parametrize(
    ("name", "key"), [("show_tree", "F6"), ("show_side", "F7"), ("show_drawer", "F8")]
)
def test_panes_are_hidden_and_shown_by_key(at_volume, name, key):
    window = at_volume.window
    pane = {
        "show_tree": window.tree,
        "show_side": window.arrangement.side,
        "show_drawer": window.arrangement.drawer,
    }[name]
    assert pane.isVisible()
    assert getattr(window.actions_, name).isChecked()
    at_volume.press(key)
    assert not pane.isVisible()
    at_volume.press(key)
    assert pane.isVisible()


def test_reset_layout_brings_hidden_panes_back(at_volume):
    at_volume.press("F6")
    at_volume.window.actions_.reset_layout.trigger()
    assert at_volume.window.tree.isVisible()
    assert at_volume.window.actions_.show_tree.isChecked()


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_the_workload_runs_and_pauses(at_volume, way):
    window = at_volume.window
    button = window.workload.button

    def toggle():
        if way == "keyboard":
            at_volume.press("F5")
        else:
            at_volume.click(button)

    toggle()
    at_volume.qtbot.waitUntil(lambda: window.runner.is_running)
    assert at_volume.engine.workload[0] == "ext4"
    assert button.accessibleName() == "Pause the workload"
    toggle()
    at_volume.qtbot.waitUntil(lambda: not window.runner.is_running)
    assert at_volume.engine.workload is None


def test_the_workload_is_stopped_by_its_key(at_volume):
    window = at_volume.window
    at_volume.press("F5")
    at_volume.qtbot.waitUntil(lambda: window.runner.is_running)
    at_volume.press("Shift+F5")
    at_volume.qtbot.waitUntil(lambda: not window.runner.is_running)


def test_kind_and_rate_change_a_running_workload(at_volume):
    window = at_volume.window
    at_volume.press("F5")
    at_volume.qtbot.waitUntil(lambda: window.runner.is_running)
    menu = window.workload.menu
    at_volume.choose(menu, menu.actions()[1])
    at_volume.qtbot.waitUntil(lambda: at_volume.engine.workload[0] == "random")
    QTest.keyClick(window.workload.slider, Qt.Key.Key_End)
    at_volume.qtbot.waitUntil(lambda: at_volume.engine.workload[1] == 0.0)
    assert window.workload.rate_label.text() == "flat out"
    QTest.keyClick(window.workload.slider, Qt.Key.Key_Home)
    at_volume.qtbot.waitUntil(lambda: at_volume.engine.workload[1] == 1.0)
    assert window.workload.rate_label.text() == "1/s"


def test_a_rate_picked_while_the_workload_starts_counts(at_volume):
    window = at_volume.window
    at_volume.engine.gate = threading.Event()
    at_volume.press("F5")
    window.workload.slider.setValue(window.workload.slider.maximum())
    at_volume.qtbot.waitUntil(lambda: not window.workload._settle.isActive())
    at_volume.engine.gate.set()
    at_volume.qtbot.waitUntil(lambda: at_volume.engine.workload == ("ext4", 0.0, {}))


def test_a_workload_on_real_data_needs_the_users_word(at_volume):
    window = at_volume.window
    at_volume.engine.refuse_next = None
    at_volume.engine.needs_consent = UsageError("A workload overwrites what the image holds.")
    at_volume.press("F5")
    question = at_volume.dialog(Question)
    assert question.cancel.isDefault()
    QTest.keyClick(question, Qt.Key.Key_Return)
    assert not window.runner.is_running
    at_volume.press("F5")
    at_volume.click(at_volume.dialog(Question).agree)
    at_volume.qtbot.waitUntil(lambda: window.runner.is_running)
    assert at_volume.engine.workload[2] == {"allow_overwrite": True}


def test_why_a_workload_does_not_run_stands_there_until_one_does(at_volume):
    window, engine = at_volume.window, at_volume.engine
    for sentence in ("This volume is too small.", "There is no such workload."):
        engine.needs_consent = AreaFullError(sentence)
        at_volume.press("F5")
        at_volume.qtbot.waitUntil(lambda told=sentence: at_volume.banner_texts() == [told])
    engine.needs_consent = None
    at_volume.press("F5")
    at_volume.qtbot.waitUntil(lambda: window.runner.is_running)
    assert at_volume.banner_texts() == []


def test_the_figures_follow_the_engine(at_volume):
    at_volume.take("a")
    at_volume.engine.write(0, bytes(8192))
    status = at_volume.window.status
    at_volume.qtbot.waitUntil(lambda: status.copied.value.text() == "8 KiB")
    assert status.moved.value.text() == "0 B"


def test_the_table_follows_the_events(at_volume):
    at_volume.take("a")
    table = at_volume.window.panes.table_model.table
    at_volume.qtbot.waitUntil(lambda: table.copy_name == "a")
    at_volume.engine.write(4096, bytes(4096))
    at_volume.qtbot.waitUntil(lambda: table.pointer_count == 1)
    assert table.pair_count == 2


def test_lost_events_lead_to_the_whole_state(at_volume):
    at_volume.take("a")
    table = at_volume.window.panes.table_model.table
    at_volume.qtbot.waitUntil(lambda: table.copy_name == "a")
    with at_volume.engine.mutex:
        at_volume.engine.write(0, bytes(40960))
        at_volume.engine.pending.clear()
        at_volume.engine.lost = 11
    at_volume.qtbot.waitUntil(lambda: table.pointer_count == 10)
    assert at_volume.window.status.message.text() == "11 events coalesced"


def test_the_toast_goes_by_itself_but_not_under_the_pointer(at_volume):
    toast = at_volume.window.toast
    assert SHOWN_MS == 8000
    toast._clock.setInterval(80)
    toast.tell("Done", offers_undo=False)
    assert not toast.undo_button.isVisible()
    at_volume.qtbot.waitUntil(lambda: not toast.isVisible())
    toast.tell("Done", offers_undo=True)
    QTest.mouseMove(toast, toast.rect().center())
    at_volume.qtbot.waitUntil(lambda: not toast._clock.isActive())
    assert toast.isVisible()
    at_volume.click(toast.close_button)
    assert not toast.isVisible()


def test_banners_are_bounded_and_told_once(driver):
    banners = driver.window.banners
    for number in range(5):
        banners.tell(Trouble(f"Trouble {number}.", "code"))
    banners.tell(Trouble("Trouble 4.", "code"))
    assert driver.banner_texts() == ["Trouble 2.", "Trouble 3.", "Trouble 4."]
    assert len(driver.banner_texts()) == BANNERS_MAX


def test_a_banners_details_can_be_copied(at_volume):
    banner = at_volume.window.banners.tell(Trouble("It broke.", "broken", details="trace"))
    at_volume.click(banner.copy_button)
    assert QGuiApplication.clipboard().text() == "broken: It broke.\ntrace"


def test_a_fault_of_the_window_is_told_and_the_window_lives(at_volume):
    try:
        raise RuntimeError("bad pixel")  # noqa: TRY301 - a real traceback is wanted
    except RuntimeError as error:
        at_volume.window.tell_unexpected(error)
    banner = at_volume.window.banners.banners[0]
    assert "your volume is not affected" in banner.trouble.sentence
    assert "bad pixel" in banner.trouble.report
    assert "Traceback" in banner.trouble.report


def test_the_palette_finds_and_does(at_volume):
    at_volume.press("Ctrl+Shift+P")
    palette = at_volume.dialog(CommandPalette)
    QTest.keyClicks(palette.field, "snap")
    assert palette.list.count() == 2
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    at_volume.qtbot.waitUntil(lambda: at_volume.shown() == ["snap-1"])


def test_the_palette_by_arrows_and_by_click(at_volume):
    at_volume.press("Ctrl+Shift+P")
    palette = at_volume.dialog(CommandPalette)
    QTest.keyClicks(palette.field, "theme")
    before = at_volume.window.source.theme
    item = palette.list.item(0)
    at = palette.list.visualItemRect(item).center()
    QTest.keyClick(palette.field, Qt.Key.Key_Down)
    QTest.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert at_volume.window.source.theme is not before


def test_the_sheet_of_keys_lists_every_key(driver):
    driver.press("?")
    sheet = driver.dialog(KeySheet)
    assert ("Take snapshot", "Ctrl+T") in sheet.rows
    with_key = [action for action in driver.window.actions_ if not action.shortcut().isEmpty()]
    assert len(sheet.rows) == len(with_key) + len(PANE_KEYS)
    assert set(PANE_KEYS) < set(sheet.rows)


def test_no_key_is_given_twice(driver):
    keys = [action.shortcut().toString() for action in driver.window.actions_]
    keys = [key for key in keys if key]
    assert len(keys) == len(set(keys))


def test_everything_that_can_be_pressed_has_a_name(at_volume):
    nameless = [
        widget
        for kind in (QAbstractButton, QLineEdit, QSlider)
        for widget in at_volume.window.findChildren(kind)
        if widget.isVisible() and not (widget.accessibleName() or _words(widget))
    ]
    assert nameless == []


def _words(widget):
    if isinstance(widget.parent(), QLineEdit):  # the sign of a field, not to be pressed
        return "sign"
    return widget.text() if isinstance(widget, QAbstractButton) else ""


def test_the_layout_is_kept(driver, settings, qtbot):
    driver.open()
    window = driver.window
    window.resize(1400, 900)
    sizes = window.arrangement.upper.sizes()
    window.arrangement.upper.moveSplitter(sizes[0] + 60, 1)
    window.close()
    assert settings.layout("upper") is not None
    assert settings.layout("window") is not None


def test_closing_leaves_the_engine_and_no_thread(at_volume):
    engine = at_volume.engine
    assert any(thread.name.startswith("rangepair-") for thread in threading.enumerate())
    at_volume.window.close()
    assert engine.closed == 1
    assert not any(thread.name.startswith("rangepair-") for thread in threading.enumerate())


def test_ctrl_q_closes(at_volume):
    at_volume.press("Ctrl+Q")
    assert not at_volume.window.isVisible()


def test_what_is_under_the_pointer_is_said_and_then_what_goes_on(at_volume):
    window = at_volume.window
    at_volume.engine.phase = "Appending to a log"
    at_volume.press("F5")
    message = window.status.message
    at_volume.qtbot.waitUntil(lambda: message.text() == "The workload: Appending to a log")
    view = window.tree.view
    QTest.mouseMove(view.viewport(), view.visualRect(at_volume.row("original")).center())
    at_volume.qtbot.waitUntil(lambda: message.text() == "The live volume, 4 MiB")
    view.left.emit()
    assert message.text() == "The workload: Appending to a log"


def test_the_keyboard_begins_where_it_is_of_use(driver):
    assert driver.window.focusWidget() is driver.window.empty
    driver.open()
    assert driver.window.focusWidget() is driver.window.tree.view


def test_ctrl_f_searches_and_escape_clears_the_selection(at_volume):
    window = at_volume.window
    at_volume.press("Ctrl+F")
    assert window.focusWidget() is window.panes.table.search
    assert not window.actions_.deselect.isEnabled()
    window.focus.set_badges([Badge(1, 0, 4096, 65536)])
    window.focus.select(Place(AreaKind.INITIAL, Extent(0, 4096)))
    at_volume.press("Esc")
    assert window.focus.selection is None
    assert window.focus.badges == ()


def test_the_maps_follow_the_engine(at_volume):
    maps = at_volume.window.panes.maps
    initial, additional = maps._models
    at_volume.take("a")
    at_volume.qtbot.waitUntil(lambda: initial.state_at(8192) is AreaState.SHARED)
    at_volume.engine.write(8192, bytes(4096))
    at_volume.qtbot.waitUntil(lambda: initial.state_at(8192) is AreaState.PRESERVED)
    offset = at_volume.engine.tables[1][2][0]
    assert additional.state_at(offset) is AreaState.PRESERVED
    assert initial.state_at(12288) is AreaState.SHARED


@pytest.mark.parametrize("way", ["keyboard", "menu"])
def test_the_map_is_zoomed_fitted_and_laid_out_by_act(at_volume, way):
    window = at_volume.window
    port = window.panes.maps.active_map.port

    def do(name, key):
        if way == "keyboard":
            at_volume.press(key)
        else:
            at_volume.choose(window.menus.view, getattr(window.actions_, name))

    at_volume.qtbot.waitUntil(lambda: port.total_cells > 0)
    whole = port.cell_bytes, port.px
    do("zoom_in", "Ctrl++")
    assert (port.cell_bytes, port.px) != whole
    do("fit", "Ctrl+0")
    assert (port.cell_bytes, port.px) == whole
    do("hilbert", "Ctrl+H")
    assert port.is_hilbert
    window.focus.select(Place(AreaKind.INITIAL, Extent(1 << 20, 4096)))
    do("zoom_to", "Ctrl+E")
    assert port.start <= 1 << 20 < port.stop


def test_the_status_bar_says_what_the_map_says(at_volume):
    maps = at_volume.window.panes.maps
    view = maps.initial_card.map
    at_volume.take("a")
    at = view.grid_box().topLeft().toPoint() + QPoint(4, 4)
    QTest.mouseMove(view, at)
    message = at_volume.window.status.message
    at_volume.qtbot.waitUntil(lambda: "0000" in message.text())


def test_what_is_under_a_still_mouse_is_told_anew_when_the_view_changes(at_volume):
    window = at_volume.window
    view, message = window.panes.maps.initial_card.map, window.status.message
    at_volume.take("a")
    at_volume.qtbot.waitUntil(lambda: view.port.total_cells > 0)
    QTest.mouseMove(view, view.cell_rect(5).center().toPoint())
    at_volume.qtbot.waitUntil(lambda: message.text() == view.line_about(5))
    whole, hovered = message.text(), window.focus.hover
    view.setFocus()
    for keys in ("Ctrl++", "Ctrl++", "Ctrl++", "Ctrl++"):
        at_volume.press(keys)
    assert message.text() != whole
    assert window.focus.hover != hovered
    at_volume.press("Ctrl+0")
    assert message.text() == whole
    assert window.focus.hover == hovered
    window.focus.select(hovered)
    engine = at_volume.engines["/images/other.img"] = SessionDouble("/images/other.img")
    engine.snapshot("b")
    engine.write(0, bytes(4 * MIB))
    at_volume.open("/images/other.img")
    at_volume.qtbot.waitUntil(lambda: message.text() == view.line_about(5))
    assert message.text() != whole
    assert window.focus.selection is None
    at_volume.press("Ctrl+W")
    at_volume.qtbot.waitUntil(lambda: window.focus.hover is None)
    assert message.text() == ""
    assert window.panes.maps.legend._read_out == ""
