# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Folders and paths of a file system, judged by the folder that it was made from."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from core.errors import CorruptAreaError, FilesError
from core.files.filesystem import FileSystem
from tests.files.conftest import ODD_NAMES, StillViews, file_system, make_ext4, run

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe"}


def test_a_folder_is_listed_as_it_was(tree: Path, ext4: Path) -> None:
    with file_system(ext4) as system:
        assert (system.info.kind, system.info.partition, system.info.start) == ("ext4", 0, 0)
        entries = {entry.name: entry for entry in system.folder(system.find(b"/").inode)}
    assert entries.pop(b"lost+found").kind == "folder"
    expected = {os.fsencode(path.name): path.lstat() for path in tree.iterdir()}
    assert entries.keys() == expected.keys()
    assert entries.keys() > set(ODD_NAMES)
    for name, status in expected.items():
        entry = entries[name]
        assert entry.kind == KINDS[stat.S_IFMT(status.st_mode)]
        assert entry.mode == stat.S_IMODE(status.st_mode)
        assert entry.mtime_ns // 10**9 == status.st_mtime_ns // 10**9
        assert (entry.uid, entry.gid) == (status.st_uid, status.st_gid)
        if entry.kind == "file":
            assert (entry.size, entry.links) == (status.st_size, status.st_nlink)
    assert entries[b"away"].target == b"/etc/passwd"
    assert entries[b"longlink"].target == b"l" * 100
    assert entries[b"hard"].inode


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"/", b""),
        (b"", b""),
        (b"..", b""),
        (b"/etc/file-1", b"file-1"),
        (b"etc//./file-1", b"file-1"),
        (b"/etc/deep/../file-1", b"file-1"),
        (b"/link", b"file-1"),
        (b"/tofolder/0/1", b"1"),
        (b"/tofolder/../file-5", b"file-5"),
    ],
)
def test_a_path_leads_to_a_file_within(ext4: Path, path: bytes, name: bytes) -> None:
    with file_system(ext4) as system:
        assert system.find(path).name == name


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (b"/nothing", "There is no 'nothing' in '/'; check the path, or look into another copy."),
        (b"/etc/file-1/x", "'/etc/file-1/x': '/etc/file-1' is no folder; check the path."),
        (b"/away", "There is no 'passwd' in '/etc'; check the path, or look into another copy."),
        (b"/loop", "The links of '/loop' go round in circles."),
    ],
)
def test_a_path_that_leads_nowhere_is_told(ext4: Path, path: bytes, sentence: str) -> None:
    with file_system(ext4) as system:
        with pytest.raises(FilesError) as caught:
            system.find(path)
        assert caught.value.message == sentence
        assert system.find(b"/etc").kind == "folder"  # and it goes on


def test_content_comes_in_pieces_without_holes(tree: Path, ext4: Path) -> None:
    with file_system(ext4) as system:
        entry = system.find(b"/sparse")
        pieces = [(offset, bytes(piece)) for offset, piece in system.content(entry.inode)]
        assert sum(len(piece) for _, piece in pieces) < 32_768
        whole = bytearray(entry.size)
        for offset, piece in pieces:
            whole[offset : offset + len(piece)] = piece
        assert whole == (tree / "sparse").read_bytes()
        assert list(system.content(system.find(b"/etc/file-0").inode)) == []


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["-O", "inline_data", "-I", "256"], "ext4"),
        (["-t", "ext2"], "ext2"),
        (["-t", "ext3", "-b", "1024"], "ext3"),
        (["-O", "^has_journal,^64bit", "-b", "2048"], "ext4"),
    ],
)
def test_the_family_of_ext4_is_read(
    tree: Path, tmp_path: Path, options: list[str], kind: str
) -> None:
    make_ext4(tmp_path / "disk.img", tree, 24 << 20, *options)
    with file_system(tmp_path / "disk.img") as system:
        assert system.info.kind == kind
        for path in ("etc/file-1", "etc/file-2", "etc/file-5", "etc/deep/0/1/2"):
            entry = system.find(path.encode())
            if entry.kind == "file":
                read = b"".join(bytes(piece) for _, piece in system.content(entry.inode))
                assert read == (tree / path).read_bytes()


def test_a_feature_that_is_not_known_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    make_ext4(tmp_path / "disk.img", tmp_path / "empty", 16 << 20, "-O", "bigalloc")
    with pytest.raises(FilesError, match="has a feature that cannot be read here"):
        file_system(tmp_path / "disk.img")


def test_fat_is_read_whatever_the_case(tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.touch()
    os.truncate(image, 8 << 20)
    run("mkfs.vfat", image)
    run("mcopy", "-s", "-i", image, tree / "etc" / "file-5", "::Long Name.Text")
    with file_system(image) as system:
        assert system.info.kind == "vfat"
        names = [entry.name for entry in system.folder(system.find(b"/").inode)]
        assert names == [b"Long Name.Text"]
        entry = system.find(b"/long name.TEXT")
        read = b"".join(bytes(piece) for _, piece in system.content(entry.inode))
        assert read == (tree / "etc" / "file-5").read_bytes()


def test_ntfs_is_read_without_its_own_files(tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.touch()
    os.truncate(image, 8 << 20)
    run("mkntfs", "-Q", "-F", "-q", image)
    for name in ("file-2", "file-5"):  # one lies in its inode, one does not
        run("ntfscp", "-q", image, tree / "etc" / name, name)
    with file_system(image) as system:
        assert system.info.kind == "ntfs"
        entries = system.folder(system.find(b"/").inode)
        assert [entry.name for entry in entries] == [b"file-2", b"file-5"]
        for entry in entries:
            read = b"".join(bytes(piece) for _, piece in system.content(entry.inode))
            assert read == (tree / "etc" / entry.name.decode()).read_bytes()


@pytest.mark.parametrize(
    ("offset", "magic", "words"),
    [
        (0, b"XFSB", "The file system is xfs, which cannot be read here; files can be read from"),
        (65536 + 64, b"_BHRfS_M", "The file system is btrfs, which cannot be read here"),
        (0, b"LUKS\xba\xbe", "The file system is encrypted (LUKS), which cannot be read here"),
        (0, b"nothing", "No file system that is known was found on the volume, and it has no"),
    ],
)
def test_what_cannot_be_read_is_named(offset: int, magic: bytes, words: str) -> None:
    image = bytearray(1 << 20)
    image[offset : offset + len(magic)] = magic
    with pytest.raises(FilesError) as caught:
        file_system(bytes(image))
    assert caught.value.message.startswith(words)
    assert "ext2, ext3, ext4, NTFS, FAT, exFAT, HFS+, UFS and ISO 9660" in caught.value.message


def test_a_copy_that_cannot_be_read_is_told_as_such(ext4: Path) -> None:
    def refuse(offset: int, length: int) -> None:
        if offset <= 1024 < offset + length and views.is_damaged:
            raise CorruptAreaError("The copy is damaged at 0.")

    views = StillViews({"monday": ext4.read_bytes()}, refuse)
    views.is_damaged = True  # type: ignore[attr-defined]
    with pytest.raises(CorruptAreaError):
        FileSystem(views, ["monday"])  # type: ignore[arg-type]
    views.is_damaged = False  # type: ignore[attr-defined]
    with FileSystem(views, ["monday"]) as system:  # type: ignore[arg-type]
        assert system.find(b"/etc").kind == "folder"
