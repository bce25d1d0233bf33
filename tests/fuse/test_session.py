# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the kernel would be answered, about a real volume and without a kernel."""

from __future__ import annotations

import errno
import os
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine import open_volume
from core.errors import AreaFullError, NoSuchCopyError
from core.fuse import protocol
from core.fuse.diskfile import DiskFile
from core.fuse.protocol import FallocateCall, FallocateMode, Opcode
from core.fuse.session import Session
from tests.holes import data_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.engine.volume import Volume

SIZE = 1 << 20
PUNCH = FallocateMode.PUNCH_HOLE | FallocateMode.KEEP_SIZE


class Kernel:
    """The other side of a session: asks, and reads what it is answered."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.unique = 0

    def send(self, opcode: int, body: bytes = b"") -> tuple[int, bytes] | None:
        self.unique += 2
        packed = protocol.pack_request(opcode, self.unique, body)
        parts = self.session.answer(memoryview(bytearray(packed)))
        if not parts:
            return None
        number, unique, answer = protocol.unpack_reply(b"".join(parts))
        assert unique == self.unique
        return number, answer

    def ask(self, opcode: int, body: bytes = b"") -> bytes:
        """Return the body of the answer to what must be carried out."""
        reply = self.send(opcode, body)
        assert reply is not None
        assert reply[0] == 0, os.strerror(reply[0])
        return reply[1]

    def refusal(self, opcode: int, body: bytes = b"") -> int:
        """Return the errno of what must not be."""
        reply = self.send(opcode, body)
        assert reply is not None
        assert reply[1] == b""
        return reply[0]

    def read(self, offset: int, length: int) -> bytes:
        return self.ask(Opcode.READ, protocol.pack_io(offset, length))

    def write(self, offset: int, payload: bytes) -> int:
        body = protocol.pack_io(offset, len(payload)) + payload
        return int.from_bytes(self.ask(Opcode.WRITE, body)[:4], "little")

    def fallocate(self, offset: int, length: int, mode: int) -> tuple[int, bytes] | None:
        call = FallocateCall(offset, length, mode)
        return self.send(Opcode.FALLOCATE, protocol.pack_fallocate(call))

    def seek(self, offset: int, whence: int) -> int:
        return int.from_bytes(self.ask(Opcode.LSEEK, protocol.pack_seek(offset, whence)), "little")

    def open(self, flags: int) -> int:
        answer = self.ask(Opcode.OPEN, flags.to_bytes(8, "little"))
        return int.from_bytes(answer[:8], "little")


@pytest.fixture
def content() -> bytearray:
    return bytearray(random.Random(5).randbytes(SIZE))


@pytest.fixture
def volume(tmp_path: Path, content: bytearray) -> Iterator[Volume]:
    image = tmp_path / "disk.img"
    image.write_bytes(content)
    with open_volume(image) as opened:
        yield opened


@pytest.fixture
def kernel(volume: Volume) -> Kernel:
    return Kernel(Session(DiskFile(volume, "original"), 0, 0))


def kernel_of(volume: Volume, copy: str, *, read_only: bool = False) -> Kernel:
    return Kernel(Session(DiskFile(volume, copy, read_only=read_only), 1000, 100))


def test_it_greets_once_with_the_version_of_the_kernel(kernel: Kernel):
    body = b"".join(n.to_bytes(4, "little") for n in (7, 39, 131072, 0xFFFFFFFF)) + bytes(48)
    assert protocol.unpack_init_reply(kernel.ask(Opcode.INIT, body))["write_bytes"] == 1 << 20
    assert kernel.session.kernel == (7, 39)


def test_the_file_has_the_size_of_the_volume_and_is_its_users_alone(volume: Volume):
    volume.snapshot("monday")
    told = protocol.unpack_attributes(kernel_of(volume, "original").ask(Opcode.GETATTR, bytes(16)))
    assert (told.size_bytes, told.mode, told.uid, told.gid) == (SIZE, 0o100600, 1000, 100)
    told = protocol.unpack_attributes(kernel_of(volume, "monday").ask(Opcode.GETATTR, bytes(16)))
    assert told.mode == 0o100400


# Each example makes a volume.
@settings(max_examples=max(20, settings.default.max_examples // 5))  # type: ignore[union-attr]
@given(data=st.data())
def test_any_range_reads_and_writes_as_in_a_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    expected = bytearray(random.Random(6).randbytes(64 << 10))
    image = tmp_path_factory.mktemp("any") / "disk.img"
    image.write_bytes(expected)
    steps = st.tuples(
        st.sampled_from(["read", "write", "punch", "zero", "snapshot"]),
        st.integers(0, len(expected)),
        st.integers(0, 20000),
    )
    with open_volume(image) as volume:
        kernel = Kernel(Session(DiskFile(volume, "original"), 0, 0))
        for number, (act, offset, wanted) in enumerate(data.draw(st.lists(steps, max_size=10))):
            length = min(wanted, len(expected) - offset)
            if act == "read":
                got = kernel.read(offset, wanted)
                assert got == expected[offset : offset + length]
            elif act == "write":
                payload = random.Random(number).randbytes(length)
                assert kernel.write(offset, payload) == length
                expected[offset : offset + length] = payload
            elif act == "snapshot":
                volume.snapshot(f"s{number}")
            else:
                mode = PUNCH if act == "punch" else FallocateMode.ZERO_RANGE
                assert kernel.fallocate(offset, length, mode) == (0, b"")
                expected[offset : offset + length] = bytes(length)
        assert volume.read(0, len(expected)) == expected
        assert volume.check() == []


def test_a_write_may_be_forgotten_by_who_made_it(volume: Volume, kernel: Kernel):
    """The kernel's next request is received into the same memory."""
    volume.snapshot("monday")
    volume.clone("clone", "monday")
    for view in ("original", "clone"):
        session = Session(DiskFile(volume, view), 0, 0)
        for length in (512, 4096, 65536):
            packed = protocol.pack_request(
                Opcode.WRITE, 2, protocol.pack_io(131072, length) + b"\x11" * length
            )
            received = bytearray(packed)
            session.answer(memoryview(received))
            received[:] = b"\xee" * len(received)
            assert volume.read(131072, length, view) == b"\x11" * length


def test_a_read_stops_at_the_end(kernel: Kernel, content: bytearray):
    assert kernel.read(SIZE - 100, 4096) == content[-100:]
    assert kernel.read(SIZE, 4096) == b""
    assert kernel.read(SIZE + 4096, 4096) == b""


def test_a_write_past_the_end_is_refused_whole(kernel: Kernel, content: bytearray):
    body = protocol.pack_io(SIZE - 512, 1024) + bytes(1024)
    assert kernel.refusal(Opcode.WRITE, body) == errno.ENOSPC
    assert kernel.refusal(Opcode.WRITE, protocol.pack_io(SIZE, 512) + bytes(512)) == errno.EFBIG
    assert kernel.read(SIZE - 512, 512) == content[-512:]


def test_a_write_with_less_data_than_it_says_is_no_request(kernel: Kernel):
    packed = protocol.pack_request(Opcode.WRITE, 2, protocol.pack_io(0, 4096) + bytes(4095))
    with pytest.raises(protocol.ProtocolError):
        kernel.session.answer(memoryview(packed))


@pytest.mark.parametrize("length", [0, 8, 39])
def test_what_is_shorter_than_a_head_is_no_request(kernel: Kernel, length: int):
    with pytest.raises(protocol.ProtocolError):
        kernel.session.answer(memoryview(bytes(length)))


def test_a_snapshot_takes_no_writes_and_is_opened_for_reading_alone(
    volume: Volume, content: bytearray
):
    volume.snapshot("monday")
    kernel = kernel_of(volume, "monday")
    volume.write(0, bytes(4096))
    assert kernel.read(0, 4096) == content[:4096]
    assert kernel.refusal(Opcode.WRITE, protocol.pack_io(0, 512) + bytes(512)) == errno.EROFS
    assert kernel.fallocate(0, 4096, PUNCH) == (errno.EROFS, b"")
    assert kernel.refusal(Opcode.OPEN, os.O_RDWR.to_bytes(8, "little")) == errno.EROFS
    assert kernel.open(os.O_RDONLY) == 1


def test_read_only_keeps_the_original_from_being_written(volume: Volume, content: bytearray):
    kernel = kernel_of(volume, "original", read_only=True)
    assert kernel.refusal(Opcode.WRITE, protocol.pack_io(0, 512) + bytes(512)) == errno.EROFS
    assert volume.read(0, 512) == content[:512]


def test_pages_are_kept_of_snapshots_alone(volume: Volume):
    """Others can write to a volume past a file that is only read here."""
    volume.snapshot("monday")

    def flags(kernel: Kernel) -> int:
        return int.from_bytes(kernel.ask(Opcode.OPEN, bytes(8))[8:12], "little")

    assert flags(kernel_of(volume, "monday")) == protocol.KEEP_CACHE
    assert flags(kernel_of(volume, "original", read_only=True)) == 0
    assert flags(kernel_of(volume, "original")) == 0


def test_a_clone_is_written_apart_from_its_parent(volume: Volume, content: bytearray):
    volume.snapshot("monday")
    volume.clone("try", "monday")
    kernel = kernel_of(volume, "try")
    kernel.write(100, b"mine")
    assert kernel.read(100, 4) == b"mine"
    assert volume.read(0, 512) == content[:512]
    assert volume.read(0, 512, "monday") == content[:512]


def test_what_is_open_is_counted(kernel: Kernel):
    first, second = kernel.open(os.O_RDWR), kernel.open(os.O_RDONLY)
    assert first != second
    assert kernel.session.open_count == 2
    kernel.ask(Opcode.RELEASE, first.to_bytes(8, "little") + bytes(16))
    assert kernel.session.open_count == 1


def test_a_sync_flushes_the_volume(volume: Volume, monkeypatch: pytest.MonkeyPatch):
    flushed = []
    monkeypatch.setattr(volume, "flush", lambda: flushed.append(True))
    kernel = kernel_of(volume, "original")
    kernel.write(0, bytes(4096))
    assert flushed == []
    kernel.ask(Opcode.FSYNC, bytes(16))
    assert flushed == [True]


def test_the_size_cannot_be_changed_nor_the_owner(kernel: Kernel):
    def set_attributes(valid: int, size: int) -> int:
        body = valid.to_bytes(8, "little") + bytes(8) + size.to_bytes(8, "little") + bytes(64)
        reply = kernel.send(Opcode.SETATTR, body)
        assert reply is not None
        return reply[0]

    assert set_attributes(1 << 3, SIZE) == 0
    assert set_attributes(1 << 3, 0) == errno.EPERM
    assert set_attributes(1 << 4 | 1 << 5 | 1 << 10, 0) == 0
    assert set_attributes(1 << 0, 0) == errno.EPERM
    assert set_attributes(1 << 1 | 1 << 2, 0) == errno.EPERM


def test_a_range_past_the_end_is_not_allocated(kernel: Kernel):
    assert kernel.fallocate(SIZE - 4096, 8192, PUNCH) == (errno.EFBIG, b"")


@pytest.mark.parametrize("mode", [0, FallocateMode.KEEP_SIZE, 0x08, 0x20])
def test_other_ways_to_allocate_are_not_supported(kernel: Kernel, mode: int):
    assert kernel.fallocate(0, 4096, mode) == (errno.EOPNOTSUPP, b"")


def test_a_discard_makes_a_hole_and_the_copy_keeps_what_was(
    volume: Volume, kernel: Kernel, content: bytearray, tmp_path: Path
):
    volume.snapshot("monday")
    before = data_bytes(tmp_path / "disk.img")
    assert kernel.fallocate(65536, 262144, PUNCH) == (0, b"")
    assert kernel.read(65536, 262144) == bytes(262144)
    assert volume.read(65536, 262144, "monday") == content[65536 : 65536 + 262144]
    assert data_bytes(tmp_path / "disk.img") == before - 262144


def test_holes_are_found_where_nothing_was_written(tmp_path: Path):
    image = tmp_path / "sparse.img"
    with image.open("wb") as file:
        file.truncate(4 << 20)
        for at in (1 << 20, 3 << 20):
            file.seek(at)
            file.write(b"x" * 4096)
    with open_volume(image) as volume:
        kernel = Kernel(Session(DiskFile(volume, "original"), 0, 0))
        assert kernel.seek(0, os.SEEK_DATA) == 1 << 20
        assert kernel.seek(0, os.SEEK_HOLE) == 0
        assert kernel.seek((1 << 20) + 100, os.SEEK_DATA) == (1 << 20) + 100
        assert kernel.seek((1 << 20) + 100, os.SEEK_HOLE) == (1 << 20) + 4096
        assert kernel.seek(2 << 20, os.SEEK_DATA) == 3 << 20
        beyond = protocol.pack_seek((3 << 20) + 4096, os.SEEK_DATA)
        assert kernel.refusal(Opcode.LSEEK, beyond) == errno.ENXIO
        at_end = protocol.pack_seek(4 << 20, os.SEEK_HOLE)
        assert kernel.refusal(Opcode.LSEEK, at_end) == errno.ENXIO
        assert kernel.refusal(Opcode.LSEEK, protocol.pack_seek(0, 0)) == errno.EINVAL
        kernel.write(2 << 20, b"now")
        assert kernel.seek((1 << 20) + 4096, os.SEEK_DATA) == 2 << 20


def test_holes_are_asked_for_again_only_after_writes(
    volume: Volume, monkeypatch: pytest.MonkeyPatch
):
    asked = []
    allocation = volume.allocation
    monkeypatch.setattr(volume, "allocation", lambda copy: asked.append(copy) or allocation(copy))
    volume.trim(0, SIZE)
    kernel = kernel_of(volume, "original")
    for _ in range(3):
        assert kernel.seek(0, os.SEEK_HOLE) == 0
    assert asked == ["original"]
    volume.write(8192, b"x" * 512)  # past the file
    assert kernel.seek(0, os.SEEK_DATA) == 8192
    assert asked == ["original"] * 2


def test_zeroing_keeps_holes_holes_and_space_taken(tmp_path: Path):
    image = tmp_path / "sparse.img"
    with image.open("wb") as file:
        file.truncate(4 << 20)
        file.seek(1 << 20)
        file.write(b"x" * 65536)
    before = image.stat().st_blocks
    with open_volume(image) as volume:
        kernel = Kernel(Session(DiskFile(volume, "original"), 0, 0))
        assert kernel.fallocate(100, (4 << 20) - 200, FallocateMode.ZERO_RANGE | 1) == (0, b"")
        assert volume.read(0, 4 << 20) == bytes(4 << 20)
    assert image.stat().st_blocks == before


def test_a_deleted_copy_is_no_file(volume: Volume):
    volume.snapshot("monday")
    volume.delete(["monday"])
    with pytest.raises(NoSuchCopyError, match="'monday' is deleted; undelete it first"):
        DiskFile(volume, "monday")
    volume.undelete(["monday"])
    assert DiskFile(volume, "monday").is_fixed


def test_what_needs_no_answer_gets_none(kernel: Kernel):
    assert kernel.send(Opcode.FORGET, bytes(8)) is None
    assert kernel.send(Opcode.BATCH_FORGET, bytes(8)) is None


@pytest.mark.parametrize(
    ("opcode", "number"),
    [
        (Opcode.LOOKUP, errno.ENOTDIR),
        (Opcode.IOCTL, errno.ENOTTY),
        (Opcode.FLUSH, errno.ENOSYS),
        (Opcode.INTERRUPT, errno.ENOSYS),
        (22, errno.ENOSYS),  # GETXATTR
        (4096, errno.ENOSYS),  # of a future kernel
    ],
)
def test_what_is_not_for_a_file_is_refused(kernel: Kernel, opcode: int, number: int):
    assert kernel.refusal(opcode, bytes(64)) == number


class FailingFile:
    """A file of which every read fails."""

    size_bytes, read_only, is_fixed, changed_ns = SIZE, False, False, 0

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, offset: int, length: int) -> bytes:
        raise self.error


@pytest.mark.parametrize(
    ("error", "number"),
    [(AreaFullError("full."), errno.ENOSPC), (ZeroDivisionError(), errno.EIO)],
)
def test_a_failure_is_an_errno_and_the_next_request_is_answered(error: Exception, number: int):
    kernel = Kernel(Session(FailingFile(error), 0, 0))  # type: ignore[arg-type]
    assert kernel.refusal(Opcode.READ, protocol.pack_io(0, 512)) == number
    assert len(kernel.ask(Opcode.STATFS)) == 80
