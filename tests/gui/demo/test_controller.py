# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every step of the demonstration, on the real engine, against the worked scenarios."""

from __future__ import annotations

import contextlib

import pytest

from core.answers import AreaState
from core.errors import ImageError
from gui.demo import scratch
from gui.demo.captions import caption_of_step
from gui.demo.controller import DemoController
from gui.demo.mixing import mix
from gui.demo.player import Player
from gui.demo.scratch import scratch_volume
from gui.demo.script import LETTERS, PORTION_BYTES, SCENES, fill, label_of
from gui.demo.stage import FRESH, Pointer, Stage
from gui.models.story import Part, Write


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def controller():
    made = DemoController(scratch_volume)
    yield made
    made.close()


POSITIONS = [
    (number, done) for number, scene in enumerate(SCENES) for done in range(len(scene.steps) + 1)
]


@pytest.mark.parametrize("position", range(len(POSITIONS)))
def test_the_engine_is_where_the_scenario_expects_it(controller, position):
    controller.go(position)
    assert controller.at == POSITIONS[position]
    assert controller.position == position
    assert controller.differences == []
    if controller.step:
        assert controller.after.differences(controller.step.expected) == []
        assert controller.after.copy == controller.step.expected.copy
    else:
        assert controller.after.initial == tuple(LETTERS)
        assert controller.after.copy == (tuple(LETTERS) if controller.scene.has_copy else ())


def test_forward_leads_through_everything_and_back_leads_home(controller):
    seen = [(controller.at, controller.after, controller.caption)]
    while controller.forward():
        seen.append((controller.at, controller.after, controller.caption))
    assert [at for at, _, _ in seen] == POSITIONS
    assert not controller.forward()
    while controller.back():
        assert (controller.at, controller.after, controller.caption) == seen[controller.position]
    assert controller.position == 0
    assert not controller.back()


def test_the_scenarios_are_those_promised():
    played = [step.scenario for scene in SCENES for step in scene.steps]
    assert played == ["S0", "S1", "S2", "S3", "S3", "S3", *["S5"] * 8]
    stored = [
        2 * len(step.expected.pairs) + len(step.expected.pointers) for step in SCENES[2].steps
    ]
    assert stored == [5, 6, 7, 8, 9, 10, 9, 8]


def test_it_takes_half_a_minute(controller):
    seconds = [controller.seconds]
    while controller.forward():
        seconds.append(controller.seconds)
    assert sum(seconds) == pytest.approx(30)


def test_captions_tell_what_happened(controller):
    controller.go(2)
    assert controller.caption.headline == "The original writes D1 over D in portion 3"
    assert "so D is first copied to a0" in controller.caption.words
    assert controller.sentences[2].endswith("copied to the additional area, at a0.")
    assert controller.write.copied_bytes == PORTION_BYTES
    controller.forward()
    assert controller.caption.words.startswith("Nothing is copied, and no pointer changes. D1 is")
    controller.go(POSITIONS.index((2, 7)))
    assert controller.caption.words.endswith("the pair [2] vanishes.")


SECOND_COPY_WRITE = SCENES[1].steps[1]
TO_COPY = Write(1, 0, 1, 5 * PORTION_BYTES, PORTION_BYTES, False, (), (Part(0, 1, 1, False),), 0)


@pytest.mark.parametrize(
    ("place", "places", "words"),
    [
        (0, (AreaState.NEW,), "X2 takes the place of X1 in a0 itself."),
        (1, (AreaState.FREE, AreaState.NEW), "the pointer follows, and a0 is free again."),
        (1, (AreaState.NEW, AreaState.NEW), "a0 will be free again once this write is durable."),
    ],
)
def test_a_second_write_to_the_copy_is_told_as_the_engine_did_it(place, places, words):
    before = Stage(FRESH.initial, pointers=(Pointer(5, 0, "X1", True),), places=(AreaState.NEW,))
    after = Stage(FRESH.initial, pointers=(Pointer(5, place, "X2", True),), places=places)
    caption = caption_of_step(SECOND_COPY_WRITE, before, after, TO_COPY)
    assert caption.words.endswith(words)


class LyingSession:
    """A volume whose copy reads the original's data: the bug that S2 warns of."""

    def __init__(self, volume):
        self._volume = volume

    def __getattr__(self, name):
        return getattr(self._volume, name)

    def read(self, offset, length, copy="original"):
        return self._volume.read(offset, length, "original")


def test_an_engine_that_errs_is_found_out():
    @contextlib.contextmanager
    def lying(sink):
        with scratch_volume(sink) as volume:
            yield LyingSession(volume)

    controller = DemoController(lying)
    controller.go(2)
    assert any("what the copy reads" in words for words in controller.differences)
    controller.close()


def test_nothing_is_left_behind(folder):
    controller = DemoController(scratch_volume)
    assert list(folder.iterdir())
    controller.go(9)
    controller.close()
    controller.close()
    assert list(folder.iterdir()) == []


def test_without_a_folder_the_error_says_what_to_do(monkeypatch):
    def refuse(**_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch.tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(ImageError, match=r"No space left.*set TMPDIR"):
        DemoController(scratch_volume)


def test_portions_are_filled_and_read_back():
    for label in (*LETTERS, "D1", "X2"):
        assert len(fill(label)) == PORTION_BYTES
        assert label_of(fill(label)) == label


# In the middle of a step


def test_a_picture_shows_only_what_is_told_already(controller):
    controller.go(2)
    before, after, write = controller.before, controller.after, controller.write

    def at(phase):
        return mix(before, after, write, 3, phase)

    assert at(0).stage == at(1.9).stage == before
    assert at(1.9).traveller is None
    half = at(2.5).traveller
    assert (half.label, half.portion, half.place, half.share) == ("D", 3, 0, 0.5)
    assert at(3).stage.pairs == after.pairs
    assert at(3).stage.initial == before.initial
    assert at(4).stage == after
    assert at(5).traveller is None


def test_new_data_of_the_copy_travels_when_it_is_written(controller):
    controller.go(POSITIONS.index((1, 1)))
    before, after, write = controller.before, controller.after, controller.write
    assert mix(before, after, write, 5, 2.5).traveller is None
    assert mix(before, after, write, 5, 4.5).traveller.is_new


# Time


def test_time_leads_through_the_whole_demonstration(controller):
    player = Player(controller)
    player.play()
    ticks, lit = 0, set()
    while player.is_playing:
        player.tick(0.1)
        lit.add(player.lit)
        ticks += 1
    assert ticks == pytest.approx(300, abs=20)
    assert lit == set(range(5))
    assert player.is_at_end
    assert not player.tick(1.0)
    player.play()
    assert controller.position == 0


def test_speed_and_hands(controller):
    player = Player(controller)
    player.speed = 4.0
    player.play()
    assert player.tick(0.25)
    assert controller.position == 1
    assert player.step()
    assert not player.is_playing
    assert player.fraction == 1.0
    assert player.lit == 4
    assert player.back()
    assert controller.position == 1
    player.rewind()
    assert (controller.position, player.fraction) == (0, 0.0)
    assert not player.back()
    player.go(99)
    assert player.is_at_end
    assert not player.step()
    assert controller.scene is SCENES[-1]
