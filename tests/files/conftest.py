# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""File systems made by their own tools, without mounting anything, and views that hold them."""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from core.answers import Ranges
from core.files.filesystem import FileSystem

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.session import VolumeSession

LONGEST = b"n" * 255
ODD_NAMES = (b"new\nline", b"-x", "grün ☂".encode(), b"not \xff utf-8", b" space ", LONGEST)


def run(*command: str | Path, stdin: str = "") -> str:
    """Run a program of the system, and demand that it succeeds; return what it said."""
    done = subprocess.run(
        [str(word) for word in command],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"LC_ALL": "C", "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def make_ext4(image: Path, folder: Path, size_bytes: int, *options: str) -> None:
    """Make an ext4 with all that is in a folder."""
    image.touch()
    os.truncate(image, size_bytes)
    run("mkfs.ext4", "-q", "-F", *options, "-d", folder, image)


def debugfs(image: Path, *requests: str) -> None:
    """Change a file system by hand; requests that fail are told only in words."""
    done = run("debugfs", "-w", "-f", "-", image, stdin="\n".join(requests))
    assert "not found" not in done


@dataclass
class Info:
    """As much of a ``VolumeInfo`` as is asked for."""

    sizes: dict[str, int]

    def size_of(self, name: str) -> int:
        """Return the bytes of a view."""
        return self.sizes[name]


@dataclass
class StillViews:
    """Views that are bytes; what fails to be read can be chosen."""

    views: dict[str, bytes]
    refuse: Callable[[int, int], None] = lambda _offset, _length: None

    def info(self) -> Info:
        """Return what is asked for."""
        return Info({name: len(content) for name, content in self.views.items()})

    def read(self, offset: int, length: int, name: str) -> bytes:
        """Return bytes, as a volume does: whole sectors, within the view."""
        content = self.views[name]
        assert offset % 512 == length % 512 == 0
        assert offset + length <= len(content)
        self.refuse(offset, length)
        return content[offset : offset + length]


def session_of(**views: bytes | Path) -> VolumeSession:
    """Return a session with these views."""
    read = {n: view.read_bytes() if isinstance(view, Path) else view for n, view in views.items()}
    return cast("VolumeSession", StillViews(read))


def file_system(image: bytes | Path, partition: int = 0) -> FileSystem:
    """Return the file system of an image."""
    return FileSystem(session_of(original=image), ["original"], partition)


def differing(one: bytes, other: bytes, grain_bytes: int = 4096) -> Ranges:
    """Return the grains in which two views differ."""
    starts = [
        at
        for at in range(0, max(len(one), len(other)), grain_bytes)
        if one[at : at + grain_bytes] != other[at : at + grain_bytes]
    ]
    return Ranges(
        starts=np.array(starts, np.int64), lengths=np.full(len(starts), grain_bytes, np.int64)
    )


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what file systems are hard on."""
    chance = random.Random(5)
    top = tmp_path_factory.mktemp("tree") / "top"
    (top / "etc" / "deep").mkdir(parents=True)
    for number, length in enumerate((0, 1, 511, 4096, 4097, 70_000)):
        (top / "etc" / f"file-{number}").write_bytes(chance.randbytes(length))
    for name in ODD_NAMES:
        Path(os.fsdecode(os.fsencode(top) + b"/" + name)).write_bytes(name)
    with (top / "sparse").open("wb") as file:
        file.write(b"begin")
        file.seek(3 << 20)
        file.write(b"middle" * 1000)
        file.truncate(8 << 20)
    (top / "hard").hardlink_to(top / "etc" / "file-4")
    (top / "link").symlink_to("etc/file-1")
    (top / "away").symlink_to("/etc/passwd")
    (top / "longlink").symlink_to("l" * 100)
    (top / "loop").symlink_to("loop")
    (top / "tofolder").symlink_to("/etc/../etc/deep")
    folder = top / "etc" / "deep"
    for number in range(60):
        folder = folder / f"{number}"
        folder.mkdir()
    (folder / "bottom").write_text("down here")
    (top / "etc" / "file-3").chmod(0o4750)
    (top / "etc" / "deep").chmod(0o555)
    os.utime(top / "etc" / "file-2", ns=(10**18, 10**18))
    os.mkfifo(top / "pipe")
    return top


@pytest.fixture(scope="session")
def ext4(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ext4 of 16 MiB with that folder; nobody writes to it."""
    image = tmp_path_factory.mktemp("ext4") / "disk.img"
    make_ext4(image, tree, 16 << 20)
    return image
