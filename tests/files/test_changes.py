# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What became of files between two views, and whose bytes are whose."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.answers import Ranges
from core.errors import FilesError
from core.fileanswers import FileChange, FileChanges, OwnedRange
from core.files.filesystem import FileSystem
from tests.files.conftest import debugfs, differing, file_system, make_ext4, run, session_of

FILES = 40


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ext4 of blocks of 4 KiB with numbered files of three blocks, and their folder."""
    top = tmp_path_factory.mktemp("changes")
    (top / "source" / "d").mkdir(parents=True)
    for number in range(FILES):
        (top / "source" / "d" / f"f{number}").write_bytes(bytes([number + 1]) * 12_000)
    (top / "source" / "tiny").write_text("tiny text")
    (top / "source" / "link").symlink_to("d/f1")
    image = top / "disk.img"
    make_ext4(image, top / "source", 16 << 20, "-b", "4096", "-I", "256", "-O", "inline_data")
    return image


@pytest.fixture
def after(before: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copy(before, tmp_path / "after.img"))


def compare(before: Path, after: Path, grain_bytes: int = 4096) -> FileChanges:
    one, other = before.read_bytes(), after.read_bytes()
    with FileSystem(session_of(one=one, other=other), ["one", "other"]) as system:
        ranges = differing(one, other, grain_bytes)
        changes = system.changes(ranges)
    assert changes.total_bytes == ranges.total_bytes
    told = sum(change.differing_bytes for change in changes.files)
    assert told + sum(changes.own.values()) == changes.total_bytes
    return changes


def only(changes: FileChanges) -> FileChange:
    assert len(changes.files) == 1, changes.files
    return changes.files[0]


def block_of(image: Path, path: str, number: int = 0) -> int:
    """Return where in an image a block of a file is."""
    return int(run("debugfs", "-R", f"bmap {path} {number}", image).strip()) * 4096


def test_equal_views_have_no_changes(before: Path) -> None:
    changes = compare(before, before)
    assert changes == FileChanges(files=[], own={}, total_bytes=0)


def test_content_that_was_overwritten_in_place_is_told(before: Path, after: Path) -> None:
    """Without any change of the inode, as a mapped page that was written back just now."""
    with after.open("r+b") as file:
        file.seek(block_of(after, "/d/f7", 1))
        file.write(b"changed")
    change = only(compare(before, after))
    assert (change.change, change.path, change.aspects) == ("changed", b"/d/f7", ["content"])
    assert change.differing_bytes == 4096


def test_what_came_and_went_is_told(before: Path, after: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"new" * 5000)
    debugfs(after, f"write {tmp_path / 'new'} added", "rm /d/f3", "mkdir /folder")
    changes = {change.path: change for change in compare(before, after).files}
    assert {path: change.change for path, change in changes.items()} == {
        b"/added": "added",
        b"/d/f3": "removed",
        b"/folder": "added",
    }
    assert changes[b"/added"].size == 15_000
    assert changes[b"/added"].differing_bytes in {8192, 16_384}  # some may be where f3 was
    assert (changes[b"/d/f3"].size, changes[b"/d/f3"].size_before) == (12_000, 12_000)
    assert changes[b"/folder"].kind == "folder"


def test_what_is_only_of_the_inode_is_metadata(before: Path, after: Path) -> None:
    debugfs(
        after,
        "set_inode_field /d/f4 mode 0100600",
        "set_inode_field /d/f5 uid 1000",
        "set_inode_field /d/f6 mtime 20200101",
        "set_inode_field /d/f8 atime 20200101",
    )
    changes = compare(before, after)
    told = [(change.path, change.change, change.aspects) for change in changes.files]
    assert told == [
        (b"/d/f4", "metadata", ["mode"]),
        (b"/d/f5", "metadata", ["owner"]),
        (b"/d/f6", "metadata", ["times"]),
    ]
    assert changes.own == {"inode tables": changes.total_bytes}


def test_a_file_that_was_moved_is_told_once(before: Path, after: Path) -> None:
    debugfs(after, "ln /d/f9 /elsewhere", "unlink /d/f9")
    change = only(compare(before, after))
    assert (change.change, change.was, change.path) == ("moved", b"/d/f9", b"/elsewhere")


def test_another_name_of_a_file_is_told_as_added(before: Path, after: Path) -> None:
    debugfs(after, "ln /d/f9 /second", "set_inode_field /d/f9 links_count 2")
    changes = compare(before, after)
    told = [(change.path, change.change, change.aspects) for change in changes.files]
    assert told == [(b"/d/f9", "metadata", ["links"]), (b"/second", "added", [])]


def test_a_file_that_was_replaced_is_told(before: Path, after: Path, tmp_path: Path) -> None:
    """As editors write: another file, then its name."""
    (tmp_path / "new").write_bytes(b"new" * 5000)
    debugfs(after, f"write {tmp_path / 'new'} temporary", "rm /d/f2", "ln /temporary /d/f2")
    debugfs(after, "unlink /temporary")
    change = only(compare(before, after))
    assert (change.change, change.path, change.aspects) == ("changed", b"/d/f2", ["replaced"])
    assert (change.size, change.size_before) == (15_000, 12_000)


def test_content_that_lies_in_the_inode_is_compared(before: Path, after: Path) -> None:
    content = after.read_bytes()
    assert content.count(b"tiny text") == 1
    after.write_bytes(content.replace(b"tiny text", b"TINY TEXT"))
    change = only(compare(before, after))
    assert (change.change, change.path) == ("changed", b"/tiny")
    assert change.aspects == ["content"]


def test_larger_grains_tell_neighbours_too(before: Path, after: Path) -> None:
    with after.open("r+b") as file:
        file.seek(block_of(after, "/d/f7", 2))
        file.write(b"changed")
    changes = compare(before, after, 65_536)
    assert b"/d/f7" in {change.path for change in changes.files}
    assert {change.change for change in changes.files} == {"changed"}


def test_the_file_systems_own_bytes_are_told_by_kind(before: Path, after: Path) -> None:
    """Every byte of the volume differs: all of it is something."""
    with FileSystem(session_of(one=before, other=after), ["one", "other"]) as system:
        size = before.stat().st_size
        whole = Ranges(starts=np.array([0]), lengths=np.array([size]))
        changes = system.changes(whole)
        assert changes.own.keys() == {
            "folder", "journal", "inode tables", "allocation", "superblocks", "other", "free",
        }  # fmt: skip
        assert sum(change.differing_bytes for change in changes.files) == FILES * 12_288
        stats = run("dumpe2fs", "-h", before)
        free = int(next(line.split()[-1] for line in stats.splitlines() if "Free blocks" in line))
        assert changes.own["free"] == free * 4096


def owner_at(image: Path, offset: int, length: int = 512) -> list[OwnedRange]:
    with file_system(image) as system:
        return system.owners([(offset, length)])


def test_a_byte_is_told_by_its_file(before: Path) -> None:
    at = block_of(before, "/d/f7", 1)
    (owned,) = owner_at(before, at + 512)
    assert (owned.role, owned.paths, owned.file_offset) == ("file", [b"/d/f7"], 4096 + 512)
    (owned,) = owner_at(before, block_of(before, "/d"))
    assert (owned.role, owned.paths) == ("folder", [b"/d"])
    (owned,) = owner_at(before, block_of(before, "<8>", 3))
    assert (owned.role, owned.paths) == ("journal", [])
    (owned,) = owner_at(before, 1024)
    assert owned.role == "superblocks"


def test_a_range_is_told_part_by_part(before: Path) -> None:
    start, size = block_of(before, "/d/f7"), before.stat().st_size
    with file_system(before) as system:
        parts = system.owners([(start, 3 * 4096), (size - 512, 512)])
        again = system.owners([(0, size)])
    assert [(part.role, part.length) for part in parts] == [("file", 12_288), ("free", 512)]
    assert [part.start for part in again[1:]] == [p.start + p.length for p in again[:-1]]
    assert again[0].start == 0
    assert again[-1].start + again[-1].length == size


def test_what_ntfs_and_fat_have_is_told(tmp_path: Path) -> None:
    for kind, maker in (("ntfs", ["mkntfs", "-Q", "-F", "-q"]), ("vfat", ["mkfs.vfat"])):
        image = tmp_path / kind
        image.touch()
        os.truncate(image, 8 << 20)
        run(*maker, image)
        with file_system(image) as system:
            roles = {part.role for part in system.owners([(0, 8 << 20)])}
        assert roles >= {"superblocks", "allocation"}
        if kind == "ntfs":
            assert roles >= {"journal", "inode tables", "free", "other"}


def test_two_views_may_have_different_sizes(before: Path, after: Path) -> None:
    with after.open("ab") as file:
        file.write(bytes(1 << 20))
    changes = compare(before, after)
    assert changes.files == []
    assert changes.own == {"outside": 1 << 20}


def test_file_systems_of_different_kinds_are_not_compared(before: Path, tmp_path: Path) -> None:
    image = tmp_path / "fat.img"
    image.touch()
    os.truncate(image, 8 << 20)
    run("mkfs.vfat", image)
    with (
        FileSystem(session_of(one=before, other=image), ["one", "other"]) as system,
        pytest.raises(FilesError, match="different file systems, ext4 and vfat"),
    ):
        system.changes(Ranges(starts=np.array([0]), lengths=np.array([4096])))
