# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What only the journal holds is read from there; judged by e2fsck, which replays it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.files.filesystem import FileSystem
from tests.files.conftest import debugfs, file_system, make_ext4, run, session_of

MAGIC = bytes.fromhex("c03b3998")
BLOCK_BYTES = 1024


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(4):
        (folder / f"f{number}").write_bytes(bytes([97 + number]) * 3000)
    return folder


def blocks_of(image: Path, name: str) -> list[str]:
    return [run("debugfs", "-R", f"bmap {name} {n}", image).strip() for n in range(3)]


def write_journal(image: Path, folder: Path, opening: str) -> None:
    """Three transactions: blocks, one that begins like the journal's own, and what revokes one."""
    (folder / "newer").write_bytes(b"N" * BLOCK_BYTES * 3)
    (folder / "newest").write_bytes(b"M" * BLOCK_BYTES)
    (folder / "escaped").write_bytes(MAGIC + b"E" * (BLOCK_BYTES - 4))
    f0, f1, f2 = (blocks_of(image, f"f{number}") for number in range(3))
    debugfs(
        image,
        opening,
        f"jw -b {','.join(f0)} {folder / 'newer'}",
        f"jw -b {f1[0]} {folder / 'escaped'}",
        f"jw -b {f2[0]} {folder / 'newest'}",
        f"jw -r {f2[0]}",
        f"jw -b {f0[1]} {folder / 'newest'}",
        "jc",
    )


def contents(image: Path) -> dict[bytes, bytes]:
    with file_system(image) as system:
        found = {}
        for entry in system.folder(system.find(b"/").inode):
            if entry.kind == "file":
                pieces = system.content(entry.inode)
                found[entry.name] = b"".join(bytes(piece) for _, piece in pieces)
    return found


@pytest.mark.parametrize("opening", ["jo", "jo -c", "jo -c -v 2"])
@pytest.mark.parametrize("features", ["64bit", "^64bit"])
def test_the_journal_is_read_as_it_is_replayed(
    tmp_path: Path, source: Path, opening: str, features: str
) -> None:
    image = tmp_path / "disk.img"
    make_ext4(image, source, 16 << 20, "-b", str(BLOCK_BYTES), "-O", features)
    plain = contents(image)
    write_journal(image, tmp_path, opening)
    before = image.read_bytes()
    with file_system(image) as system:
        assert system.info.replayed == 4
        assert system.info.notice == ""
    read = contents(image)
    assert image.read_bytes() == before
    assert read != plain
    assert read[b"f1"].startswith(MAGIC + b"EEE")
    assert read[b"f2"] == plain[b"f2"]
    replayed = Path(shutil.copy(image, tmp_path / "replayed.img"))
    run("e2fsck", "-E", "journal_only", "-p", replayed)
    with file_system(replayed) as system:
        assert system.info.replayed == 0
    assert contents(replayed) == read


def test_a_journal_that_cannot_be_read_is_told(tmp_path: Path, source: Path) -> None:
    image = tmp_path / "disk.img"
    make_ext4(image, source, 16 << 20, "-b", str(BLOCK_BYTES))
    write_journal(image, tmp_path, "jo")
    at = int(run("debugfs", "-R", "bmap <8> 0", image)) * BLOCK_BYTES
    content = bytearray(image.read_bytes())
    content[at + 0x28] |= 0x80  # a feature of a kernel to come
    with FileSystem(session_of(original=bytes(content)), ["original"]) as system:
        assert system.info.replayed == 0
        assert "Its journal holds changes that could not be read (it has features" in (
            system.info.notice
        )
        assert system.find(b"/f1").size == 3000
