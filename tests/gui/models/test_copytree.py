# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The tree of copies: merged, never reset; every change announced to Qt as it happens."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from core.answers import CopyInfo, VolumeInfo
from gui.models.copytree import DELETED_KEY, VOLUME_KEY, CopyTreeModel, CopyTreeRole, NodeKind

pytestmark = pytest.mark.gui


def copy(copy_id, name, parent="original", **marks):
    fields = {
        "kind": "snapshot", "created": 0.0, "locked": False, "own_bytes": 4096,
        "shared_bytes": 0, "pointers": 1, "range_pairs": 2, **marks,
    }  # fmt: skip
    return CopyInfo(id=copy_id, name=name, parent=parent, **fields)


def volume(*copies, image="/disk.img"):
    return VolumeInfo(
        image=image, size=64 << 20, grain=4096, thin=False, area="", uuid="u", read_only=False,
        generation=1, event_seq=0, copies=list(copies),
    )  # fmt: skip


@pytest.fixture
def model(qapp, qtmodeltester):
    made = CopyTreeModel()
    # Alive for the whole test: it hears every insertion and removal, and warns, which fails.
    made.tester = QAbstractItemModelTester(
        made, QAbstractItemModelTester.FailureReportingMode.Warning
    )
    return made


def outline(model, parent=None):
    """Return the tree as nested lists of text."""
    parent = parent or QModelIndex()
    rows = []
    for row in range(model.rowCount(parent)):
        index = model.index(row, 0, parent)
        below = outline(model, index)
        rows.append((index.data(), below) if below else index.data())
    return rows


def test_an_original_whose_new_data_is_elsewhere_says_so(model):
    told = volume(copy(1, "a"))
    model.load(told)
    original = copy(0, "original", parent="original", kind="original")
    model.load(msgspec.structs.replace(told, mechanism="always-additional", original=original))
    assert outline(model) == [("original (redirected)", ["a"])]
    model.load(told)
    assert outline(model) == [("original", ["a"])]


def test_copies_stand_under_what_they_were_taken_of(model, qtmodeltester):
    model.load(volume(copy(1, "a"), copy(2, "b"), copy(3, "c", parent="b", kind="clone")))
    assert outline(model) == [("original", ["a", ("b", ["c"])])]
    assert model.index_of(3).data(CopyTreeRole.KIND) is NodeKind.CLONE
    assert model.index_of(VOLUME_KEY).data(CopyTreeRole.SIZE_TEXT) == "64 MiB"
    qtmodeltester.check(model, force_py=True)


def test_deleted_copies_go_to_a_group_at_the_bottom_and_come_back(model):
    model.load(volume(copy(1, "a"), copy(2, "b", parent="a")))
    model.load(volume(copy(1, "a", deleted=True), copy(2, "b", parent="a")))
    assert outline(model) == [("original", ["b"]), ("Deleted (1)", ["a"])]
    model.load(volume(copy(1, "a"), copy(2, "b", parent="a")))
    assert outline(model) == [("original", [("a", ["b"])])]


def test_a_rename_keeps_the_row(model):
    model.load(volume(copy(1, "a"), copy(2, "b")))
    held = QPersistentModelIndex(model.index_of(2))
    model.load(volume(copy(1, "a"), copy(2, "renamed")))
    assert held.isValid()
    assert held.data() == "renamed"


def test_an_edit_asks_and_changes_nothing_itself(model, qtbot):
    model.load(volume(copy(7, "a")))
    with qtbot.waitSignal(model.rename_asked) as asked:
        assert model.setData(model.index_of(7), "  new name ")
    assert asked.args == [7, "new name"]
    assert model.index_of(7).data() == "a"


def test_an_edit_to_the_same_name_is_no_rename(model, qtbot):
    model.load(volume(copy(7, "a")))
    with qtbot.assertNotEmitted(model.rename_asked):
        assert not model.setData(model.index_of(7), "a")


@pytest.mark.parametrize("name", ["", "   "])
def test_an_edit_to_nothing_is_asked_too_for_the_engine_says_why_not(model, qtbot, name):
    model.load(volume(copy(7, "a")))
    with qtbot.waitSignal(model.rename_asked) as asked:
        assert model.setData(model.index_of(7), name)
    assert asked.args == [7, ""]


def test_the_live_volume_and_deleted_copies_cannot_be_renamed(model):
    model.load(volume(copy(1, "a", deleted=True), copy(2, "b")))
    editable = Qt.ItemFlag.ItemIsEditable
    assert not model.flags(model.index_of(VOLUME_KEY)) & editable
    assert not model.flags(model.index_of(1)) & editable
    assert not model.flags(model.index_of(DELETED_KEY)) & editable
    assert model.flags(model.index_of(2)) & editable


def test_another_image_starts_afresh(model):
    model.load(volume(copy(1, "a")))
    model.load(volume(copy(1, "x"), image="/other.img"))
    assert outline(model) == [("original", ["x"])]
    model.clear()
    assert outline(model) == []
    assert not model.index_of(1).isValid()


CATALOGS = st.lists(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 6), st.booleans()),
        unique_by=lambda row: row[0],
        max_size=6,
    ),
    min_size=2,
    max_size=6,
)


@given(CATALOGS)
@settings(max_examples=60)
def test_merging_shows_what_loading_afresh_shows(qapp, catalogs):
    merged = CopyTreeModel()
    tester = QAbstractItemModelTester(merged, QAbstractItemModelTester.FailureReportingMode.Warning)
    for rows in catalogs:
        copies = [
            copy(number, f"n{number}", parent=f"n{above}" if above < number else "original",
                 deleted=deleted)
            for number, above, deleted in sorted(rows)
        ]  # fmt: skip
        merged.load(volume(*copies))
        fresh = CopyTreeModel()
        fresh.load(volume(*copies))
        assert outline(merged) == outline(fresh)
    del tester


def test_many_changes_at_once_are_one_reset_and_few_are_none(model, qtbot):
    with qtbot.waitSignal(model.modelReset):
        model.load(volume(copy(1, "a")))
    with qtbot.assertNotEmitted(model.modelReset):
        model.load(volume(copy(1, "a"), copy(2, "b", parent="a")))
    many = [copy(number, f"n{number}", parent="a") for number in range(3, 400)]
    with qtbot.waitSignal(model.modelReset):
        model.load(volume(copy(1, "a"), *many))
    assert outline(model) == [("original", [("a", [f"n{number}" for number in range(3, 400)])])]
