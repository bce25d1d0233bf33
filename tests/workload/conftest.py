# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A volume that is one bytearray, and what was done to it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from core.answers import CopyInfo, VolumeInfo
from core.units import MIB


class Tablet:
    """The part of a volume session that a workload uses."""

    def __init__(self, image: Path, size: int) -> None:
        self.image = image
        self.bytes = bytearray(b"\xa5" * size)
        self.writes: list[tuple[int, bytes, str]] = []
        self.flushes = 0
        self.read_only = False
        self.copies: list[CopyInfo] = []
        self.changed = threading.Condition()
        self.refusal: Exception | None = None

    def info(self) -> VolumeInfo:
        return VolumeInfo(
            image=str(self.image), size=len(self.bytes), grain=4096, thin=False, area="", uuid="",
            read_only=self.read_only, generation=0, event_seq=0, copies=self.copies,
        )  # fmt: skip

    def read(self, offset: int, length: int, copy: str = "original") -> bytes:
        return bytes(self.bytes[offset : offset + length])

    def write(self, offset: int, payload: bytes, copy: str = "original") -> None:
        with self.changed:
            if self.refusal:
                raise self.refusal
            assert offset % 512 == 0
            assert offset + len(payload) <= len(self.bytes)
            self.bytes[offset : offset + len(payload)] = payload
            self.writes.append((offset, payload, copy))
            self.changed.notify_all()

    def flush(self) -> None:
        self.flushes += 1

    def add_copy(self, name: str, kind: str) -> None:
        self.copies.append(
            CopyInfo(
                name=name, id=len(self.copies) + 1, kind=kind, parent="original", created=0.0,
                locked=False, own_bytes=0, shared_bytes=0, pointers=0, range_pairs=0,
            )
        )  # fmt: skip

    def wait_for_writes(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.writes) >= count, timeout=20)


@pytest.fixture
def tablet(tmp_path: Path) -> Tablet:
    """A scratch volume of 1 MiB."""
    image = tmp_path / "disk.img"
    image.with_name("disk.img.scratch").write_text(
        f"A scratch image of Rangepair, {MIB} bytes: workloads may overwrite it.\n"
    )
    return Tablet(image, MIB)


@pytest.fixture
def large_tablet(tmp_path: Path) -> Tablet:
    """A volume of 64 MiB, full of what is no file system, and no scratch."""
    return Tablet(tmp_path / "disk.img", 64 * MIB)
