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


@pytest.mark.parametrize(
    ("wanted", "meanwhile"), [(10, 12), (10, 10), (6, 4), (6, 12), (10, 4)], ids=str
)
def test_a_resize_that_waited_for_room_looks_at_the_size_again(
    tmp_path, monkeypatch, wanted, meanwhile
):
    path = tmp_path / "disk.img"
    path.write_bytes(b"a" * 8 * MIB)
    fold, waits = steps.fold, threading.Event()

    def no_room(*_arguments, **_options):
        waits.set()
        return False

    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.set_policy(when_full="wait", timeout_s=30)
        monkeypatch.setattr(steps, "fold", no_room)
        told = []
        thread = threading.Thread(
            target=lambda: told.append(volume.resize(wanted * MIB, shrinks=True))
        )
        thread.start()
        assert waits.wait(20)
        with volume._lock:
            monkeypatch.setattr(steps, "fold", fold)
            volume.resize(meanwhile * MIB, shrinks=True)
            if meanwhile == 12:
                volume.write(11 * MIB, b"z" * MIB)
            volume.snapshot("between")
        thread.join()
        assert (told[0].before_bytes, told[0].size_bytes) == (meanwhile * MIB, wanted * MIB)
        assert volume.check() == []
    assert path.stat().st_size == wanted * MIB
    with open_volume(path) as volume:
        assert volume.info().size == wanted * MIB
        assert volume.info().size_of("between") == meanwhile * MIB
        assert volume.read(0, 8 * MIB, "old") == b"a" * 8 * MIB
        if meanwhile == 12:
            assert volume.read(11 * MIB, MIB, "between") == b"z" * MIB
        assert volume.check() == []


def test_a_resize_that_waited_for_room_gives_way_to_a_restore(tmp_path, monkeypatch):
    path = tmp_path / "disk.img"
    path.write_bytes(b"a" * 8 * MIB)
    fold, waits = steps.fold, threading.Event()

    def no_room(*_arguments, **_options):
        waits.set()
        return False

    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.write(0, b"b" * 8 * MIB)
        volume.set_policy(when_full="wait", timeout_s=30)
        monkeypatch.setattr(steps, "fold", no_room)
        refusals = []

        def act():
            with pytest.raises(CopyInUseError) as refusal:
                volume.resize(6 * MIB, shrinks=True)
            refusals.append(refusal.value)

        thread = threading.Thread(target=act)
        thread.start()
        assert waits.wait(20)
        with volume._lock:
            volume._mover.stop()
            monkeypatch.setattr(steps, "fold", fold)
            volume.restore("old")
        thread.join()
        assert "restored from 'old'" in str(refusals[0])
        while restores.take_step(volume):
            continue
        assert volume.read(0, 8 * MIB) == b"a" * 8 * MIB
        assert volume.check() == []
