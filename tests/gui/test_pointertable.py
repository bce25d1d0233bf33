# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pointer table against a naive twin: one pointer or none for every 512-byte sector."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answers import PointerColumns, TableAnswer
from core.events import EVENT_DTYPE, EventFlag, EventKind
from gui.models import pointerstore
from gui.models.pointerstore import RowKind
from gui.models.pointertable import Geometry, PointerTable

SECTOR = 512
SECTORS = 48
SIZE = SECTORS * SECTOR
MINE = 7


def answer(pointers=(), *, copy_id=MINE, event_seq=0, size=SIZE):
    """Return a table answer; ``pointers`` are (start, length, offset, kind)."""
    columns = np.array(sorted(pointers), np.int64).reshape(-1, 4).T
    starts, lengths, offsets, kinds = columns
    checksums = np.zeros(len(starts), np.uint64)
    return TableAnswer(
        copy_id=copy_id,
        start=0,
        stop=size,
        event_seq=event_seq,
        columns=PointerColumns(starts, lengths, offsets, kinds.astype(np.uint8), checksums),
    )


def batch(*events, seq=1):
    """Return events of (kind, flags, copy_id, start, length, area_offset)."""
    made = np.zeros(len(events), EVENT_DTYPE)
    for row, event in zip(made, events, strict=True):
        for name, value in zip(
            ("kind", "flags", "copy_id", "start", "length", "area_offset"), event, strict=True
        ):
            row[name] = value
    made["seq"] = np.arange(seq, seq + len(events))
    return made


def table_of(*args, **kwargs):
    table = PointerTable()
    table.load(answer(*args, **kwargs), "monday", Geometry(SIZE, 4096))
    return table


def sectors_of(table):
    """Spread all rows out into sectors, checking that they tile the volume."""
    rows = table.rows(0, table.row_count)
    spread, at = [], 0
    for start, stop, offset, kind, _ in zip(*rows, strict=True):
        assert start == at
        assert stop > start
        at = stop
        for sector in range((stop - start) // SECTOR):
            where = None if kind in (RowKind.PAIR, RowKind.ZERO) else int(offset) + sector * SECTOR
            spread.append((int(kind), where))
    assert at == SIZE
    return spread


def twin_apply(twin, events):
    for event in events:
        first, count = int(event["start"]) // SECTOR, int(event["length"]) // SECTOR
        mine = event["copy_id"] == MINE
        for index in range(count):
            where = int(event["area_offset"]) + index * SECTOR
            zero = event["flags"] & EventFlag.ZERO or event["kind"] == EventKind.TRIMMED
            at = first + index
            if event["kind"] == EventKind.PRESERVED and twin[at][0] == RowKind.PAIR:
                twin[at] = (RowKind.ZERO, None) if zero else (RowKind.ORIGINAL, where)
            elif mine and event["kind"] in (EventKind.REDIRECTED, EventKind.TRIMMED):
                twin[at] = (RowKind.ZERO, None) if zero else (RowKind.NEW, where)


@st.composite
def event_rows(draw):
    start = draw(st.integers(0, SECTORS - 1))
    length = draw(st.integers(1, SECTORS - start))
    kind = draw(st.sampled_from([EventKind.PRESERVED, EventKind.REDIRECTED, EventKind.TRIMMED]))
    kind = draw(st.sampled_from([kind, EventKind.WRITTEN]))
    return (
        kind,
        draw(st.sampled_from([0, 0, EventFlag.ZERO])),
        draw(st.sampled_from([MINE, MINE, 3])),
        start * SECTOR,
        length * SECTOR,
        draw(st.integers(1, 10_000)) * SECTOR,
    )


@given(st.lists(st.lists(event_rows(), max_size=6), max_size=6), st.sampled_from([2, 4096]))
def test_any_events_give_the_rows_of_the_naive_twin(batches, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pointerstore, "BLOCK", block)
        table, twin, seq = table_of(), [(RowKind.PAIR, None)] * SECTORS, 1
        for rows in batches:
            events = batch(*rows, seq=seq)
            seq += len(rows)
            # Within a batch originals are looked at first; the twin is told in the same order.
            preserved = events["kind"] == EventKind.PRESERVED
            twin_apply(twin, events[preserved])
            twin_apply(twin, events[~preserved])
            table.apply(events)
            assert sectors_of(table) == twin
            count = table.row_count
            whole = table.rows(0, count)
            assert table.pointer_count + table.pair_count == count
            for row in range(count):
                piece = table.rows(row, 2)
                assert [column[0] for column in piece] == [column[row] for column in whole]
                assert table.row_of(int(whole.starts[row])) == row
                assert table.row_of(int(whole.stops[row]) - 1) == row


def test_a_write_in_the_middle_splits_the_pair():
    table = table_of()
    assert table.row_count == table.pair_count == 1
    assert table.apply(batch((EventKind.PRESERVED, 0, 9, 3 * 4096, 4096, 8192)), stamp=5.0)
    rows = table.rows(0, 9)
    assert rows.kinds.tolist() == [RowKind.PAIR, RowKind.ORIGINAL, RowKind.PAIR]
    assert rows.starts.tolist() == [0, 12288, 16384]
    assert rows.stops.tolist() == [12288, 16384, SIZE]
    assert rows.stamps.tolist() == [0.0, 5.0, 0.0]
    assert table.pairs_beside(12288, 16384) == [(0, 12288), (16384, SIZE)]
    assert table.pairs_beside(8192, 16384) is None
    assert table.pairs_beside(0, 512) is None
    assert table.pairs_beside(SIZE, SIZE + 512) is None


def test_events_the_answer_includes_are_skipped():
    table = table_of([(0, 4096, 4096, 0)], event_seq=10)
    assert not table.apply(batch((EventKind.REDIRECTED, 0, MINE, 4096, 512, 512), seq=10))
    assert table.pointer_count == 1


def test_a_redirect_of_another_copy_changes_nothing():
    table = table_of()
    assert not table.apply(batch((EventKind.REDIRECTED, 0, 3, 0, 512, 512)))
    assert table.row_count == 1


def test_the_original_has_no_table():
    table = PointerTable()
    table.load(answer(copy_id=0), "original", Geometry(SIZE, 4096))
    assert table.row_count == 0
    assert table.row_of(0) == -1
    assert not table.apply(batch((EventKind.PRESERVED, 0, 9, 0, 4096, 4096)))


def test_an_original_whose_new_data_goes_elsewhere_has_a_table():
    table = PointerTable()
    told = msgspec.structs.replace(answer(copy_id=0), is_original_elsewhere=True)
    table.load(told, "original", Geometry(SIZE, 4096))
    assert (table.row_count, table.pair_count) == (1, 1)
    assert table.apply(batch((EventKind.REDIRECTED, 0, 0, 4096, 4096, 8192)))
    assert (table.pointer_count, table.pair_count) == (1, 2)


def test_rewriting_a_clone_reuses_slots_in_the_end(monkeypatch):
    monkeypatch.setattr(pointerstore, "SLACK", 8)
    table = table_of()
    for turn in range(40):
        table.apply(batch((EventKind.REDIRECTED, 0, MINE, 0, 512, 512 * turn + 512), seq=turn + 1))
    assert table.pointer_count == 1
    assert table.rows(0, 1).offsets.tolist() == [512 * 40]
    assert table._store._used <= 10
