# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The teaching scenarios, step by step, against the engine: contents, tables, sharing, copies."""

from __future__ import annotations

from collections import Counter

import pytest

from core.answers import PointerKind
from core.claims.portions import LETTERS, portion
from core.claims.scenarios import SCENARIOS
from core.engine import open_volume
from core.errors import AreaFullError
from core.events import EventFlag, EventKind
from core.session import ORIGINAL
from tests.engine.board import PORTION, Board

WAITING, FLUSHED, REOPENED = "waiting", "flushed", "reopened"


@pytest.fixture
def board(tmp_path):
    board = Board(tmp_path / "disk.img")
    yield board
    board.volume.close()


def _check_tables(board, step):
    """Compare every copy's table with the line's, slot by slot, and who shares what."""
    expected = dict(part.split(":") for part in step.area.split())
    offsets: dict[str, int] = {}
    for name, copy in step.copies.items():
        found = board.slots(name)
        pointers = dict(part.split("->") for part in copy.pointers.split())
        assert {str(number) for number in found} == set(pointers), name
        for number, slot in found.items():
            slot_name = pointers[str(number)]
            assert str(slot) == expected[slot_name], (name, number)
            assert offsets.setdefault(slot_name, slot.offset) == slot.offset, (name, number)
            assert (slot.offset < 0) == slot_name.startswith("k"), "it lies in the other area"
        assert board.range_pairs(name) == copy.pairs, name
    assert len(set(offsets.values())) == len(offsets), "two slots of the table are one"
    assert set(offsets) == set(expected), "a slot of the table has no pointer"


def _check_step(board, step, copied_before):
    if ORIGINAL not in step.copies:
        assert board.view() == step.initial
    assert {copy.name for copy in board.volume.info().copies} == set(step.copies) - {ORIGINAL}
    for name, copy in step.copies.items():
        assert board.view(name) == copy.reads, name
    _check_tables(board, step)
    held = Counter(str(slot) for slot in board.area())
    listed = [part.split(":")[1] for part in step.area.split()]
    assert held == Counter([*listed, *step.hidden.split()])
    assert board.copied_portions() - copied_before == step.copied
    assert board.volume.stats().copy_write_bytes_from_initial == 0
    assert board.places() == step.places


@pytest.mark.parametrize("mode", [WAITING, FLUSHED, REOPENED])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_step_leads_to_its_line(board, scenario, mode):
    for step in scenario.steps:
        before = board.copied_portions()
        board.act(step.act)
        if mode == FLUSHED:
            board.volume.flush()
        elif mode == REOPENED:
            board.reopen()
        _check_step(board, step, before)
    assert board.volume.check() == []


@pytest.mark.parametrize("kind", ["clone", "snapshot"])
def test_originals_are_kept_alike_for_snapshots_and_clones(board, kind):
    board.act("take C" if kind == "clone" else "snapshot C")
    board.act("O3=D1")
    assert [str(slot) for slot in board.slots("C").values()] == ["D/o"]
    assert board.range_pairs("C") == "[0-2] [4-7]"
    assert board.view("C") == LETTERS


def test_s0_the_cost_of_a_copy_does_not_depend_on_the_size(tmp_path):
    used = []
    for count in (8, 8192):
        path = tmp_path / f"{count}.img"
        path.write_bytes(portion("A") * count)
        with open_volume(path) as volume:
            volume.snapshot("first")  # makes the additional area
            before = volume.usage()
            info = volume.snapshot("second")
            assert (info.pointers, info.range_pairs) == (0, 1)
            assert volume.stats().preserved_bytes == 0
            used.append(volume.usage().metadata_bytes - before.metadata_bytes)
    assert used[0] == used[1]


def test_s0_control_without_a_copy_there_is_no_additional_area(board, tmp_path):
    board.act("O3=D1")
    board.reopen()
    assert [path.name for path in tmp_path.iterdir()] == ["disk.img"]


def test_s5_stored_pointers_follow_from_pairs_and_individual_pointers(board):
    """A pair costs two pointers, an individual one costs one."""
    board.act("take C")
    stored = []
    for number in (None, 3, 0, 7, 4, 1, 6, 2, 5):
        if number is not None:
            board.act(f"O{number}=Z")
        stored.append(2 * len(board.range_pairs("C").split()) + len(board.slots("C")))
    assert stored == [2, 5, 6, 7, 8, 9, 10, 9, 8]


def _kinds(board):
    return [EventKind(event[0]) for event in board.sink.take()]


def test_s6_one_command_tells_of_each_extent_it_copied_and_then_of_itself(board):
    board.act("take C")
    board.sink.take()
    board.act("O2-4=C1+D1+E1")
    events = board.sink.take()
    *copied, (kind, flags, copy_id, start, length, moved, _) = events
    assert {event[0] for event in copied} == {EventKind.PRESERVED}
    spans = [(event[3], event[4]) for event in copied]
    assert sum(length for _, length in spans) == 3 * PORTION
    assert spans == sorted(spans)
    assert (kind, flags, copy_id) == (EventKind.WRITTEN, 0, 0)
    assert (start, length, moved) == (2 * PORTION, 3 * PORTION, 3 * PORTION)


def test_s19_both_branches_tell_their_steps_in_the_order_of_the_claims(board):
    """Receive, instant copy, write: each once per portion, in this order."""
    board.act("take C")
    board.sink.take()
    board.act("O3=D1")
    assert _kinds(board) == [EventKind.PRESERVED, EventKind.WRITTEN]
    board.act("O3=D2")
    kind, flags, *_, moved, _ = board.sink.take()[0]
    assert (kind, flags, moved) == (EventKind.WRITTEN, EventFlag.REWRITE, 0)
    board.act("C5=X1")
    redirected, written = board.sink.take()
    copy_id = board.volume.info().copies[0].id
    assert redirected[:6] == (EventKind.REDIRECTED, 0, copy_id, 5 * PORTION, PORTION, PORTION)
    assert written[:6] == (EventKind.WRITTEN, 0, copy_id, 5 * PORTION, PORTION, PORTION)
    assert redirected[6] == board.slots("C")[5].offset
    stats = board.volume.stats()
    assert (stats.preserved_bytes, stats.copy_write_bytes_from_initial) == (PORTION, 0)


def test_s19_an_event_names_the_place_that_the_pointer_names_later(board):
    board.act("take C")
    board.sink.take()
    board.act("O3=D1")
    place = board.sink.take()[0][6]
    assert place == board.slots("C")[3].offset
    board.reopen()
    assert place == board.slots("C")[3].offset


def test_s18_part_of_a_portion_of_a_copy_gets_a_pointer_of_its_own_size(board):
    board.act("take C")
    board.volume.write(5 * PORTION + 512, b"x" * 512, "C")
    columns = board.volume.table("C").columns
    assert columns.starts.tolist() == [5 * PORTION + 512]
    assert columns.lengths.tolist() == [512]
    assert columns.kinds.tolist() == [PointerKind.NEW]
    f = portion("F")
    assert board.volume.read(5 * PORTION, PORTION, "C") == f[:512] + b"x" * 512 + f[1024:]
    stats = board.volume.stats()
    assert (stats.preserved_bytes, stats.copy_write_bytes_from_initial) == (0, 0)
    assert board.view() == LETTERS


def test_s18_part_of_a_portion_of_the_original_preserves_the_whole_portion(board):
    board.act("take C")
    board.volume.write(5 * PORTION + 512, b"x" * 512)
    assert [str(slot) for slot in board.slots("C").values()] == ["F/o"]
    assert board.view("C") == LETTERS
    f = portion("F")
    assert board.volume.read(5 * PORTION, PORTION) == f[:512] + b"x" * 512 + f[1024:]


def test_s18_the_original_still_owes_a_copy_what_it_wrote_over_only_in_part(board):
    """The copy owns 512 bytes of the portion; the rest of it is still to be kept."""
    board.act("take C")
    board.volume.write(5 * PORTION + 512, b"x" * 512, "C")
    board.act("O5=F1")
    f = portion("F")
    assert board.volume.read(5 * PORTION, PORTION, "C") == f[:512] + b"x" * 512 + f[1024:]
    assert board.copied_portions() == 1


def test_s4_the_copy_writes_over_part_of_a_preserved_portion(board):
    board.act("take C")
    board.act("O2=C1")
    board.volume.write(2 * PORTION + 1024, b"x" * 1024, "C")
    columns = board.volume.table("C").columns
    c = portion("C")
    assert columns.lengths.tolist() == [1024, 1024, 2048]
    assert columns.kinds.tolist() == [PointerKind.ORIGINAL, PointerKind.NEW, PointerKind.ORIGINAL]
    content = board.volume.read(2 * PORTION, PORTION, "C")
    assert content == c[:1024] + b"x" * 1024 + c[2048:]
    board.reopen()
    assert board.volume.read(2 * PORTION, PORTION, "C") == content
    assert board.volume.check() == []


def test_equal_zeroes_are_kept_as_a_pointer_without_data(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(8 * PORTION))
    with open_volume(path) as volume:
        volume.snapshot("C")
        volume.write(3 * PORTION, portion("D"))
        columns = volume.table("C").columns
        assert columns.kinds.tolist() == [PointerKind.ZERO]
        assert columns.offsets.tolist() == [0]
        assert volume.stats().preserved_bytes == 0
        assert volume.stats().zero_bytes == PORTION
        assert volume.read(0, 8 * PORTION, "C") == bytes(8 * PORTION)


def _fill(board):
    """Keep a portion again and again until it is refused; return each copy's content."""
    board.act("snapshot C0")
    content = {"C0": LETTERS}
    allocator = board.volume._state.area.allocator
    allocator.storage._grow = _full
    with pytest.raises(AreaFullError):
        _keep_portion_5_for_ever(board, content)
    return content


def _keep_portion_5_for_ever(board, content):
    for number in range(10_000):
        board.act(f"O5={_word(number)}")
        board.act(f"snapshot C{number + 1}")
        content[f"C{number + 1}"] = board.view()


def _rewrite_all_then_snapshot(board):
    for number, letter in enumerate(LETTERS.split()):
        board.act(f"O{number}={letter}{letter}")
    board.act("snapshot again")


def test_s15_a_write_that_needs_room_is_refused_and_every_view_stays(board):
    content = _fill(board)
    newest = f"C{len(content) - 1}"
    refused_at = board.view()
    with pytest.raises(AreaFullError):
        _rewrite_all_then_snapshot(board)
    before = board.view()
    for old, new, letter in zip(refused_at.split(), before.split(), LETTERS.split(), strict=True):
        assert new in {old, letter * 2}
    for name, words in content.items():
        assert board.view(name) == words, name
    assert board.volume.check() == []
    board.reopen()
    assert board.view() == before
    assert board.view(newest) == content[newest]


def test_s15_a_full_area_can_be_emptied_and_used_again(board):
    content = _fill(board)
    full_bytes = board.volume._state.area.allocator.storage.held_bytes
    for name in content:
        board.act(f"delete {name}")
    board.reopen()
    board.volume._state.area.allocator.storage.limit_bytes = full_bytes
    assert board.volume.check() == []
    before = board.view()
    board.act("snapshot after")
    board.act("O7=H1")
    assert board.view("after") == before
    assert board.view().split()[7] == "H1"


def test_s15_room_on_the_disk_is_used_as_soon_as_it_is_there(board):
    content = _fill(board)
    allocator = board.volume._state.area.allocator
    allocator.storage._grow = board.volume._state.area.device.allocate
    board.act("snapshot after")
    board.act("O7=H1")
    for name, words in content.items():
        assert board.view(name) == words, name
    assert board.volume.check() == []


def _full(offset, length):
    raise AreaFullError(f"no room for {length} bytes at {offset}")


def _word(number):
    return f"{chr(ord('a') + number % 26)}{number // 26 % 10}"


def test_s17_a_stop_between_copy_and_write_leaves_the_copy_as_it_was(board, tmp_path):
    """Both files as they are on disk at each moment from the copy to the write in place."""
    board.act("take C")
    board.volume.flush()
    state = board.volume._state
    moments = []

    def keep_moment(write):
        def writing(*args):
            moments.append(_files(board.path))
            done = write(*args)
            moments.append(_files(board.path))
            return done

        return writing

    area, image = state.area.device, state.image
    area.pwritev_durable = keep_moment(area.pwritev_durable)
    image.pwrite = keep_moment(image.pwrite)
    board.act("O3=D1")
    board.volume.flush()
    assert len(moments) >= 4, "the copy and the write must be two steps"
    seen = set()
    for number, (image_bytes, area_bytes) in enumerate(moments):
        path = tmp_path / f"moment{number}.img"
        path.write_bytes(image_bytes)
        path.with_name(f"{path.name}.rangepair").write_bytes(area_bytes)
        with open_volume(path) as volume:
            seen.add(volume.read(3 * PORTION, PORTION))
            assert volume.read(3 * PORTION, PORTION, "C") == portion("D"), number
            assert volume.check() == [], number
    assert seen == {portion("D"), portion("D1")}


def _files(path):
    return path.read_bytes(), path.with_name(f"{path.name}.rangepair").read_bytes()
