# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The matrix of claims: everything is shown, and an engine that breaks a claim is found out."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from core.claims.board import Board
from core.claims.matrix import CLAIMS
from core.claims.measures import Lab
from core.claims.portions import PORTION_BYTES
from core.claims.scenarios import SCENARIOS
from core.claims.verdict import compare, play
from core.cli.main import main
from core.volume import instantcopy


def measure_claim(number, folder):
    (claim,) = [claim for claim in CLAIMS if claim.number == number]
    return claim.measure(Lab(folder))


def play_scenario(folder, name):
    (scenario,) = [one for one in SCENARIOS if one.name.startswith(f"{name} ")]
    with Board(folder / "scenario.img") as board:
        return play(board, scenario)


def test_every_claim_is_shown_and_the_scenarios_hold(capsys):
    assert main(["claims", "--json"]) == 0
    told = msgspec.json.decode(capsys.readouterr().out)
    assert [claim["claim"] for claim in told["claims"]] == [claim.number for claim in CLAIMS]
    assert all(claim["shown"] and claim["found"] for claim in told["claims"])
    assert [one["name"] for one in told["scenarios"]] == [one.name for one in SCENARIOS]
    assert not any(one["differences"] for one in told["scenarios"])


def test_the_matrix_is_told_line_by_line(capsys):
    assert main(["claims"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"{len(CLAIMS)} of {len(CLAIMS)} claims shown" in lines
    assert any("bytes copied by receive, instant copy, write: 0, 4096, 0" in line for line in lines)


def test_no_room_for_the_small_volumes_is_one_sentence(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert main(["claims"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "missing" in said


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_table_that_is_wrong_somewhere_is_found_out(tmp_path, scenario):
    """Each field of the last line in turn, changed."""
    last = scenario.steps[-1]
    with Board(tmp_path / "disk.img") as board:
        for step in scenario.steps:
            before = board.copied_bytes
            board.act(step.act)
        copied_bytes = board.copied_bytes - before
        seen = board.look()
    assert compare(last, seen, copied_bytes) == []
    for change in wrong_changes(last):
        assert compare(dataclasses.replace(last, **change), seen, copied_bytes), change


def wrong_changes(step):
    """Yield changes of a line that make it wrong, one field at a time."""
    yield {"initial": step.initial.replace("A", "Z", 1)}
    yield {"places": f"{step.places} 9"}
    yield {"copied": step.copied + 1}
    yield {"hidden": f"{step.hidden} Q/o"}
    for name, copy in step.copies.items():
        yield {"copies": {**step.copies, name: dataclasses.replace(copy, reads=copy.reads + " Z")}}
        yield {"copies": {**step.copies, name: dataclasses.replace(copy, pairs="[0-9]")}}
        if copy.pointers:
            fewer = copy.pointers.rpartition(" ")[0]
            yield {"copies": {**step.copies, name: dataclasses.replace(copy, pointers=fewer)}}


def test_an_engine_that_copies_nothing_is_found_out(monkeypatch, tmp_path):
    monkeypatch.setattr(instantcopy, "preserve_grain", lambda *_: 0)
    found = play_scenario(tmp_path, "S1")
    assert any("portions copied: 0" in difference for difference in found)
    assert not measure_claim(2, tmp_path).is_shown


def test_an_engine_that_makes_no_pointer_is_told_in_the_matrix(monkeypatch, capsys):
    """Nothing kept: what a claim looks for is not there, and the user still gets every line."""
    monkeypatch.setattr(instantcopy, "preserve_grain", lambda *_: 0)
    assert main(["claims"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any("what should be there is missing: 3" in line for line in lines)
    assert any("claims shown" in line and not line.startswith("23 of") for line in lines)


def test_an_engine_that_fills_copies_from_the_initial_area_is_found_out(monkeypatch, tmp_path):
    redirect = instantcopy.redirect

    def merge(state, journal, copy, offset, payload):
        state.stats.copy_write_bytes_from_initial += PORTION_BYTES
        return redirect(state, journal, copy, offset, payload)

    monkeypatch.setattr(instantcopy, "redirect", merge)
    assert not measure_claim(5, tmp_path).is_shown
    assert not measure_claim(16, tmp_path).is_shown
    assert measure_claim(6, tmp_path).is_shown


def test_an_engine_that_writes_first_is_found_out(monkeypatch, tmp_path):
    """The third group before the second."""
    preserve = instantcopy.preserve_grain

    def late(state, journal, layer_id, grain):
        journal.put_grain(grain, b"?" * PORTION_BYTES)
        return preserve(state, journal, layer_id, grain)

    monkeypatch.setattr(instantcopy, "preserve_grain", late)
    for number in (12, 13, 23):
        assert not measure_claim(number, tmp_path).is_shown
