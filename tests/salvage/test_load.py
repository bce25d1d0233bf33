# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A dump, and the additional area that is made of it, say the same."""

from __future__ import annotations

import msgspec
import pytest

from core.device.memory import MemoryDevice
from core.engine import create_portions, open_volume
from core.engine.repairing import load_area
from core.errors import CorruptAreaError, FormatError, ImageChangedError
from core.salvage.load import check_image, read_dump, write_loaded
from tests.engine.stills import bytes_of, read_only_volume, still_volume, views_of
from tests.fuzz import sidecars

CLEAN = sidecars.make(clean=True)
MOVED = sidecars.make(clean=True, is_moved=True)
PLACING = {"area", "superblock", "log", "ring"}


def volume_of(sidecar, area):
    return read_only_volume(MemoryDevice.from_bytes(sidecar.image), area)


def dump_of(sidecar):
    return volume_of(sidecar, MemoryDevice.from_bytes(sidecar.area)).dump()


def loaded(raw, *, with_data, sidecar=CLEAN):
    dumped = read_dump(raw)
    target = MemoryDevice(direct=True)
    data = MemoryDevice.from_bytes(sidecar.area) if with_data else None
    image, copied = MemoryDevice.from_bytes(sidecar.image), []
    check_image(dumped, image, "disk.img.rangepair")
    write_loaded(dumped, image, target, "disk.img", data, copied.append)
    assert sum(copied) == (dumped.data_bytes if with_data else 0)
    return target


def test_with_data_every_copy_reads_as_it_did():
    dump = dump_of(CLEAN)
    target = loaded(msgspec.json.encode(dump), with_data=True)
    volume = volume_of(CLEAN, target)
    assert views_of(volume) == CLEAN.views
    assert volume.check() == []
    again = volume.dump()
    assert {key: again[key] for key in again.keys() - PLACING} == {
        key: dump[key] for key in dump.keys() - PLACING
    }
    for key in ("uuid", "created", "size_bytes", "grain_bytes", "fingerprint", "clean"):
        assert again["superblock"][key] == dump["superblock"][key]


def test_an_image_that_lies_otherwise_is_read_as_before():
    dump = dump_of(MOVED)
    target = loaded(msgspec.json.encode(dump), with_data=True, sidecar=MOVED)
    volume = volume_of(MOVED, target)
    assert views_of(volume) == MOVED.views
    assert volume.initial() == volume_of(MOVED, MemoryDevice.from_bytes(MOVED.area)).initial()
    assert volume.check() == []
    assert volume.dump()["initial_map"] == dump["initial_map"]


def test_a_volume_of_portions_keeps_their_sizes(tmp_path):
    image = tmp_path / "portions.img"
    create_portions(image, [512, 2048, 1024])
    with open_volume(image) as volume:
        volume.write_portion(1, b"a" * 2048)
        volume.snapshot("before")
        volume.write_portion(1, b"b" * 4096)
        raw, portions = msgspec.json.encode(volume.dump()), volume.portions()
        kept = volume.portions("before")
    area = image.with_name("portions.img.rangepair")
    area.rename(tmp_path / "data")
    load_area(raw, image, data=tmp_path / "data", tell=lambda _count: None)
    with open_volume(image) as volume:
        assert volume.portions() == portions
        assert volume.portions("before") == kept
        assert volume.read(65536, 4096) == b"b" * 4096
        assert volume.read(65536, 2048, "before") == b"a" * 2048
        assert volume.check() == []


def test_the_policy_is_kept():
    image, area = MemoryDevice.from_bytes(CLEAN.image), MemoryDevice.from_bytes(CLEAN.area)
    volume = still_volume(image, area)
    volume.set_policy(when_full="drop", area_limit_bytes=1 << 40, expendable=["S2"])
    policy = volume.policy()
    volume.close()
    raw = msgspec.json.encode(read_only_volume(image, area).dump())
    again = still_volume(MemoryDevice.from_bytes(CLEAN.image), loaded(raw, with_data=True))
    assert again.policy() == policy


def test_an_image_that_is_too_short_for_its_map_is_refused():
    dumped = read_dump(msgspec.json.encode(dump_of(MOVED)))
    image = MemoryDevice.from_bytes(MOVED.image[:-4096])
    with pytest.raises(ImageChangedError, match="shorter than"):
        check_image(dumped, image, "disk.img.rangepair")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[1].update(start=rows[0]["start"]),
        lambda rows: rows[1].update(place=rows[0]["place"]),
        lambda rows: rows[-1].update(length=1 << 40),
        lambda rows: rows[0].update(scheme="none"),
        lambda rows: rows[0].update(length=0),
    ],
)
def test_a_map_that_makes_no_sense_is_refused(spoil):
    dump = msgspec.json.decode(msgspec.json.encode(dump_of(MOVED)))
    spoil(dump["initial_map"])
    with pytest.raises(FormatError, match=r"no dump of an additional area"):
        read_dump(msgspec.json.encode(dump))


def test_a_dump_from_before_maps_were_in_it_is_refused():
    dump = dump_of(MOVED)
    del dump["initial_map"]
    with pytest.raises(FormatError, match="make another dump"):
        read_dump(msgspec.json.encode(dump))


def test_it_is_gone_on_with():
    target = loaded(msgspec.json.encode(dump_of(CLEAN)), with_data=True)
    volume = still_volume(MemoryDevice.from_bytes(CLEAN.image), target)
    volume.snapshot("after")
    volume.write(0, b"x" * 4096)
    assert volume.read(0, 4096, "after") == CLEAN.views["original"][:4096]
    assert volume.read(0, len(CLEAN.views["S2"]), "S2") == CLEAN.views["S2"]
    assert volume.check() == []
    volume.close()


def test_without_data_no_copy_reads_wrong_bytes():
    volume = volume_of(CLEAN, loaded(msgspec.json.encode(dump_of(CLEAN)), with_data=False))
    assert volume.check(structures=True) == []
    assert {finding.code for finding in volume.check()} == {"checksum"}
    assert volume.read(0, len(CLEAN.image)) == CLEAN.views["original"]
    with pytest.raises(CorruptAreaError, match="'S2' is damaged"):
        volume.read(0, len(CLEAN.image), "S2")


def test_a_dump_of_a_volume_with_something_in_memory_is_refused():
    dirty = sidecars.make(clean=False)
    raw = msgspec.json.encode(dump_of(dirty))
    with pytest.raises(FormatError, match="open the volume once for writing"):
        read_dump(raw)
    area, image = MemoryDevice.from_bytes(dirty.area), MemoryDevice.from_bytes(dirty.image)
    volume = still_volume(image, area)
    volume.close()
    assert read_dump(msgspec.json.encode(read_only_volume(image, area).dump()))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda dump: dump.pop("layers"),
        lambda dump: dump["layers"][0]["pointers"][0].update(offset=512),
        lambda dump: dump["layers"][0]["pointers"][0].update(start=-512),
        lambda dump: dump["layers"][0]["pointers"][0].update(kind="none"),
        lambda dump: dump["layers"][0]["pointers"][0].update(checksum="zz"),
        lambda dump: dump["layers"][0]["pointers"][1].update(dump["layers"][0]["pointers"][0]),
        lambda dump: dump["chain"].append(99),
        lambda dump: dump["copies"][0].update(base=99),
        lambda dump: dump["superblock"].update(uuid="no"),
        lambda dump: dump["superblock"].pop("ring_bytes"),
        lambda dump: dump.update(area=None, superblock=None),
    ],
)
def test_what_is_no_dump_is_refused(spoil):
    dump = msgspec.json.decode(msgspec.json.encode(dump_of(CLEAN)))
    spoil(dump)
    with pytest.raises(FormatError, match=r"no dump of an additional area \(.+\); make one"):
        read_dump(msgspec.json.encode(dump))
    for raw in (b"", b"{}", b"\xff", b"[1]"):
        with pytest.raises(FormatError):
            read_dump(raw)


def test_nothing_is_written_to_what_is_read():
    before = bytes(CLEAN.area)
    data = sidecars.FlippedDevice(before)
    dumped = read_dump(msgspec.json.encode(dump_of(CLEAN)))
    target = MemoryDevice(direct=True)
    image = sidecars.FlippedDevice(CLEAN.image)
    write_loaded(dumped, image, target, "disk.img", data, lambda _count: None)
    assert views_of(volume_of(CLEAN, target)) == CLEAN.views
    assert bytes_of(target) != before
