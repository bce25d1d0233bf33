# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The link: answers in order on the window's thread, late ones dropped, never a wait."""

from __future__ import annotations

import threading

import pytest

from core.errors import EngineGoneError, ImageError, NoSuchCopyError
from core.events import EventKind
from gui.bridge.link import EngineLink
from tests.gui.enginedouble import SessionDouble

pytestmark = pytest.mark.gui


@pytest.fixture
def open_link(link, qtbot):
    with qtbot.waitSignal(link.opened):
        link.open("/images/disk.img")
    return link


def test_opening_tells_the_catalog(link, qtbot):
    with qtbot.waitSignals([link.opening, link.opened]):
        link.open("/images/disk.img")
    assert link.is_open
    assert link.path == "/images/disk.img"


def test_an_image_that_cannot_be_opened_leaves_the_present_one(qtbot, engine):
    def opener(path, _accept):
        if path == "missing":
            raise ImageError("There is no image 'missing'; check the path.")
        return engine

    link = EngineLink(opener)
    with qtbot.waitSignal(link.opened):
        link.open("there")
    with qtbot.waitSignal(link.open_failed) as failed:
        link.open("missing")
    assert failed.args[0] == "missing"
    assert "check the path" in failed.args[1].message
    assert link.is_open
    assert link.path == "there"
    assert engine.closed == 0
    link.shutdown()
    assert engine.closed == 1


def test_only_the_last_of_two_opens_counts(qtbot):
    doubles = {"a": SessionDouble("a"), "b": SessionDouble("b")}
    link = EngineLink(lambda path, _accept: doubles[path])
    with qtbot.waitSignal(link.opened) as opened:
        link.open("a")
        link.open("b")
    assert opened.args[0].image == "b"
    link.shutdown()
    assert doubles["a"].closed == 1
    assert doubles["b"].closed == 1


def test_answers_come_on_the_windows_thread_in_order(open_link, qtbot):
    seen = []

    def note(answer):
        seen.append((answer, threading.current_thread() is threading.main_thread()))

    for number in range(20):
        open_link.act(lambda _session, number=number: number, note)
    qtbot.waitUntil(lambda: len(seen) == 20)
    assert seen == [(number, True) for number in range(20)]


def test_a_long_query_does_not_delay_an_act(open_link, qtbot):
    gate = threading.Event()
    order = []
    open_link.query(lambda _session: gate.wait(10), lambda _answer: order.append("query"))
    open_link.act(lambda session: session.info(), lambda _answer: order.append("act"))
    qtbot.waitUntil(lambda: order == ["act"])
    gate.set()
    qtbot.waitUntil(lambda: order == ["act", "query"])


def test_an_answer_to_a_volume_that_was_left_is_dropped(open_link, qapp, qtbot, engine):
    engine.gate = threading.Event()
    seen = []
    open_link.act(lambda session: session.info(), seen.append)
    with qtbot.waitSignal(open_link.closed):
        open_link.close()
    engine.gate.set()
    qtbot.waitUntil(lambda: engine.closed == 1)  # comes after the call in the same lane
    qapp.processEvents()
    assert seen == []


def test_a_refusal_goes_to_the_caller_or_else_to_failed(open_link, qtbot):
    mine = []
    open_link.act(lambda session: session.delete(["x"]), None, mine.append)
    qtbot.waitUntil(lambda: len(mine) == 1)
    assert isinstance(mine[0], NoSuchCopyError)
    with qtbot.waitSignal(open_link.failed) as failed:
        open_link.act(lambda session: session.delete(["x"]))
    assert isinstance(failed.args[0], NoSuchCopyError)


def test_an_unexpected_error_is_raised_on_the_windows_thread(open_link, qtbot):
    seen = []
    with qtbot.captureExceptions() as errors:
        open_link.act(lambda _session: 1 // 0)
        open_link.act(lambda _session: None, seen.append)
        qtbot.waitUntil(lambda: len(seen) == 1)
    assert [kind for kind, _, _ in errors] == [ZeroDivisionError]


def test_events_come_in_one_array_a_frame(open_link, qtbot, engine):
    engine.snapshot("s")
    with qtbot.waitSignal(open_link.events) as told:
        engine.write(0, bytes(4096))
    kinds = list(told.args[0]["kind"])
    assert EventKind.WRITTEN in kinds or EventKind.CATALOG_CHANGED in kinds


def test_lost_events_are_told_before_those_that_came(open_link, qtbot, engine):
    order = []
    open_link.lost.connect(order.append)
    open_link.events.connect(lambda _events: order.append("events"))
    with engine.mutex:
        engine.lost = 1284
        engine.write(0, bytes(4096))
    qtbot.waitUntil(lambda: len(order) == 2)
    assert order == [1284, "events"]


def test_an_engine_that_died_is_noticed_without_a_call(open_link, qtbot, engine):
    with qtbot.waitSignal(open_link.gone, timeout=5000) as gone:
        engine.alive = False
    assert isinstance(gone.args[0], EngineGoneError)
    assert not open_link.is_open


def test_an_engine_that_died_is_noticed_by_a_call(open_link, qtbot, engine):
    with qtbot.waitSignal(open_link.gone) as gone:
        engine.alive = False
        open_link.act(lambda session: session.info(), None, lambda _error: None)
    assert "engine" in gone.args[0].message


def test_calls_without_a_volume_do_nothing(link, engine):
    link.act(lambda session: session.info())
    link.start_workload("random", 10.0, {})
    link.stop_workload()
    link.shutdown()
    assert engine.calls == []


def test_an_idle_link_ticks_slower_and_wakes_at_the_first_event(open_link, qtbot, engine):
    qtbot.waitUntil(lambda: open_link._timer.interval() > 16, timeout=5000)
    engine.write(0, bytes(4096))
    qtbot.waitUntil(lambda: open_link._timer.interval() == 16)


def test_the_workload_is_started_changed_and_stopped(open_link, qtbot, engine):
    open_link.start_workload("random", 250.0, {"read_share": 0.5})
    qtbot.waitUntil(lambda: engine.workload == ("random", 250.0, {"read_share": 0.5}))
    open_link.stop_workload()
    qtbot.waitUntil(lambda: engine.workload is None)


def test_shutdown_while_opening_leaves_no_engine(qtbot, engine):
    gate = threading.Event()

    def opener(_path, _accept):
        gate.wait(10)
        return engine

    link = EngineLink(opener)
    link.open("slow")
    threading.Timer(0.05, gate.set).start()
    link.shutdown()
    assert engine.closed == 1
