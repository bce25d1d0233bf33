# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The cards beside the maps: ribbons, timeline, plots, narration. Real clicks and keys."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from core.answers import CopyInfo
from core.events import EVENT_DTYPE, EventKind
from core.extent import Extent
from gui.models.address import AddressFormat
from gui.models.focus import AreaKind, Badge, Focus, Place
from gui.models.history import BUCKET_NS, History
from gui.models.narration import LAST_STEP, Narrator
from gui.models.pointerstore import RowKind
from gui.models.pointertable import Geometry
from gui.models.story import Teller
from gui.models.tablemodel import PointerTableModel
from gui.views.narration import NarrationCard
from gui.views.plots import PLOTS, PlotsCard, format_rate, scale_top
from gui.views.ribbons import BAR, GAP_MIN, HEAD, RibbonsCard, short_size
from gui.views.timeline import TimelineCard
from tests.gui.tables import SIZE, Clock, G, answer

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def focus(qapp):
    return Focus()


def shown(qtbot, card, size):
    qtbot.addWidget(card)
    card.resize(*size)
    card.show()
    qtbot.waitExposed(card)
    return card


def colours(card):
    image = card.grab().toImage()
    return {
        image.pixelColor(x, y).name().upper()
        for x in range(0, image.width(), 3)
        for y in range(40, image.height(), 3)
    }


# Ribbons


@pytest.fixture
def ribbons(qtbot, source, focus):
    model = PointerTableModel(Clock())
    model.load(answer(range(1, 400, 2)), "monday", Geometry(SIZE, G))
    yield shown(qtbot, RibbonsCard(model, focus, source), (368, 172))
    model.shutdown()


def test_ribbons_show_rows_of_the_table_about_the_selection(ribbons, focus):
    focus.select(Place(AreaKind.INITIAL, Extent(101 * G, G)))
    entries = ribbons.entries()
    rows = ribbons.model.table.rows(ribbons.model.table.row_of(entries[0].start), len(entries))
    for number, column in enumerate((rows.starts, rows.stops, rows.offsets, rows.kinds)):
        assert [entry[number] for entry in entries] == column.tolist()
    assert any(entry.start == 101 * G for entry in entries)
    assert all(a.right == b.left for a, b in itertools.pairwise(entries))


def test_targets_lie_in_the_order_of_the_additional_area_and_never_overlap(ribbons, focus):
    targets = [entry for entry in ribbons.entries() if entry.kind != RowKind.PAIR]
    targets.sort(key=lambda entry: entry.offset)
    for a, b in itertools.pairwise(targets):
        assert a.area_right <= b.area_left + 1e-6
    assert targets[0].area_left >= 36
    assert targets[-1].area_right <= ribbons.width() - 16 + 1e-6


def test_a_click_on_a_ribbon_selects_its_entry(ribbons, focus, qtbot):
    entry = ribbons.entries()[3]
    at = QPoint(round((entry.left + entry.right) / 2), 95)
    qtbot.mouseClick(ribbons, LEFT, pos=at)
    assert focus.selection.extent == Extent(entry.start, entry.stop - entry.start)
    focus.select(None)
    qtbot.mouseClick(ribbons, LEFT, pos=QPoint(5, 20))
    assert focus.selection is None


def test_ribbons_are_painted_in_the_colours_of_their_kinds(ribbons, focus, either_source):
    ribbons.source.set(either_source.theme)
    focus.set_badges([Badge(0, G, G, G)])
    theme = either_source.theme
    assert {theme.shared, theme.preserved, theme.ink} <= colours(ribbons)


@pytest.mark.parametrize("height", range(90, 240, 5))
def test_the_bars_of_a_low_card_never_touch(ribbons, height):
    ribbons.resize(356, height)
    top, middle, bottom = ribbons._tops()
    if ribbons._has_bars:
        assert bottom - middle >= BAR + GAP_MIN
    if ribbons._has_initial:
        assert middle - top >= BAR + GAP_MIN
        assert top >= HEAD
    assert bottom + BAR <= height
    ribbons.grab()


def test_a_card_of_the_usual_height_leaves_nothing_out(ribbons):
    ribbons.resize(356, 172)
    assert ribbons._has_captions


def test_ribbons_of_an_empty_table_say_so(ribbons, focus):
    ribbons.model.clear()
    assert ribbons.entries() == []
    assert ribbons.source.theme.shared not in colours(ribbons)


def test_sizes_are_short():
    assert [short_size(n) for n in (512, 4096, 3 << 29)] == ["512B", "4K", "1.5G"]


# Timeline


def copy(number, name, parent="original", kind="snapshot"):
    return CopyInfo(
        name=name, id=number, kind=kind, parent=parent, created=1000.0 + number * 100, locked=False,
        own_bytes=0, shared_bytes=0, pointers=0, range_pairs=1,
    )  # fmt: skip


@pytest.fixture
def timeline(qtbot, source, focus):
    clock = Clock()
    clock.now = 1900.0
    card = TimelineCard(focus, source, clock)
    card.open("disk.img")
    card.set_copies([copy(1, "monday"), copy(2, "tuesday"), copy(3, "branch", "monday", "clone")])
    clock.now = 2000.0
    shown(qtbot, card, (534, 228))
    card.tick()
    return card


def test_a_click_on_a_lane_puts_its_copy_in_focus(timeline, focus, qtbot):
    for name in ("branch", "tuesday", "original"):
        y = next(y for y in range(70, 200) if timeline.copy_at(y) == name)
        qtbot.mouseClick(timeline, LEFT, pos=QPoint(300, y + 4))
        assert focus.copy.name == name
    qtbot.mouseClick(timeline, LEFT, pos=QPoint(300, 20))
    assert focus.copy.name == "original"


def test_the_times_leave_room_for_the_number_of_hidden_copies(timeline, monkeypatch):
    told = {}

    def note(_painter, box, words, *_rest, **_options):
        told[words] = box

    monkeypatch.setattr("gui.views.timeline.draw_text", note)
    timeline.set_copies([copy(number, f"copy {number}") for number in range(1, 50)])
    seen = 0
    for second in range(2000, 4000, 20):
        timeline._clock.now = float(second)
        timeline.tick()
        told.clear()
        timeline.grab()
        (number,) = (words for words in told if words.endswith(" more"))
        times = [words for words in told if ":" in words]
        seen += len(times)
        assert not any(told[words].intersects(told[number]) for words in times)
    assert seen


def test_long_names_keep_the_ends_they_differ_in(timeline, monkeypatch):
    told = []
    monkeypatch.setattr(
        "gui.views.drawing.draw_text", lambda _painter, _box, words, *_rest, **_: told.append(words)
    )
    timeline.set_copies([copy(1, "before-restore-1"), copy(2, "before-restore-2")])
    timeline.grab()
    cut = [words for words in told if "\N{HORIZONTAL ELLIPSIS}" in words]
    assert {words[-2:] for words in cut} == {"-1", "-2"}


def test_lanes_bars_and_now_are_painted(timeline, focus, either_source):
    timeline.source.set(either_source.theme)
    events = np.zeros(50, EVENT_DTYPE)
    events["kind"], events["length"] = EventKind.WRITTEN, 4096
    events["time_ns"] = np.linspace(1910, 1990, 50) * 1e9
    without = colours(timeline)
    timeline.feed(events)
    theme = either_source.theme
    assert {theme.preserved, theme.good, theme.heat, theme.written} <= colours(timeline)
    assert colours(timeline) - without


def test_the_wheel_zooms_towards_now_and_back(timeline):
    def turn(notches):
        event = QWheelEvent(
            QPointF(200, 100), QPointF(200, 100), QPoint(), QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(timeline, event)

    whole = timeline._axis()
    turn(8)
    near = timeline._axis()
    assert near.start_s > whole.start_s + 500
    assert near.stop_s > 2000
    assert not timeline.grab().isNull()
    turn(-20)
    assert timeline._axis().start_s == pytest.approx(whole.start_s)


def test_more_copies_than_lanes_are_counted(timeline):
    timeline.set_copies([copy(i, f"n{i}") for i in range(1, 50)])
    lanes, hidden = timeline._lanes()
    assert len(lanes) + hidden == 49
    assert len(lanes) >= 4
    assert not timeline.grab().isNull()


# Plots


def written(count, quarter, kind=EventKind.WRITTEN):
    events = np.zeros(count, EVENT_DTYPE)
    events["seq"], events["kind"], events["length"] = 1, kind, 4096
    events["time_ns"] = (1000 + quarter) * BUCKET_NS
    return events


def test_figures_and_curves_come_from_the_history(qtbot, source):
    history = History()
    card = shown(qtbot, PlotsCard(history, source), (598, 228))
    for quarter in range(8):
        history.feed(written(25, quarter))
        history.feed(written(5, quarter, EventKind.PRESERVED))
    history.advance(1008 * BUCKET_NS)
    card.tick()
    assert card._figures == ["100 /s", "20 /s", "0.20", "160 KiB"]
    assert card._curves[0].yData[-8:].tolist() == [100.0] * 8
    assert "Writes 100 /s" in card.accessibleDescription()


def test_all_four_curves_are_painted_in_both_themes(qtbot, either_source):
    history = History()
    for quarter in range(200):
        history.feed(written(quarter % 9 * 10 + 5, quarter))
        history.feed(written(quarter % 5 + 1, quarter, EventKind.PRESERVED))
    card = shown(qtbot, PlotsCard(history, either_source), (598, 228))
    card.tick()
    image = card.grab().toImage()
    for at, plot in enumerate(PLOTS):
        cell = card._cell(at)
        wanted = either_source.theme.color(plot.color)
        assert any(
            abs(image.pixelColor(x, y).rgb() - wanted.rgb()) < 0x303030
            for x in range(int(cell.left()), int(cell.right()))
            for y in range(int(cell.top()) + 24, int(cell.bottom()) - 9)
        )


def test_the_fill_of_a_flat_curve_has_one_shade(qtbot, source):
    history = History()
    history.set_area_used(1 << 20, 0)
    for quarter in range(240):
        history.feed(written(1, quarter))
    history.advance(1240 * BUCKET_NS)
    card = shown(qtbot, PlotsCard(history, source), (598, 228))
    card.tick()
    image, cell = card.grab().toImage(), card._cell(3)
    y = int(cell.bottom()) - 14
    shades = {
        image.pixelColor(x, y).name() for x in range(int(cell.left()) + 8, int(cell.right()) - 8)
    }
    assert len(shades) == 1


def test_a_hidden_card_costs_nothing(qtbot, source):
    card = PlotsCard(History(), source)
    qtbot.addWidget(card)
    card.tick()
    assert card._widgets == []


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0 /s"), (0.5, "0.5 /s"), (48_210, "48.2 k/s"), (2.5e6, "2.5 M/s")]
)
def test_rates_are_written_in_three_figures(value, words):
    assert format_rate(value) == words


def test_a_scale_holds_still_until_it_must_change():
    top = scale_top(100, 0)
    assert scale_top(top * 0.8, top) == top
    assert scale_top(top * 1.2, top) > top
    assert scale_top(top * 0.2, top) < top
    assert scale_top(0, top) == 1.0


# Narration


@pytest.fixture
def narration(qtbot, source, focus):
    events = np.zeros(6, EVENT_DTYPE)
    events["seq"] = np.arange(1, 7)
    events["kind"] = [EventKind.PRESERVED, EventKind.WRITTEN] * 3
    events["copy_id"] = [1, 0] * 3
    events["start"], events["length"] = np.repeat([3, 4, 5], 2) * G, G
    events["area_offset"] = np.repeat([7, 8, 9], 2) * G
    narrator = Narrator()
    teller = Teller(AddressFormat.of(SIZE, G), {1: "monday"}.__getitem__)
    card = shown(qtbot, NarrationCard(narrator, teller, focus, source), (368, 228))
    assert "Nothing" in card.accessibleDescription()
    narrator.feed(events)
    qtbot.waitUntil(lambda: narrator.write is not None)
    return card


def test_live_the_steps_light_up_one_after_the_other(narration, qtbot):
    qtbot.waitUntil(lambda: narration.narrator.lit == LAST_STEP, timeout=5000)
    assert narration.accessibleDescription() == "The new data is written in place."


def test_the_buttons_pause_and_walk_through_the_last_writes(narration, focus, qtbot):
    qtbot.mouseClick(narration.hold, LEFT)
    assert narration.narrator.is_paused
    assert narration.hold.accessibleName() == "Go on"
    qtbot.mouseClick(narration.back, LEFT)
    assert narration.narrator.write.start == 4 * G
    assert focus.selection == Place(AreaKind.INITIAL, Extent(4 * G, G))
    qtbot.mouseClick(narration.forth, LEFT)
    assert narration.narrator.write.start == 5 * G
    qtbot.mouseClick(narration.hold, LEFT)
    assert not narration.narrator.is_paused


def test_keys_and_clicks_light_single_steps(narration, qtbot):
    qtbot.keyClick(narration, Qt.Key.Key_Space)
    narration.narrator.light(2)
    qtbot.keyClick(narration, Qt.Key.Key_Right)
    assert narration.narrator.lit == 3
    qtbot.keyClick(narration, Qt.Key.Key_Left)
    assert "are copied to the additional area" in narration.accessibleDescription()
    qtbot.mouseClick(narration, LEFT, pos=narration._boxes[0].center().toPoint())
    assert narration.narrator.lit == 0


def test_the_lit_step_is_painted_lit(narration, either_source):
    narration.source.set(either_source.theme)
    narration.narrator.light(1)
    narration._show_story()
    image = narration.grab().toImage()
    for at, name in ((0, "card"), (1, "soft"), (2, "card")):
        corner = narration._boxes[at].topRight() + QPointF(-8, 6)
        colour = image.pixelColor(corner.toPoint()).name().upper()
        assert colour == getattr(either_source.theme, name)


def test_a_hidden_card_does_not_tick(narration):
    narration.hide()
    assert not narration._timer.isActive()
