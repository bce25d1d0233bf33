# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An exception from outside, like Ctrl-C, in the midst of an act: nothing half done is kept."""

from __future__ import annotations

import pytest

from core.area.allocator import Allocator
from core.engine import open_volume
from core.errors import DeviceFailedError, ReadOnlyError
from core.journal.log import Log
from core.journal.opengroup import OpenGroup
from core.journal.ring import Ring
from core.mapping.initialmap import InitialMap
from core.units import KIB, MIB
from core.volume.catalog import Catalog
from tests.engine.stills import views_of
from tests.faults.script import filled

GRAIN = 4096
SIZE = MIB
START = filled(0, SIZE)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(START)
    with open_volume(path) as volume:
        volume.snapshot("monday")
        volume.clone("try", "monday")
        volume.rearrange("full-pointer")
        volume.rearrange("relocate", 0, 256 * KIB, 2 * MIB)
        volume.write(0, filled(1, 64 * KIB))
        volume.write(8 * KIB, filled(2, 8 * KIB), "try")
    return path


def interrupt_after(monkeypatch, kind, name):
    """Let the next call of a method do its work, and be interrupted before it returns."""
    method = getattr(kind, name)

    def interrupted(*args, **kwargs):
        monkeypatch.setattr(kind, name, method)
        method(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(kind, name, interrupted)


ACTS = {
    "relocate": lambda volume: volume.rearrange("relocate", 0, 128 * KIB, 4 * MIB),
    "identity": lambda volume: volume.rearrange("identity"),
    "snapshot": lambda volume: volume.snapshot("tuesday"),
    "purge": lambda volume: volume.delete(["monday"], now=True),
    "first write": lambda volume: volume.write(300 * KIB, filled(9, GRAIN)),
    "write to a clone": lambda volume: volume.write(300 * KIB, filled(9, GRAIN), "try"),
    "compact": lambda volume: volume.compact_step(),
    "flush": lambda volume: volume.flush(),
}
POINTS = [
    ("relocate", InitialMap, "unset"),
    ("relocate", Log, "write_change"),
    ("identity", InitialMap, "unset"),
    ("identity", Allocator, "allocate"),
    ("snapshot", Log, "write_change"),
    ("snapshot", Log, "_advance"),
    ("purge", Catalog, "apply"),
    ("purge", Allocator, "release_many"),
    ("first write", OpenGroup, "read_in"),
    ("write to a clone", OpenGroup, "add"),
    ("compact", Allocator, "commit_releases"),
    ("flush", Ring, "begin"),
    ("flush", Ring, "put_down"),
]


@pytest.mark.parametrize(("act", "kind", "name"), POINTS, ids=str)
def test_what_was_interrupted_is_not_put_on_the_disk(image, monkeypatch, act, kind, name):
    with open_volume(image) as volume:
        volume.flush()
        before = views_of(volume)
        if act == "flush":
            volume.write(300 * KIB, filled(9, GRAIN))
        interrupt_after(monkeypatch, kind, name)
        with pytest.raises(KeyboardInterrupt):
            ACTS[act](volume)
        with pytest.raises((DeviceFailedError, ReadOnlyError), match="interrupted half done"):
            volume.write(0, filled(3, GRAIN))
        with pytest.raises((DeviceFailedError, ReadOnlyError), match="interrupted half done"):
            volume.snapshot("later")
    with open_volume(image) as volume:
        after = views_of(volume)
        assert volume.check() == []
    touched = {"first write": "original", "write to a clone": "try", "flush": "original"}.get(act)
    for view in after.keys() & before.keys() - {touched}:
        assert after[view] == before[view], view
    assert before.keys() - after.keys() <= ({"monday"} if act == "purge" else set())


def test_an_image_without_copies_takes_no_more_writes_either(tmp_path, monkeypatch):
    path = tmp_path / "plain.img"
    path.write_bytes(START)
    with open_volume(path) as volume:
        interrupt_after(monkeypatch, Allocator, "allocate")
        with pytest.raises(KeyboardInterrupt):
            volume.snapshot("first")
        with pytest.raises(ReadOnlyError, match="interrupted half done"):
            volume.write(0, filled(3, GRAIN))
    assert [entry.name for entry in tmp_path.iterdir()] == ["plain.img"]
    assert path.read_bytes() == START
