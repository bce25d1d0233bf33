# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Acts that let others in before they are done decide again, on what is so by then."""

from __future__ import annotations

import sys
import threading

import pytest

from core.engine import open_volume, restores
from core.errors import CopyInUseError
from core.volume import resize as steps
from core.volume import restore, sizedrestore

MIB = 1 << 20
SIZE = 2 * MIB


@pytest.fixture
def volume(tmp_path):
    """Snapshots 'a' to 'c' full of their letters; the original is full of 'd'."""
    path = tmp_path / "disk.img"
    path.write_bytes(b"a" * SIZE)
    with open_volume(path) as opened:
        for name, following in zip("abc", "bcd", strict=True):
            opened.snapshot(name)
            opened.write(0, following.encode() * SIZE)
        yield opened


def letters(volume, name="original"):
    return set(volume.read(0, SIZE, name).decode())


def test_a_restore_does_not_begin_while_another_is_under_way(volume):
    volume._mover.stop()
    volume.restore("a")
    # What a caller meets who saw the one before finished, and whom another has overtaken.
    assert restores._begin(volume, "b", "") is None
    for begin in (restore.begin, sizedrestore.begin):
        with pytest.raises(CopyInUseError, match="'a'"):
            begin(volume._state, volume._state.copy_named("b"), "safety")
    assert letters(volume) == {"a"}
    volume.snapshot("between")
    volume.restore("b")
    assert (letters(volume), letters(volume, "between")) == ({"b"}, {"a"})
    assert volume.check() == []


def test_restores_at_once_come_one_after_the_other(volume):
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(6):
            gate = threading.Barrier(3)

            def act(name, gate=gate):
                gate.wait()
                volume.restore(name)

            threads = [threading.Thread(target=act, args=(name,)) for name in "abc"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert letters(volume) in ({"a"}, {"b"}, {"c"})
            for copy in volume.info().copies:
                assert len(letters(volume, copy.name)) == 1, copy.name
    finally:
        sys.setswitchinterval(interval)
    assert all(letters(volume, name) == {name} for name in "abc")
    while restores.take_step(volume):
        continue
    assert volume.check() == []


class Held:
    """A volume of 8 MiB with a snapshot of it, whose next change of size waits for room."""

    def __init__(self, volume, patch):
        self.volume, self._patch, self._fold = volume, patch, steps.fold
        self._waits = threading.Event()
        volume.snapshot("old")
        volume.set_policy(when_full="wait", timeout_s=30)
        patch.setattr(steps, "fold", self._no_room)

    def _no_room(self, *_arguments, **_options):
        self._waits.set()
        return False

    def run(self, act, meanwhile):
        """Let ``act`` come to wait, do ``meanwhile`` with the room there, and let it go on."""
        thread = threading.Thread(target=act)
        thread.start()
        assert self._waits.wait(20)
        with self.volume._lock:
            self._patch.setattr(steps, "fold", self._fold)
            meanwhile()
        thread.join()


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "disk.img"
    made.write_bytes(b"a" * 8 * MIB)
    return made


@pytest.mark.parametrize(
    ("wanted", "other"), [(10, 12), (10, 10), (6, 4), (6, 12), (10, 4)], ids=str
)
def test_a_resize_that_waited_for_room_looks_at_the_size_again(path, monkeypatch, wanted, other):
    told = []
    with open_volume(path) as volume:

        def meanwhile():
            volume.resize(other * MIB, shrinks=True)
            if other == 12:
                volume.write(11 * MIB, b"z" * MIB)
            volume.snapshot("between")

        held = Held(volume, monkeypatch)
        held.run(lambda: told.append(volume.resize(wanted * MIB, shrinks=True)), meanwhile)
        assert (told[0].before_bytes, told[0].size_bytes) == (other * MIB, wanted * MIB)
        assert volume.check() == []
    assert path.stat().st_size == wanted * MIB
    with open_volume(path) as volume:
        assert volume.info().size == wanted * MIB
        assert volume.info().size_of("between") == other * MIB
        assert volume.read(0, 8 * MIB, "old") == b"a" * 8 * MIB
        if other == 12:
            assert volume.read(11 * MIB, MIB, "between") == b"z" * MIB
        assert volume.check() == []


def test_a_resize_that_waited_for_room_gives_way_to_a_restore(path, monkeypatch):
    refusals = []
    with open_volume(path) as volume:

        def act():
            with pytest.raises(CopyInUseError) as refusal:
                volume.resize(6 * MIB, shrinks=True)
            refusals.append(refusal.value)

        def meanwhile():
            volume.write(0, b"b" * 8 * MIB)
            volume._mover.stop()
            volume.restore("old")

        Held(volume, monkeypatch).run(act, meanwhile)
        assert "restored from 'old'" in str(refusals[0])
        while restores.take_step(volume):
            continue
        assert volume.read(0, 8 * MIB) == b"a" * 8 * MIB
        assert volume.check() == []
