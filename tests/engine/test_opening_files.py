# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Files that cannot be opened, or not for writing: the right class, a sentence, no byte changed."""

from __future__ import annotations

import os
import shutil
import socket

import msgspec
import pytest

from core.claims.portions import portion
from core.device.memory import MemoryDevice
from core.engine import create_volume, open_volume
from core.errors import (
    EXIT_CORRUPTION,
    EXIT_ERROR,
    CorruptAreaError,
    FingerprintError,
    FormatError,
    ImageChangedError,
    ImageError,
    ImageSizeError,
    RangepairError,
    ReadOnlyError,
    VolumeBusyError,
)
from core.format import superblock
from core.format.block import HEADER_BYTES, pack_block
from core.format.layout import BLOCK_BYTES, RING_HEAD_OFFSETS, SUPERBLOCK_OFFSETS
from tests.engine.board import LETTERS_RAW, PORTION
from tests.engine.stills import read_only_volume, still_volume, views_of
from tests.engine.test_refusals import assert_sentence

SIZE = len(LETTERS_RAW)


def sidecar_of(path):
    return path.with_name(f"{path.name}.rangepair")


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def refuse_open(path, kind, exit_status=EXIT_ERROR, **options):
    before = files_in(path.parent)
    for read_only in (False, True):
        with pytest.raises(RangepairError) as error:
            open_volume(path, read_only=read_only, **options)
        assert type(error.value) is kind
        assert error.value.exit_status == exit_status
        assert_sentence(error)
    assert files_in(path.parent) == before


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(LETTERS_RAW)
    return path


@pytest.fixture
def closed(path):
    """A volume that was closed cleanly, with a snapshot and a clone that differ from it."""
    with open_volume(path) as volume:
        volume.snapshot("S")
        volume.clone("C")
        volume.write(3 * PORTION, portion("D1"))
        volume.write(5 * PORTION, portion("X"), "C")
    return path


VIEWS = {
    "original": LETTERS_RAW[: 3 * PORTION] + portion("D1") + LETTERS_RAW[4 * PORTION :],
    "S": LETTERS_RAW,
    "C": LETTERS_RAW[: 5 * PORTION] + portion("X") + LETTERS_RAW[6 * PORTION :],
}


def test_what_was_closed_is_there_again(closed):
    for read_only in (False, True):
        with open_volume(closed, read_only=read_only) as volume:
            assert views_of(volume) == VIEWS
            assert volume.check() == []


def test_opening_and_closing_changes_neither_file(closed):
    before = files_in(closed.parent)
    with open_volume(closed) as volume:
        views_of(volume)
    assert files_in(closed.parent) == before


# -- the image -------------------------------------------------------------------------------


def test_a_missing_image_is_refused(tmp_path):
    refuse_open(tmp_path / "absent.img", ImageError)
    assert list(tmp_path.iterdir()) == []


def test_an_image_in_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ImageError) as error:
        open_volume(tmp_path / "absent" / "disk.img")
    assert_sentence(error)


@pytest.mark.parametrize("size", [0, 1, 511, 513, SIZE + 1])
def test_an_image_of_no_or_odd_size_is_refused(tmp_path, size):
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(size))
    refuse_open(path, ImageError)


def test_a_folder_is_no_image(tmp_path):
    (tmp_path / "disk.img").mkdir()
    refuse_open(tmp_path / "disk.img", ImageError)


def test_a_pipe_is_no_image_and_does_not_stop_the_program(tmp_path):
    os.mkfifo(tmp_path / "disk.img")
    refuse_open(tmp_path / "disk.img", ImageError)


def test_a_socket_is_no_image(tmp_path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s"))
        refuse_open(tmp_path / "s", ImageError)


def test_a_character_device_is_no_image():
    with pytest.raises(ImageError) as error:
        open_volume("/dev/zero", area="/nonexistent/area")
    assert_sentence(error)


def test_a_name_longer_than_the_system_takes_is_refused(tmp_path):
    refuse_open(tmp_path / ("n" * 300), ImageError)


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ImageError) as error:
        open_volume(tmp_path / "a")
    assert_sentence(error)


def test_an_image_that_may_not_be_written_opens_read_only_alone(closed, monkeypatch):
    """Permissions do not bind every user that runs this test, so the system's answer is played."""
    system_open = os.open

    def refusing_open(name, flags, *args, **kwargs):
        if str(name) == str(closed) and flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied", name)
        return system_open(name, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refusing_open)
    before = files_in(closed.parent)
    with pytest.raises(ImageError) as error:
        open_volume(closed)
    assert_sentence(error)
    with open_volume(closed, read_only=True) as volume:
        assert views_of(volume) == VIEWS
    assert files_in(closed.parent) == before


@pytest.mark.parametrize("change", [-PORTION, -512, 512, PORTION])
def test_an_image_of_another_size_than_it_had_is_refused(closed, change):
    os.truncate(closed, SIZE + change)
    refuse_open(closed, ImageSizeError)
    refuse_open(closed, ImageSizeError, accept_changes=True)
    os.truncate(closed, SIZE)


def _change_outside(path, number):
    kept = path.stat()
    with path.open("r+b") as image:
        image.seek(number * PORTION + 100)
        image.write(b"changed")
    return kept


@pytest.mark.parametrize("puts_time_back", [False, True])
def test_an_image_changed_outside_opens_read_only_and_says_where(closed, puts_time_back):
    kept = _change_outside(closed, 6)
    if puts_time_back:
        os.utime(closed, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    before = files_in(closed.parent)
    with open_volume(closed) as volume:
        assert volume.info().read_only
        with pytest.raises(ReadOnlyError, match=r"changed by another program") as error:
            volume.write(0, bytes(512))
        assert f"[{6 * PORTION}..{7 * PORTION - 1}]" in error.value.message
        assert_sentence(error)
        assert volume.read(5 * PORTION, PORTION, "C") == portion("X")
    assert files_in(closed.parent) == before


def test_an_image_touched_outside_opens_read_only(closed):
    os.utime(closed, ns=(1, 1))
    with open_volume(closed) as volume, pytest.raises(ReadOnlyError, match="time of change"):
        volume.snapshot("new")


def test_changes_outside_can_be_accepted(closed):
    _change_outside(closed, 6)
    with open_volume(closed, accept_changes=True) as volume:
        volume.write(0, portion("A1"))
        assert volume.read(0, PORTION, "S") == portion("A")
    with open_volume(closed) as volume:
        assert not volume.info().read_only
        assert volume.check() == []


def test_an_image_put_in_the_place_of_another_is_told(closed, tmp_path):
    other = tmp_path / "other.img"
    other.write_bytes(bytes(SIZE))
    sidecar_of(closed).rename(sidecar_of(other))
    with open_volume(other) as volume:
        assert volume.info().read_only
        with pytest.raises(ReadOnlyError, match=r"belongs to another image \(disk\.img\)") as error:
            volume.write(0, bytes(512))
        assert_sentence(error)
    assert other.read_bytes() == bytes(SIZE)


def test_image_and_sidecar_may_move_together(closed, tmp_path):
    kept = closed.stat()
    moved = tmp_path / "elsewhere" / "moved.img"
    moved.parent.mkdir()
    shutil.move(closed, moved)
    shutil.move(sidecar_of(closed), sidecar_of(moved))
    os.utime(moved, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    with open_volume(moved) as volume:
        assert views_of(volume) == VIEWS
        volume.write(0, bytes(512))


def test_a_sidecar_may_lie_elsewhere(path, tmp_path):
    area = tmp_path / "elsewhere" / "copies.rangepair"
    area.parent.mkdir()
    with open_volume(path, area=area) as volume:
        volume.snapshot("S")
        volume.write(0, portion("A1"))
    assert not sidecar_of(path).exists()
    with open_volume(path, area=area) as volume:
        assert volume.read(0, SIZE, "S") == LETTERS_RAW


# -- the additional area -----------------------------------------------------------------------


def test_the_sidecar_names_its_image(closed):
    with open_volume(sidecar_of(closed)) as volume:
        assert volume.info().image == str(closed)
        assert views_of(volume) == VIEWS


def test_a_sidecar_whose_image_is_gone_is_not_taken_for_an_image(closed):
    closed.unlink()
    refuse_open(sidecar_of(closed), ImageError)


def test_a_renamed_sidecar_is_not_taken_for_an_image(closed, tmp_path):
    renamed = tmp_path / "renamed.img"
    shutil.copy(sidecar_of(closed), renamed)
    refuse_open(renamed, ImageError)


NO_SIDECARS = {
    "empty": b"",
    "short": b"RPAIR",
    "zeroes": bytes(65536),
    "text": b"not an additional area\n" * 1000,
}


@pytest.mark.parametrize("content", NO_SIDECARS.values(), ids=NO_SIDECARS)
def test_a_file_that_is_no_sidecar_is_refused(path, content):
    sidecar_of(path).write_bytes(content)
    refuse_open(path, FormatError)


def test_a_folder_is_no_sidecar(path):
    sidecar_of(path).mkdir()
    refuse_open(path, ImageError)


@pytest.mark.parametrize("length", [BLOCK_BYTES, 4 * BLOCK_BYTES, 1 << 20])
def test_a_sidecar_that_was_cut_short_is_refused(closed, length):
    os.truncate(sidecar_of(closed), length)
    refuse_open(closed, CorruptAreaError, EXIT_CORRUPTION)


def _patch_superblocks(closed, patch):
    """Rewrite both superblocks, with right checksums, after ``patch`` changed the body."""
    with sidecar_of(closed).open("r+b") as area:
        for offset in SUPERBLOCK_OFFSETS:
            area.seek(offset)
            raw = area.read(BLOCK_BYTES)
            block = superblock.unpack(raw, offset)
            length = int.from_bytes(raw[40:48], "little")
            body = bytearray(raw[HEADER_BYTES : HEADER_BYTES + length])
            patch(body)
            area.seek(offset)
            area.write(pack_block(superblock.MAGIC, offset, block.uuid, block.seq, bytes(body)))


def test_a_newer_format_is_refused(closed):
    _patch_superblocks(closed, lambda body: body.__setitem__(slice(0, 4), b"\2\0\0\0"))
    refuse_open(closed, FormatError)


def test_an_unknown_feature_that_is_incompatible_is_refused(closed):
    _patch_superblocks(closed, lambda body: body.__setitem__(8 + 5, 1))
    refuse_open(closed, FormatError)


@pytest.mark.parametrize("word", [16, 24])
def test_an_unknown_feature_that_is_compatible_or_autoclear_is_no_hindrance(closed, word):
    _patch_superblocks(closed, lambda body: body.__setitem__(word, 0xFF))
    with open_volume(closed) as volume:
        assert views_of(volume) == VIEWS
        volume.write(0, bytes(512))
    assert sidecar_of(closed).read_bytes()[HEADER_BYTES + 24] == 0


def test_an_unknown_key_in_the_superblock_is_no_hindrance(closed):
    def add_key(body):
        fields = msgspec.msgpack.decode(body[32:])
        body[32:] = msgspec.msgpack.encode(fields | {"invented_later": [1, 2]})

    _patch_superblocks(closed, add_key)
    with open_volume(closed) as volume:
        assert views_of(volume) == VIEWS


def test_a_missing_key_in_the_superblock_is_refused(closed):
    def drop_key(body):
        fields = msgspec.msgpack.decode(body[32:])
        del fields["catalog"]
        body[32:] = msgspec.msgpack.encode(fields)

    _patch_superblocks(closed, drop_key)
    refuse_open(closed, FormatError)


def test_a_fingerprint_that_makes_no_sense_is_refused(closed):
    def spoil(body):
        fields = msgspec.msgpack.decode(body[32:])
        body[32:] = msgspec.msgpack.encode(fields | {"fingerprint": b"\xc1"})

    _patch_superblocks(closed, spoil)
    refuse_open(closed, FingerprintError)
    with open_volume(closed, accept_changes=True) as volume:
        assert views_of(volume) == VIEWS
        volume.write(0, portion("A1"))
        assert volume.check() == []


def _spoil(path, offset, length=64):
    with path.open("r+b") as area:
        area.seek(offset)
        raw = area.read(length)
        area.seek(offset)
        area.write(bytes(byte ^ 0xFF for byte in raw))


def test_two_damaged_superblocks_are_refused(closed):
    for offset in SUPERBLOCK_OFFSETS:
        _spoil(sidecar_of(closed), offset)
    refuse_open(closed, FormatError)


@pytest.mark.parametrize("offset", SUPERBLOCK_OFFSETS)
def test_one_damaged_superblock_does_no_harm_and_is_mended_by_the_next_write(closed, offset):
    _spoil(sidecar_of(closed), offset)
    before = files_in(closed.parent)
    with open_volume(closed, read_only=True) as volume:
        assert views_of(volume) == VIEWS
        assert volume.check() == []
    assert files_in(closed.parent) == before
    with open_volume(closed) as volume:
        assert views_of(volume) == VIEWS
        volume.write(0, bytes(512))
    with open_volume(closed) as volume:
        assert volume.check() == []
        assert volume.read(0, SIZE, "S") == LETTERS_RAW


def test_damaged_ring_heads_of_a_clean_sidecar_do_no_harm(closed):
    """Nothing in the ring is alive, so nothing depends on them."""
    for offset in RING_HEAD_OFFSETS:
        _spoil(sidecar_of(closed), offset)
    with open_volume(closed, read_only=True) as volume:
        assert views_of(volume) == VIEWS


@pytest.mark.parametrize("name", ["catalog", "free_list", "table"])
def test_a_damaged_structure_is_refused(closed, name):
    with open_volume(closed, read_only=True) as volume:
        places = dict(volume.dump()["superblock"])
        layers = volume._state.catalog.layers.values()
        tables = [place.offset for layer in layers for _, place in layer.places.values()]
    _spoil(sidecar_of(closed), tables[0] if name == "table" else places[name][0])
    refuse_open(closed, CorruptAreaError, EXIT_CORRUPTION)


def test_damaged_data_is_found_by_check(closed):
    with open_volume(closed, read_only=True) as volume:
        place = int(volume.table("S").columns.offsets[0])
    _spoil(sidecar_of(closed), place)
    with open_volume(closed, read_only=True) as volume:
        (finding,) = volume.check()
        assert (finding.code, finding.severity) == ("checksum", "corruption")
        assert str(place) in finding.where


# -- two at once -------------------------------------------------------------------------------


@pytest.mark.parametrize("first_reads", [False, True])
@pytest.mark.parametrize("second_reads", [False, True])
def test_only_readers_share_a_volume(closed, first_reads, second_reads):
    with open_volume(closed, read_only=first_reads):
        if first_reads and second_reads:
            with open_volume(closed, read_only=True) as volume:
                assert views_of(volume) == VIEWS
            return
        with pytest.raises(VolumeBusyError) as error:
            open_volume(closed, read_only=second_reads)
        assert_sentence(error)
    with open_volume(closed) as volume:
        assert views_of(volume) == VIEWS


def test_two_images_cannot_share_a_sidecar(closed, tmp_path):
    twin = tmp_path / "twin.img"
    shutil.copy2(closed, twin)
    with open_volume(closed), pytest.raises(VolumeBusyError) as error:
        open_volume(twin, area=sidecar_of(closed))
    assert_sentence(error)


def test_a_refused_open_leaves_no_lock_behind(closed):
    os.truncate(closed, SIZE + 512)
    with pytest.raises(ImageChangedError):
        open_volume(closed)
    os.truncate(closed, SIZE)
    with open_volume(closed, accept_changes=True) as volume:
        volume.write(0, bytes(512))


# -- volumes that were not closed --------------------------------------------------------------


def _dirty_copy(path, folder):
    """Copy both files of an open volume, as a power cut after the last flush would leave them."""
    folder.mkdir()
    shutil.copy2(path, folder)
    shutil.copy2(sidecar_of(path), folder)
    return folder / path.name


def test_a_dirty_volume_is_recovered_in_memory_for_a_reader(closed, tmp_path):
    with open_volume(closed) as volume:
        while volume._state.journal.ring.prepare_step():
            pass
        volume.snapshot("S2")
        volume.write(PORTION, portion("B1"))
        volume.write(2 * PORTION, portion("Y"), "C")
        volume.flush()
        volume.write(PORTION, portion("B2"))
        volume.flush()
        expected = views_of(volume)
        dirty = _dirty_copy(closed, tmp_path / "cut")
    before = files_in(dirty.parent)
    with open_volume(dirty, read_only=True) as volume:
        assert volume._state.journal.overlay.used_bytes, "the ring must have been alive"
        assert views_of(volume) == expected
        assert volume.info().copies[-1].name == "S2"
    assert files_in(dirty.parent) == before
    with open_volume(dirty) as volume:
        assert views_of(volume) == expected
        assert volume.check() == []
    with open_volume(dirty, read_only=True) as volume:
        assert views_of(volume) == expected


def test_a_dirty_volume_may_be_opened_and_left_to_itself(closed, tmp_path):
    with open_volume(closed) as volume:
        volume.write(0, portion("A1"))
        volume.flush()
        dirty = _dirty_copy(closed, tmp_path / "cut")
    with open_volume(dirty):
        pass
    with open_volume(dirty) as volume:
        assert volume.read(0, PORTION) == portion("A1")
        assert volume.read(0, SIZE, "S") == LETTERS_RAW
        assert volume.check() == []


def test_a_link_to_an_image_leads_to_the_copies_of_that_image(closed, tmp_path):
    folder = tmp_path / "links"
    folder.mkdir()
    links = [folder / "near.img", folder / "far.img"]
    links[0].symlink_to(closed)
    links[1].symlink_to("near.img")
    for link in links:
        with open_volume(link) as volume:
            volume.snapshot(f"by {link.stem}")
            volume.write(0, portion("x"))
    with open_volume(closed, read_only=True) as volume:
        assert {"by near", "by far"} < {copy.name for copy in volume.info().copies}
        assert views_of(volume) != VIEWS
        assert volume.check() == []
    assert sorted(folder.iterdir()) == sorted(links)


def test_an_area_behind_a_link_that_leads_nowhere_is_missed_and_not_forgotten(path):
    """Its disk may not be mounted: without it a write would change what the copies read."""
    sidecar_of(path).symlink_to(path.parent / "unmounted" / "area")
    refuse_open(path, ImageError)


def test_an_image_needs_a_name():
    with pytest.raises(ImageError, match="is empty"):
        create_volume("", PORTION)


def test_a_file_that_had_not_grown_yet_when_the_power_went_is_made_to(tmp_path):
    """The last group names a segment in which nothing was written, and the file ends before it."""
    image, area = MemoryDevice.from_bytes(LETTERS_RAW), MemoryDevice(direct=True)
    volume = still_volume(image, area)
    volume.snapshot("S")
    log = volume._state.journal.log
    volume.write(0, portion("A1"))
    volume._state.journal.barrier()
    segment_stop = log.segment_stop
    while log.segment_stop == segment_stop:
        volume.rename("S", "T")
        volume.rename("T", "S")
    area.resize(log.offset)
    views = views_of(volume)
    cut = area.copy()
    reader = read_only_volume(image, cut)
    assert views_of(reader) == views
    assert cut.size == log.offset
    writer = still_volume(image, cut)
    assert views_of(writer) == views
    assert cut.size >= log.segment_stop
    writer.write(PORTION, portion("B1"))
    writer.close()
    again = still_volume(image, cut)
    assert again.read(0, SIZE, "S") == LETTERS_RAW
    assert again.check() == []
