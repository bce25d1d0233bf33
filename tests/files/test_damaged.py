# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged file systems, and readers that crash or hang, end in one sentence."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.answers import Ranges
from core.errors import FilesError
from core.files import process, wire
from core.files.discard import discard
from core.files.extract import Extraction
from core.files.filesystem import FileSystem
from tests.files.conftest import debugfs, file_system, make_ext4, run, session_of

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 30
FLIPS = (1, 5, 40)


def small_ext4(folder: Path) -> Path:
    source = folder / "source"
    (source / "a" / "b").mkdir(parents=True)
    for number in range(40):
        (source / "a" / f"file-{number}").write_text("x" * number)
    (source / "l").symlink_to("a/file-1")
    (source / "long").symlink_to("y" * 100)
    (source / "h").hardlink_to(source / "a" / "file-2")
    make_ext4(folder / "disk.img", source, 1 << 20, "-b", "1024", "-O", "^has_journal")
    return folder / "disk.img"


def small_fat(folder: Path) -> Path:
    image = folder / "disk.img"
    image.touch()
    os.truncate(image, 1 << 20)
    run("mkfs.vfat", image)
    for number in range(10):
        (folder / f"a long name {number}").write_text("x" * number * 100)
        run("mcopy", "-i", image, folder / f"a long name {number}", "::")
    return image


def small_ntfs(folder: Path) -> Path:
    image = folder / "disk.img"
    image.touch()
    os.truncate(image, 2 << 20)
    run("mkntfs", "-Q", "-F", "-q", image)
    (folder / "file").write_text("x" * 9000)
    run("ntfscp", "-q", image, folder / "file", "file")
    return image


def everything(system: FileSystem, out: Path, size_bytes: int) -> None:
    """Ask for all there is."""
    whole = Ranges(starts=np.array([0]), lengths=np.array([size_bytes]))
    for act in (
        lambda: Extraction(system, lambda _count: None).to_folder(system.find(b"/"), out),
        lambda: system.owners([(0, size_bytes)]),
        lambda: system.changes(whole),
    ):
        try:
            act()
        except FilesError as error:
            assert error.message.count("\n") == 0  # noqa: PT017
            assert "Traceback" not in error.message  # noqa: PT017
        discard(out)


def test_a_file_of_an_impossible_size_is_damaged_and_not_empty(tmp_path: Path) -> None:
    disk = small_ext4(tmp_path)
    debugfs(disk, "set_inode_field /a/file-7 size 0xFFFFFFFFFFFFFFFF")
    with file_system(disk) as system:
        entry = system.find(b"/a/file-7")
        assert not entry.is_readable
        with pytest.raises(FilesError, match="an impossible size"):
            Extraction(system, lambda _count: None).to_file(entry, tmp_path / "out")
        extraction = Extraction(system, lambda _count: None)
        extraction.to_folder(system.find(b"/a"), tmp_path / "all")
    assert [tuple(each) for each in extraction.skipped] == [
        (b"file-7", "its inode is damaged", True)
    ]
    assert sorted(os.listdir(tmp_path)) == ["all", "disk.img", "source"]  # noqa: PTH208


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("make", [small_ext4, small_fat, small_ntfs])
def test_flipped_bytes_are_told_in_a_sentence(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever they are: never another exception, never a hang, nothing left behind.

    The library does hang, in a loop without end, at some of these.
    """
    monkeypatch.setattr(process, "SILENCE_S_MAX", 8)
    made = tmp_path / "made"
    made.mkdir()
    whole = make(made).read_bytes()
    used = [at for at in range(0, len(whole), 32) if any(whole[at : at + 32])]
    chance = random.Random(make.__name__)
    refused = 0
    for number in range(ROUNDS):
        flipped = bytearray(whole)
        for _ in range(FLIPS[number % len(FLIPS)]):
            at = chance.choice(used) + chance.randrange(32)
            flipped[at] = chance.choice((0, 255, flipped[at] ^ 1 << chance.randrange(8)))
        views = session_of(flipped=bytes(flipped), whole=whole)
        try:
            with FileSystem(views, ["flipped", "whole"]) as system:
                everything(system, tmp_path / "out", len(whole))
        except FilesError:
            refused += 1
        assert os.listdir(tmp_path) == ["made"]  # noqa: PTH208
    assert refused < ROUNDS


def reader_of(system: FileSystem) -> int:
    return system._reader._process.pid


def test_a_reader_that_crashes_is_told(ext4: Path) -> None:
    with file_system(ext4) as system:
        os.kill(reader_of(system), signal.SIGSEGV)
        with pytest.raises(FilesError) as caught:
            system.find(b"/etc")
        assert caught.value.message == (
            "The file system is damaged so that it cannot be read (its reader ended by SIGSEGV);"
            " nothing else was harmed; look into an older copy."
        )
        assert system.is_lost


def test_a_library_that_cannot_be_loaded_is_no_damage(
    ext4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pytsk3.py").write_text("raise ImportError('libtsk.so')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(FilesError, match="is installed but cannot be loaded; install it again"):
        file_system(ext4)


def test_a_reader_that_crashes_leaves_no_half_folder(ext4: Path, tmp_path: Path) -> None:
    with file_system(ext4) as system:
        pid = reader_of(system)
        calls = [0]

        def report(_count: int) -> None:
            calls[0] += 1
            if calls[0] == 8:
                os.kill(pid, signal.SIGKILL)

        extraction = Extraction(system, report)
        with pytest.raises(FilesError, match="its reader ended by SIGKILL"):
            extraction.to_folder(system.find(b"/"), tmp_path / "out")
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_a_reader_that_hangs_is_ended(ext4: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with file_system(ext4) as system:
        monkeypatch.setattr(process, "SILENCE_S_MAX", 0.3)
        os.kill(reader_of(system), signal.SIGSTOP)
        with pytest.raises(FilesError, match="said nothing for 0 s and was ended"):
            system.find(b"/etc")
        pid = reader_of(system)
    assert not Path(f"/proc/{pid}").exists()


def test_who_waits_can_give_up(ext4: Path) -> None:
    is_enough = False

    def pulse() -> None:
        if is_enough:
            raise KeyboardInterrupt

    with FileSystem(session_of(original=ext4), ["original"], pulse=pulse) as system:
        os.kill(reader_of(system), signal.SIGSTOP)
        is_enough = True
        with pytest.raises(KeyboardInterrupt):
            system.find(b"/etc")


def test_a_reader_ends_with_who_started_it(ext4: Path) -> None:
    """Even in the midst of something long: the kernel ends it when the lifeline is hung up."""
    system = file_system(ext4)
    child = system._reader._process
    os.close(system._reader._lifeline)
    assert child.wait(10) == -signal.SIGIO
    system._reader._lifeline = os.open(os.devnull, os.O_RDONLY)
    system.close()


def test_a_reader_may_write_no_file(ext4: Path) -> None:
    with file_system(ext4) as system:
        limits = Path(f"/proc/{reader_of(system)}/limits").read_text()
    told = {line[:25].strip(): line[25:].split()[:2] for line in limits.splitlines()}
    assert told["Max file size"] == ["0", "0"]
    assert told["Max core file size"] == ["0", "0"]


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x81\xa4type\xa4Nope"])
def test_an_answer_without_sense_is_refused(payload: bytes) -> None:
    with pytest.raises(wire.FrameError):
        wire.unpack_answer(payload)


def test_a_missing_library_is_told(ext4: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LIBRARY", "pytsk3_that_is_not_there")
    with pytest.raises(FilesError) as caught:
        file_system(ext4)
    assert caught.value.message == (
        "Reading files needs The Sleuth Kit for Python, which is not installed; install it with"
        f" {sys.executable} -m pip install pytsk3_that_is_not_there."
    )


def test_a_damaged_folder_does_not_take_the_rest_along(ext4: Path, tmp_path: Path) -> None:
    content = bytearray(ext4.read_bytes())
    at = int(run("debugfs", "-R", "bmap /etc/deep/0 0", ext4)) * 1024
    content[at : at + 1024] = b"\xff" * 1024
    began = time.monotonic()
    with file_system(bytes(content)) as system:
        extraction = Extraction(system, lambda _count: None)
        extraction.to_folder(system.find(b"/"), tmp_path / "out")
    assert (tmp_path / "out" / "etc" / "file-1").exists()
    assert time.monotonic() - began < 30
