# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The promises of ``core.device.base.Device``, kept by every device there is."""

from __future__ import annotations

import errno
import random

import pytest

from core.area.initial import InitialArea
from core.device.base import aligned_buffer, read_exactly, read_into, write_all, writev_all
from core.device.imagefile import FileDevice
from core.device.memory import MemoryDevice
from core.mapping.initialmap import InitialMap
from core.units import KIB, MIB
from tests.doubles.crashdisk import CrashDisk
from tests.doubles.faultdevice import FaultDevice

PAGE = 4096


def _file(tmp_path, direct):
    return FileDevice.create(tmp_path / "disk.img", direct=direct)


def _file_without_direct(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.device.direct.filesystem_of", lambda _: "fuse.sshfs")
        return _file(tmp_path, direct=True)


MAKERS = {
    "file-buffered": lambda tmp_path: _file(tmp_path, direct=False),
    "file-direct": lambda tmp_path: _file(tmp_path, direct=True),
    "file-on-fuse": _file_without_direct,
    "memory": lambda _: MemoryDevice(),
    "memory-direct": lambda _: MemoryDevice(direct=True),
    "crash-image": lambda _: CrashDisk(b"").image,
    "crash-area": lambda _: CrashDisk(b"").area,
    "initial-area": lambda _: InitialArea(MemoryDevice(), InitialMap(), 0),
    "no-faults": lambda _: FaultDevice(MemoryDevice(direct=True)),
}


@pytest.fixture(params=MAKERS)
def device(request, tmp_path):
    device = MAKERS[request.param](tmp_path)
    yield device
    device.close()


@pytest.fixture
def mebibyte(device):
    device.resize(MIB)
    return device


def _aligned(content):
    buffer = aligned_buffer(len(content))
    buffer[:] = content
    return buffer


def test_new_bytes_read_as_zeroes(mebibyte):
    assert mebibyte.size == MIB
    assert mebibyte.pread(MIB, 0) == bytes(MIB)


@pytest.mark.parametrize("offset", [0, 512, PAGE - 512, PAGE, 700])
@pytest.mark.parametrize("length", [1, 512, PAGE, 3 * PAGE + 512])
def test_written_bytes_are_read_back_and_neighbours_stay(mebibyte, offset, length):
    content = random.Random(length).randbytes(length)
    assert mebibyte.pwrite(content, offset) == length
    assert mebibyte.pread(length, offset) == content
    assert mebibyte.pread(offset, 0) == bytes(offset)
    assert mebibyte.pread(MIB, offset + length) == bytes(MIB - offset - length)


def test_vectors_are_written_and_read_in_turn(mebibyte):
    assert mebibyte.pwritev([b"ab", bytearray(b"cde"), memoryview(b"f")], 510) == 6
    first, second = bytearray(1), bytearray(5)
    assert mebibyte.preadv([first, second], 510) == 6
    assert bytes(first + second) == b"abcdef"


def test_reading_stops_at_the_end(mebibyte):
    mebibyte.pwrite(b"z" * 512, MIB - 512)
    assert mebibyte.pread(PAGE, MIB - 512) == b"z" * 512
    assert mebibyte.pread(PAGE, MIB) == b""
    assert mebibyte.pread(PAGE, 2 * MIB) == b""
    assert mebibyte.preadv([bytearray(PAGE)], MIB - 512) == 512
    with pytest.raises(OSError, match="ends at byte") as caught:
        read_exactly(mebibyte, PAGE, MIB - 512)
    assert caught.value.errno == errno.EIO


def test_every_way_of_writing_is_seen_by_every_way_of_reading(mebibyte):
    ways = [
        mebibyte.pwrite,
        lambda content, offset: mebibyte.pwritev([content], offset),
        lambda content, offset: mebibyte.pwritev_durable([_aligned(content)], offset),
    ]
    rng = random.Random(7)
    oracle = bytearray(MIB)
    for _ in range(200):
        start, pages = rng.randrange(0, 200), rng.randrange(1, 5)
        content = rng.randbytes(pages * PAGE)
        oracle[start * PAGE : (start + pages) * PAGE] = content
        assert rng.choice(ways)(content, start * PAGE) == len(content)
        assert mebibyte.pread(len(content), start * PAGE) == content
    assert mebibyte.pread(MIB, 0) == oracle
    mebibyte.sync()
    assert mebibyte.pread(MIB, 0) == oracle


def test_a_durable_write_takes_many_buffers(mebibyte):
    arena = _aligned(random.Random(1).randbytes(1100 * PAGE // 8))[: 136 * PAGE]
    parts = [arena[i * PAGE : (i + 1) * PAGE] for i in range(136)]
    assert mebibyte.pwritev_durable(parts, PAGE) == 136 * PAGE
    assert mebibyte.pread(136 * PAGE, PAGE) == arena


def test_more_buffers_than_one_call_takes(mebibyte):
    parts = [bytes([i % 256]) * 16 for i in range(3000)]
    assert writev_all(mebibyte.pwritev, parts, 512) == 48000
    assert mebibyte.pread(48000, 512) == b"".join(parts)


def test_a_direct_device_refuses_what_is_off_its_alignment(mebibyte):
    if not mebibyte.direct:
        assert mebibyte.pwritev_durable([b"x" * 512], 512) == 512
        return
    with pytest.raises(OSError, match=r".") as caught:
        mebibyte.pwritev_durable([_aligned(b"x" * 100)], 100)
    assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize("act", ["punch", "zero"])
@pytest.mark.parametrize(
    ("offset", "length"), [(0, MIB), (PAGE, 2 * PAGE), (700, 9000), (5, 1), (9, 0)]
)
def test_punched_and_zeroed_ranges_read_as_zeroes(mebibyte, act, offset, length):
    oracle = bytearray(random.Random(3).randbytes(MIB))
    mebibyte.pwrite(oracle, 0)
    getattr(mebibyte, act)(offset, length)
    oracle[offset : offset + length] = bytes(length)
    assert mebibyte.pread(MIB, 0) == oracle
    assert mebibyte.size == MIB


@pytest.mark.parametrize("act", ["punch", "zero"])
def test_punching_over_the_end_does_not_grow(mebibyte, act):
    mebibyte.pwrite(b"x" * PAGE, MIB - PAGE)
    getattr(mebibyte, act)(MIB - 512, MIB)
    getattr(mebibyte, act)(3 * MIB, MIB)
    assert mebibyte.size == MIB
    assert mebibyte.pread(PAGE, MIB - PAGE) == b"x" * (PAGE - 512) + bytes(512)


def test_allocating_grows_and_keeps_what_is_there(device):
    device.allocate(0, 3 * PAGE)
    assert device.size == 3 * PAGE
    device.pwrite(b"k" * PAGE, PAGE)
    device.allocate(PAGE, 64 * KIB)
    assert device.size == PAGE + 64 * KIB
    assert device.pread(3 * PAGE, 0) == bytes(PAGE) + b"k" * PAGE + bytes(PAGE)
    device.allocate(0, PAGE)
    assert device.size == PAGE + 64 * KIB


def test_bytes_cut_off_are_zeroes_when_the_device_grows_again(mebibyte):
    mebibyte.pwrite(b"q" * (3 * PAGE), 0)
    mebibyte.resize(PAGE + 512)
    assert mebibyte.size == PAGE + 512
    assert mebibyte.pread(MIB, 0) == b"q" * (PAGE + 512)
    mebibyte.resize(MIB)
    assert mebibyte.pread(3 * PAGE, 0) == b"q" * (PAGE + 512) + bytes(2 * PAGE - 512)


def test_data_extents_hold_all_data_within_their_bounds(mebibyte):
    rng = random.Random(11)
    for _ in range(8):
        mebibyte.pwrite(b"d" * 512, 512 * rng.randrange(MIB // 512))
    mebibyte.punch(256 * KIB, 256 * KIB)
    for start, stop in [(0, MIB), (100 * KIB + 512, 900 * KIB), (MIB - 512, 4 * MIB), (512, 512)]:
        extents = list(mebibyte.data_extents(start, stop))
        edges = [edge for extent in extents for edge in (extent.start, extent.stop)]
        assert edges == sorted(edges)
        assert all(start <= extent.start < extent.stop <= min(stop, MIB) for extent in extents)
        seen = bytearray(MIB)
        for extent in extents:
            seen[extent.start : extent.stop] = read_exactly(mebibyte, extent.length, extent.start)
        assert seen[start:stop] == mebibyte.pread(stop - start, start)


def test_data_extents_leave_holes_out(device):
    device.resize(64 * MIB)
    device.pwrite(b"d" * PAGE, 32 * MIB)
    assert [tuple(extent) for extent in device.data_extents(0, 64 * MIB)] == [(32 * MIB, PAGE)]
    assert list(device.data_extents(33 * MIB, 64 * MIB)) == []


def test_sparse_devices_reach_16_tebibytes(device):
    size = (1 << 44) - PAGE
    device.resize(size)
    write_all(device, b"far", size - 3)
    buffer = bytearray(3)
    read_into(device, buffer, size - 3)
    assert (device.size, buffer) == (size, b"far")


def test_advice_changes_nothing(mebibyte):
    mebibyte.pwrite(b"a" * PAGE, 0)
    mebibyte.advise_willneed(0, MIB)
    assert mebibyte.pread(PAGE, 0) == b"a" * PAGE


def test_closing_twice_is_allowed(device):
    device.close()
    device.close()
