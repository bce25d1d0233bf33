# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from core.events import EVENT_DTYPE, EventFlag, EventKind
from gui.models.address import AddressFormat
from gui.models.narration import KEPT, LAST_STEP, Narrator
from gui.models.story import Teller, Verb, read_write

G = 4096
FORM = AddressFormat(G, 1)
NAMES = {0: "original", 1: "monday", 2: "branch"}


def events(*rows, seq=1):
    """Return events of (kind, flags, copy_id, start, length, area_offset)."""
    made = np.zeros(len(rows), EVENT_DTYPE)
    for row, values in zip(made, rows, strict=True):
        names = ("kind", "flags", "copy_id", "start", "length", "area_offset")
        for name, value in zip(names, values, strict=True):
            row[name] = value
    made["seq"] = np.arange(seq, seq + len(rows))
    return made


def told(*rows, pairs=None):
    teller = Teller(FORM, NAMES.__getitem__, lambda copy_id, start, stop: pairs)
    steps = teller.tell(read_write(events(*rows)))
    assert [step.verb for step in steps] == list(Verb)
    plain = str.maketrans("\u201c\u201d\u2013", "''-")
    return [step.words.translate(plain) for step in steps]


PRESERVE_3 = (EventKind.PRESERVED, 0, 1, 3 * G, G, 2 * G)
WRITE_3 = (EventKind.WRITTEN, 0, 0, 3 * G, G, 0)


def test_the_original_is_copied_before_it_is_written_over():
    words = told(PRESERVE_3, WRITE_3, pairs=[(0, 3 * G), (4 * G, 8 * G)])
    assert words == [
        "A write of 4 KiB to the original, at 3.",
        "The place is in the initial area, and copy 'monday' still reads the old data there.",
        "First the original 4 KiB are copied to the additional area, at 2.",
        "'monday' gets a pointer to them; its range pair splits into [0-2] and [4-7].",
        "The new data is written in place.",
    ]


def test_a_pair_may_shrink_vanish_or_be_out_of_sight():
    assert told(PRESERVE_3, WRITE_3, pairs=[(4 * G, 8 * G)])[3].endswith("shrinks to [4-7].")
    assert told(PRESERVE_3, WRITE_3, pairs=[])[3].endswith("the range pair vanishes.")
    assert told(PRESERVE_3, WRITE_3)[3].endswith("its range pair gives way.")


def test_the_same_place_again_copies_nothing():
    words = told((EventKind.WRITTEN, EventFlag.REWRITE, 0, 3 * G, G, 0))
    assert words[1].endswith("What is there is newer than every copy.")
    assert words[2:4] == ["Nothing is copied.", "No pointer is made or changed."]


def test_a_write_to_a_copy_never_reads_the_initial_area():
    words = told(
        (EventKind.REDIRECTED, 0, 2, 5 * G, G, 6 * G),
        (EventKind.WRITTEN, 0, 2, 5 * G, G, 0),
        pairs=[(0, 5 * G), (6 * G, 8 * G)],
    )
    assert words == [
        "A write of 4 KiB to copy 'branch', at 5.",
        "The place belongs to 'branch', so to the additional area.",
        "Nothing is copied: 0 bytes leave the initial area.",
        "'branch' points to the new data, between range pairs [0-4] and [6-7].",
        "The new data goes to the additional area, at 6.",
    ]


def test_new_data_of_the_original_may_go_elsewhere_too():
    words = told(
        (EventKind.REDIRECTED, 0, 0, 5 * G, G, 6 * G),
        (EventKind.WRITTEN, EventFlag.ELSEWHERE, 0, 5 * G, G, 0),
    )
    assert words == [
        "A write of 4 KiB to the original, at 5.",
        "All new data goes to the additional area, the original's as well.",
        "Nothing is copied: 0 bytes leave the initial area.",
        "'original' points to the new data.",
        "The new data goes to the additional area, at 6.",
    ]
    words = told((EventKind.TRIMMED, EventFlag.ELSEWHERE, 0, 3 * G, G, 0))
    assert words[4] == "The range reads as zeroes in the original alone."


def test_zero_originals_move_no_byte():
    words = told((EventKind.PRESERVED, EventFlag.ZERO, 1, 3 * G, G, 0), WRITE_3)
    assert words[2] == "The original is all zeroes: no byte needs to be copied."
    assert "a zero pointer" in words[3]


def test_an_original_that_stays_moves_no_byte():
    kept = 2**64 - 4 * G
    words = told((EventKind.PRESERVED, EventFlag.IN_PLACE, 1, 3 * G, G, kept), WRITE_3)
    assert words[2] == "The original stays where it lies in the image: nothing is copied."
    assert "gets a pointer to them" in words[3]
    assert words[4] == "The new data is written to a fresh place of the image."


def test_discards_are_told_as_discards():
    assert told(PRESERVE_3, (EventKind.TRIMMED, 0, 0, 3 * G, G, 0))[0].startswith(
        "A discard of 4 KiB"
    )
    words = told((EventKind.TRIMMED, 0, 2, 3 * G, G, 0))
    assert words[4] == "The range reads as zeroes in this copy alone."


def writes(count, seq=1):
    return events(
        *[(EventKind.WRITTEN, 0, 0, (seq + i) % 8 * G, G, 0) for i in range(count)], seq=seq
    )


def test_only_the_last_writes_are_kept_with_what_belongs_to_them():
    narrator = Narrator()
    narrator.feed(events(*[PRESERVE_3, WRITE_3] * 200))
    assert narrator.tick()
    assert narrator.place == (KEPT, KEPT)
    assert narrator.write.copied_bytes == G


def test_a_write_may_end_in_a_later_batch_than_it_began():
    narrator = Narrator()
    narrator.feed(events(PRESERVE_3))
    assert not narrator.tick()
    narrator.feed(events(WRITE_3, PRESERVE_3, seq=2))
    narrator.feed(events(WRITE_3, seq=4))
    narrator.tick()
    assert narrator.write.seq == 4
    assert narrator.write.copied_bytes == G
    narrator.go(-1)
    assert narrator.write.seq == 2
    assert narrator.write.copied_bytes == G


def test_live_a_story_is_told_to_its_end_then_the_newest_follows():
    narrator = Narrator()
    narrator.feed(writes(3))
    lit = []
    while narrator.tick():
        lit.append((narrator.write.seq, narrator.lit))
        if narrator.lit == 2 and len(lit) < LAST_STEP:
            narrator.feed(writes(5, seq=4))
    assert lit == [(3, step) for step in range(5)] + [(8, step) for step in range(5)]


def test_paused_nothing_moves_but_by_hand():
    narrator = Narrator()
    narrator.feed(writes(3))
    narrator.tick()
    narrator.pause(paused=True)
    narrator.feed(writes(9, seq=4))
    assert not narrator.tick()
    assert narrator.place == (3, 3)
    assert narrator.go(-1)
    assert (narrator.write.seq, narrator.lit) == (2, LAST_STEP)
    assert narrator.step(1)
    assert (narrator.write.seq, narrator.lit) == (3, 0)
    assert narrator.step(-1)
    assert (narrator.write.seq, narrator.lit) == (2, LAST_STEP)
    narrator.light(1)
    assert narrator.step(-1)
    assert narrator.lit == 0
    assert not narrator.go(7)
    assert not narrator.go(-7)
    narrator.pause(paused=False)
    narrator.clear()
    assert narrator.write is None
