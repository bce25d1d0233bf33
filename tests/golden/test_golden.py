# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Files of every format version open for ever, and show what they showed when they were made."""

from __future__ import annotations

import json
import lzma
import os
from pathlib import Path

import pytest

from core.device.memory import MemoryDevice
from core.engine import open_volume
from core.format.catalog import (
    Moved,
    Purged,
    Remapped,
    Separated,
    Took,
    unpack_change,
)
from core.format.group import KIND_CHANGE, KIND_RECORDS, RECORD_WRITE
from core.format.superblock import REDIRECT_ON_WRITE
from core.mapping.initialmap import Scheme
from core.volume import recover
from tests.engine.stills import read_only_volume
from tests.golden.generate import LIVES, MTIME_NS, SIZE, expected_of, make

FOLDERS = sorted(Path(__file__).parent.glob("format-*"))
CASES = [
    pytest.param(folder, name, id=f"{folder.name}-{name}")
    for folder in FOLDERS
    for name in json.loads((folder / "expected.json").read_text("utf-8"))
]


MOVING_ON = {"homeward"}
"""As soon as it is open for writing, copies get pointers to what is kept for them."""


@pytest.fixture
def unpacked(tmp_path, folder, name):
    """The pair of files as they were, with the image's time of change."""
    for packed in folder.glob(f"{name}.img*.xz"):
        (tmp_path / packed.stem).write_bytes(lzma.decompress(packed.read_bytes()))
    path = tmp_path / f"{name}.img"
    os.utime(path, ns=(MTIME_NS, MTIME_NS))
    return path


def expected_for(folder, name):
    return json.loads((folder / "expected.json").read_text("utf-8"))[name]


def contents(path):
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


def test_there_are_golden_files_of_the_present_format():
    assert "format-1" in {folder.name for folder in FOLDERS}
    assert len(CASES) >= 3


@pytest.mark.parametrize(("folder", "name"), CASES)
def test_a_golden_file_shows_what_it_showed(unpacked, folder, name):
    before = contents(unpacked)
    with open_volume(unpacked, read_only=True) as volume:
        assert volume.check() == []
        assert expected_of(volume) == expected_for(folder, name)
    assert contents(unpacked) == before


@pytest.mark.parametrize(("folder", "name"), CASES)
def test_a_golden_file_can_be_gone_on_with(unpacked, folder, name):
    expected = expected_for(folder, name)
    with open_volume(unpacked) as volume:
        assert not volume.info().read_only
        seen = expected_of(volume)
        if name in MOVING_ON:
            seen["copies"] = expected["copies"]
        assert seen == expected
        volume.write(0, b"new" * 512 + bytes(512))
        volume.snapshot("new")
        volume.write(0, bytes(2048))
        assert volume.check() == []
    with open_volume(unpacked) as volume:
        seen = expected_of(volume)
        assert volume.check() == []
        assert volume.read(0, 2048, "new") == b"new" * 512 + bytes(512)
    old = {key: digest for key, digest in expected["views"].items() if key != "original"}
    assert {key: seen["views"][key] for key in old} == old


@pytest.mark.parametrize("name", LIVES)
def test_the_recipe_makes_the_same_bytes_twice(name):
    assert make(name) == make(name)


def test_the_recipe_leaves_something_of_everything():
    image, area, _ = make("dirty")
    volume = read_only_volume(MemoryDevice.from_bytes(image), MemoryDevice.from_bytes(area))
    state = volume._state
    fields = state.area.fields
    log = list(recover.intact_groups(state.area, fields.log_offset, fields.log_seq))
    assert {group.kind for group in log} == {KIND_RECORDS, KIND_CHANGE}
    assert any(group.tail_offset for group in log)
    assert list(recover.intact_ring_groups(state.area, state.area.read_ring_dead_seq()))
    runs = [layer.map.flatten() for layer in state.catalog.layers.values()]
    assert {kind for run in runs for kind in run.kinds.tolist()} == {0, 1, 2}
    assert any((run.heads > 0).any() for run in runs)
    assert state.size_bytes % state.grain_bytes


def test_the_recipe_of_moves_leaves_a_table_and_changes_of_it():
    image, area, _ = make("moving")
    state = read_only_volume(MemoryDevice.from_bytes(image), MemoryDevice.from_bytes(area))._state
    fields = state.area.fields
    assert fields.initial_map.length
    schemes = {extent.scheme for extent in state.initial.map}
    assert schemes == set(Scheme)
    log = recover.intact_groups(state.area, fields.log_offset, fields.log_seq)
    changes = [unpack_change(group.tail) for group in log if group.kind == KIND_CHANGE]
    assert {type(change) for change in changes} == {Took, Remapped}
    assert list(recover.intact_ring_groups(state.area, state.area.read_ring_dead_seq()))


def test_the_recipe_of_sides_leaves_a_separation_under_way():
    image, area, _ = make("homeward")
    state = read_only_volume(MemoryDevice.from_bytes(image), MemoryDevice.from_bytes(area))._state
    assert state.catalog.head is None
    assert (state.catalog.restoring.source_id, state.catalog.restoring.safety_id) == (0, 0)
    assert state.restore.left_bytes
    fields = state.area.fields
    log = recover.intact_groups(state.area, fields.log_offset, fields.log_seq)
    changes = [unpack_change(group.tail) for group in log if group.kind == KIND_CHANGE]
    assert {type(change) for change in changes} == {Took, Separated, Moved}
    assert list(recover.intact_ring_groups(state.area, state.area.read_ring_dead_seq()))


def test_the_recipe_of_what_stays_leaves_it_in_tables_and_in_changes():
    image, area, _ = make("staying")
    state = read_only_volume(MemoryDevice.from_bytes(image), MemoryDevice.from_bytes(area))._state
    assert state.catalog.redirects
    assert len(state.initial.map.kept_extents) > 2
    assert state.area.newest.incompatible >> REDIRECT_ON_WRITE & 1
    places = [places for layer in state.catalog.layers.values() for places in layer.places.values()]
    assert any((run.offsets < 0).any() for run, _ in places)
    fields = state.area.fields
    log = recover.intact_groups(state.area, fields.log_offset, fields.log_seq)
    changes = [unpack_change(group.tail) for group in log if group.kind == KIND_CHANGE]
    assert {type(change) for change in changes} == {Took, Remapped, Purged}
    remapped = [change for change in changes if isinstance(change, Remapped)]
    assert any(change.pointers for change in remapped)
    assert not all(change.pointers for change in remapped)


def test_the_recipe_of_flushes_leaves_originals_to_the_image():
    _, area, _ = make("flushed")
    state = read_only_volume(MemoryDevice(SIZE), MemoryDevice.from_bytes(area))._state
    fields = state.area.fields
    log = recover.intact_groups(state.area, fields.log_offset, fields.log_seq)
    newest = max(group.covers_ring_seq for group in log if group.kind == KIND_CHANGE)
    groups = list(recover.intact_ring_groups(state.area, state.area.read_ring_dead_seq()))
    assert groups[0].seq <= newest < groups[-1].seq
    assert {kind for group in groups for kind in group.records["kind"]} == {RECORD_WRITE}
