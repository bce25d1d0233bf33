# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Files put out: equal to what went in, and nothing anywhere else."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from core.errors import FilesError, TransferError
from core.files.discard import discard
from core.files.extract import Extraction, check_new
from tests.files.conftest import debugfs, file_system, make_ext4
from tests.holes import data_bytes

DEEP = 1200


def ignore(count: int) -> None:
    del count


def put_out(image: bytes | Path, path: bytes, target: Path) -> Extraction:
    with file_system(image) as system:
        extraction = Extraction(system, ignore)
        entry = system.find(path)
        if entry.kind == "folder":
            extraction.to_folder(entry, target)
        else:
            extraction.to_file(entry, target)
    return extraction


def contents(folder: Path) -> dict[bytes, tuple[str, bytes]]:
    """Return what is in a folder: path, kind, and content or target."""
    found = {}
    top = os.fsencode(folder)
    for above, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(above, name)  # noqa: PTH118 - names that are no text
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                told = "link", os.readlink(path)  # noqa: PTH115
            elif stat.S_ISREG(mode):
                with open(path, "rb") as file:  # noqa: PTH123
                    told = "file", file.read()
            else:
                told = f"{stat.S_IFMT(mode):o}", b""
            found[path.removeprefix(top)] = told
    return found


def test_a_tree_comes_out_as_it_went_in(tree: Path, ext4: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    extraction = put_out(ext4, b"/", out)
    expected = contents(tree)
    assert expected.pop(b"/pipe")
    found = contents(out)
    assert found.pop(b"/lost+found")
    assert found == expected
    assert [tuple(skipped) for skipped in extraction.skipped] == [(b"pipe", "it is a pipe", False)]
    assert extraction.counts["link"] == 5
    assert (out / "hard").stat().st_ino == (out / "etc" / "file-4").stat().st_ino
    assert stat.S_IMODE((out / "etc" / "file-3").stat().st_mode) == 0o750  # not set-user-ID
    assert stat.S_IMODE((out / "etc" / "deep").stat().st_mode) == 0o555
    assert (out / "etc" / "file-2").stat().st_mtime_ns == 10**18
    assert (out / "etc").stat().st_mtime_ns // 10**9 == (tree / "etc").stat().st_mtime_ns // 10**9
    assert os.listdir(tmp_path) == ["out"]  # noqa: PTH208


def test_holes_stay_holes(tree: Path, ext4: Path, tmp_path: Path) -> None:
    extraction = put_out(ext4, b"/sparse", tmp_path / "sparse")
    assert (tmp_path / "sparse").read_bytes() == (tree / "sparse").read_bytes()
    assert data_bytes(tmp_path / "sparse") <= 64 << 10
    assert extraction.bytes < 16 << 10


def test_a_pipe_gets_every_byte(tree: Path, ext4: Path) -> None:
    parts = list[bytes]()
    with file_system(ext4) as system:
        entry = system.find(b"/sparse")
        Extraction(system, ignore).to_pipe(entry, lambda piece: parts.append(bytes(piece)))
    assert b"".join(parts) == (tree / "sparse").read_bytes()


def test_a_link_that_is_named_is_followed(tree: Path, ext4: Path, tmp_path: Path) -> None:
    put_out(ext4, b"/link", tmp_path / "link")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_bytes() == (tree / "etc" / "file-1").read_bytes()


def test_nothing_is_replaced(ext4: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    for name, is_folder, words in (
        ("file", False, "exists already; nothing is replaced"),
        ("full", False, "is a folder; name the file to be made"),
        ("dangling", False, "exists already"),
        ("file", True, "exists already and is no folder"),
        ("full", True, "is not empty"),
        ("dangling", True, "exists already and is no folder"),
        ("no/where", True, "There is no folder for"),
    ):
        with pytest.raises(FilesError, match=words):
            check_new(tmp_path / name, is_folder=is_folder)
    check_new(tmp_path / "new", is_folder=True)
    # And not in a race either, when it came after the check.
    with pytest.raises(OSError, match="not empty"):
        put_out(ext4, b"/etc", tmp_path / "full")
    with pytest.raises(TransferError):
        put_out(ext4, b"/etc/file-1", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["dangling", "file", "full"]  # noqa: PTH208
    (tmp_path / "full" / "x").unlink()
    put_out(ext4, b"/etc", tmp_path / "full")
    assert (tmp_path / "full" / "file-1").stat().st_size == 1


def test_a_full_disk_leaves_nothing(
    ext4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite
    left = [3]

    def pwrite(descriptor: int, payload: bytes, offset: int) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, payload, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    for path in (b"/", b"/etc/file-5"):
        with pytest.raises(OSError, match="No space left"):
            put_out(ext4, path, tmp_path / "out")
        assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_an_interrupt_leaves_nothing(ext4: Path, tmp_path: Path) -> None:
    calls = [0]

    def report(_count: int) -> None:
        calls[0] += 1
        if calls[0] == 70:  # far down, in folders that nobody may write to
            raise KeyboardInterrupt

    with file_system(ext4) as system, pytest.raises(KeyboardInterrupt):
        Extraction(system, report).to_folder(system.find(b"/"), tmp_path / "out")
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def patched(image: Path, *names: tuple[bytes, bytes]) -> bytes:
    """Return an image in which names in folders are others, equally long."""
    content = image.read_bytes()
    for old, new in names:
        assert len(old) == len(new)
        assert content.count(old) == 1
        content = content.replace(old, new)
    return content


def test_names_that_would_lead_elsewhere_are_left_out(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    for name in ("AAAAAAAA-escape", "ABSOLUTE-escape", "plain", "BB", "C"):
        (source / "inner" / name).write_text("evil")
    (source / "EE").mkdir()
    (source / "EE" / "inside").write_text("evil")
    make_ext4(tmp_path / "disk.img", source, 1 << 20)
    image = patched(
        tmp_path / "disk.img",
        (b"AAAAAAAA-escape", b"../../../escape"),
        (b"ABSOLUTE-escape", os.fsencode(tmp_path)[:1] + b"tmp/rp/-escape"),
        (b"\x02\x01BB\x00", b"\x02\x01..\x00"),
        (b"\x02\x02EE\x00", b"\x02\x02..\x00"),
    )
    out = tmp_path / "deep" / "er" / "out"
    out.parent.mkdir(parents=True)
    extraction = put_out(image, b"/", out)
    assert contents(out).keys() == {b"/inner", b"/inner/plain", b"/inner/C", b"/lost+found"}
    assert {skipped.path for skipped in extraction.skipped} == {
        b"inner/../../../escape",
        b"inner//tmp/rp/-escape",
    }
    assert {path.name for path in tmp_path.rglob("*escape*")} <= {
        "AAAAAAAA-escape",
        "ABSOLUTE-escape",
    }
    assert all(source in path.parents for path in tmp_path.rglob("*escape*"))


def test_a_link_and_a_folder_of_one_name_do_not_meet(tmp_path: Path) -> None:
    """The folder's files must not go to where the link leads."""
    source, victim = tmp_path / "source", tmp_path / "victim"
    victim.mkdir()
    (source / "twin-b").mkdir(parents=True)
    (source / "twin-b" / "planted").write_text("evil")
    (source / "twin-a").symlink_to(victim)
    make_ext4(tmp_path / "disk.img", source, 1 << 20)
    extraction = put_out(
        patched(tmp_path / "disk.img", (b"twin-b", b"twin-a")), b"/", tmp_path / "out"
    )
    assert list(victim.iterdir()) == []
    assert [(s.path, s.why) for s in extraction.skipped] == [
        (b"twin-a", "its folder has this name twice")
    ]


def test_folders_of_two_names_each_do_not_multiply(tmp_path: Path) -> None:
    source = tmp_path / "source"
    depth = 12
    for number in range(depth):
        (source / f"{number:02}").mkdir(parents=True)
    make_ext4(tmp_path / "disk.img", source, 1 << 20)
    debugfs(
        tmp_path / "disk.img",
        *(f"link /{n + 1:02} /{n:02}/{name}" for n in range(depth - 1) for name in "ab"),
    )
    extraction = put_out(tmp_path / "disk.img", b"/00", tmp_path / "out")
    assert extraction.counts["folder"] == depth - 1
    assert {skipped.why for skipped in extraction.skipped} == {
        "it is a folder that has another name already"
    }
    assert {skipped.path.split(b"/")[-1] for skipped in extraction.skipped} == {b"b"}


def test_a_folder_within_itself_ends(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "one" / "two" / "three").mkdir(parents=True)
    (source / "one" / "file").write_text("x")
    make_ext4(tmp_path / "disk.img", source, 1 << 20)
    with file_system(tmp_path / "disk.img") as system:
        one, three = (system.find(path).inode for path in (b"/one", b"/one/two/three"))
    content = (tmp_path / "disk.img").read_bytes()
    record = three.to_bytes(4, "little")
    at = content.index(b"\x05\x02three") - 6
    assert content[at : at + 4] == record
    looped = content[:at] + one.to_bytes(4, "little") + content[at + 4 :]
    extraction = put_out(looped, b"/", tmp_path / "out")
    assert [(s.path, s.why) for s in extraction.skipped] == [
        (b"one/two/three", "it is a folder within itself")
    ]
    assert (tmp_path / "out" / "one" / "file").read_text() == "x"


def test_a_tree_deeper_than_a_path_can_be(tmp_path: Path) -> None:
    """More folders above each other than a process has descriptors, and 10,800 bytes of path."""
    (tmp_path / "empty").mkdir()
    make_ext4(tmp_path / "disk.img", tmp_path / "empty", 8 << 20)
    requests = ["cd /"]
    for _ in range(DEEP):
        requests += ["mkdir a-folder", "cd a-folder"]
    debugfs(tmp_path / "disk.img", *requests)
    extraction = put_out(tmp_path / "disk.img", b"/a-folder", tmp_path / "out")
    assert extraction.counts["folder"] == DEEP - 1
    discard(tmp_path / "out")
    assert not (tmp_path / "out").exists()
