# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Acts on copies: each one, back, and forth again; what was refused is told and not listed."""

from __future__ import annotations

import pytest

from core.errors import CopyInUseError
from gui.commands.acts import Acts
from gui.models.copytree import CopyTreeModel

pytestmark = pytest.mark.gui


class Bench:
    """Acts over the double, with the catalog kept current as the window keeps it."""

    def __init__(self, qtbot, link, engine):
        self.qtbot, self.link, self.engine = qtbot, link, engine
        self.model = CopyTreeModel()
        self.acts = Acts(link, self.model)
        self.sentences = []
        self.refusals = []
        self.acts.done.connect(lambda sentence, _undo: self.sentences.append(sentence))
        self.acts.refused.connect(self.refusals.append)
        link.opened.connect(self.model.load)
        with qtbot.waitSignal(link.opened):
            link.open("/images/disk.img")

    def settle(self):
        """Let everything asked for be answered, and the catalog follow."""
        answers = []
        self.link.act(lambda session: session.info(), answers.append)
        self.qtbot.waitUntil(lambda: bool(answers))
        self.model.load(answers[0])

    def undo(self):
        self.acts.stack.undo()
        self.settle()

    def redo(self):
        self.acts.stack.redo()
        self.settle()

    def take(self, name=""):
        self.acts.take_snapshot(name)
        self.settle()
        return self.model.copies()[-1].id

    def shown(self):
        return [copy.name for copy in self.model.copies() if not copy.deleted]


@pytest.fixture
def bench(qtbot, link, engine):
    return Bench(qtbot, link, engine)


def test_take_undo_redo(bench):
    with bench.qtbot.waitSignal(bench.acts.taken) as taken:
        bench.acts.take_snapshot("before-upgrade")
    assert taken.args[0].copy.name == "before-upgrade"
    assert taken.args[0].seconds > 0
    bench.settle()
    assert bench.acts.stack.undoText() == "Take snapshot 'before-upgrade'"
    bench.undo()
    assert bench.shown() == []
    bench.redo()
    assert bench.shown() == ["before-upgrade"]
    assert bench.refusals == []


def test_names_are_given_in_order_even_before_the_catalog_knows(bench):
    bench.take("snap-7")
    bench.acts.take_snapshot()
    bench.acts.take_snapshot()
    bench.acts.take_clone("snap-7")
    bench.settle()
    assert bench.shown() == ["snap-7", "snap-8", "snap-9", "clone-1"]


def test_a_clone_is_writable_and_undoable(bench):
    bench.take("base")
    bench.acts.take_clone("base", "try")
    bench.settle()
    assert bench.model.copies()[-1].kind == "clone"
    bench.undo()
    assert bench.shown() == ["base"]


def test_rename_undo_redo(bench):
    copy_id = bench.take("a")
    bench.acts.rename(copy_id, "b")
    bench.settle()
    assert bench.shown() == ["b"]
    bench.undo()
    assert bench.shown() == ["a"]
    bench.redo()
    assert bench.shown() == ["b"]


def test_delete_of_several_is_one_step(bench):
    ids = [bench.take(name) for name in "abc"]
    bench.acts.delete(ids[:2])
    bench.settle()
    assert bench.shown() == ["c"]
    assert bench.sentences[-1] == "Deleted 2 copies"
    bench.undo()
    assert bench.shown() == ["a", "b", "c"]
    bench.redo()
    assert bench.shown() == ["c"]


def test_undelete_undo(bench):
    copy_id = bench.take("a")
    bench.acts.delete([copy_id])
    bench.settle()
    bench.acts.undelete([copy_id])
    bench.settle()
    assert bench.shown() == ["a"]
    bench.undo()
    assert bench.shown() == []


def test_lock_undo_redo(bench):
    copy_id = bench.take("a")
    bench.acts.set_locked([copy_id], locked=True)
    bench.settle()
    assert bench.model.copy(copy_id).locked
    bench.undo()
    assert not bench.model.copy(copy_id).locked
    bench.redo()
    assert bench.model.copy(copy_id).locked


def test_a_refused_act_is_told_and_not_listed(bench):
    bench.take("a")
    bench.acts.take_snapshot("a")
    bench.settle()
    assert "exists" in bench.refusals[0].message
    assert bench.acts.stack.count() == 1


def test_undo_of_a_rename_survives_a_later_rename_elsewhere(bench):
    copy_id = bench.take("a")
    bench.acts.rename(copy_id, "b")
    bench.settle()
    bench.engine.rename("b", "renamed-by-another-program")
    bench.settle()
    bench.undo()
    assert bench.shown() == ["a"]


def test_undo_of_what_was_purged_says_why_and_goes_away(bench):
    bench.take("a")
    bench.engine.purge(["a"])
    bench.settle()
    bench.undo()
    assert "purged" in bench.refusals[0]
    assert bench.acts.stack.count() == 0


def test_undo_that_the_engine_refuses_says_why_and_is_never_offered_again(bench):
    bench.take("a")
    bench.engine.lock(["a"])
    bench.undo()
    assert isinstance(bench.refusals[0], CopyInUseError)
    assert bench.shown() == ["a"]
    bench.redo()
    assert bench.acts.stack.count() == 0


def test_purge_is_planned_with_names_and_bytes_and_then_final(bench):
    ids = [bench.take("a"), bench.take("b")]
    bench.engine.write(0, bytes(8192))
    with bench.qtbot.waitSignal(bench.acts.purge_planned) as planned:
        bench.acts.plan_purge(ids)
    plan = planned.args[0]
    assert plan.question == "Purge 2 copies?"
    assert plan.button == "Purge 2 copies"
    assert "a, b" in plan.consequence
    assert "16 KiB" in plan.consequence
    steps = bench.acts.stack.count()
    bench.acts.purge(plan)
    bench.settle()
    assert bench.model.copies() == []
    assert bench.acts.stack.count() == steps


def test_a_plan_names_at_most_twelve(bench):
    ids = [bench.take(f"c{number}") for number in range(14)]
    with bench.qtbot.waitSignal(bench.acts.purge_planned) as planned:
        bench.acts.plan_purge(ids)
    assert "c11 and 2 more" in planned.args[0].consequence


def test_another_volume_begins_with_an_empty_stack(bench):
    bench.take("a")
    with bench.qtbot.waitSignal(bench.link.opened):
        bench.link.open("/images/other.img")
    assert bench.acts.stack.count() == 0
