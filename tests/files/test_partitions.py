# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which partition is meant, by the numbers of the kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from core.errors import FilesError
from tests.files.conftest import file_system, make_ext4, run

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
GPT = """label: gpt
2 : start=2048, size=4096
5 : start=8192, size=4096
7 : start=16384, size=4096
"""
MBR = """label: dos
1 : start=2048, size=4096, type=83
2 : start=8192, size=32768, type=5
5 : start=10240, size=4096, type=83
6 : start=20480, size=4096, type=83
"""


def disk(folder: Path, table: str, *places: int) -> Path:
    """Make a disk with a table, and file systems of 2 MiB at some sectors."""
    image = folder / "disk.img"
    image.touch()
    os.truncate(image, 24 * MIB)
    run("sfdisk", "-q", "--no-reread", "--no-tell-kernel", image, stdin=table)
    for place in places:
        source = folder / f"source-{place}"
        source.mkdir()
        (source / f"at-{place}").touch()
        part = folder / f"part-{place}"
        make_ext4(part, source, 2 * MIB)
        with image.open("r+b") as file:
            file.seek(place * 512)
            file.write(part.read_bytes())
    return image


def names(image: Path, partition: int = 0) -> set[bytes]:
    with file_system(image, partition) as system:
        return {entry.name for entry in system.folder(system.find(b"/").inode)} - {b"lost+found"}


@pytest.mark.parametrize(
    ("table", "numbers"),
    [(GPT, {2: 2048, 5: 8192}), (MBR, {1: 2048, 5: 10240, 6: 20480})],
    ids=["gpt", "mbr"],
)
def test_partitions_have_the_numbers_of_the_kernel(
    tmp_path: Path, table: str, numbers: dict[int, int]
) -> None:
    image = disk(tmp_path, table, *numbers.values())
    for number, place in numbers.items():
        assert names(image, number) == {b"at-%d" % place}
    told = ", ".join(f"{number} (ext4, 2 MiB)" for number in numbers)
    with pytest.raises(FilesError) as caught:
        names(image)
    assert caught.value.message == (
        f"Several partitions have a file system; choose one with --partition: {told}."
    )
    with pytest.raises(FilesError, match=r"There is no partition 9; 1|There is no partition 9; 2"):
        names(image, 9)


def test_the_only_one_with_a_file_system_is_meant(tmp_path: Path) -> None:
    image = disk(tmp_path, GPT, 8192)
    assert names(image) == {b"at-8192"}
    with file_system(image) as system:
        assert (system.info.partition, system.info.start) == (5, 8192 * 512)
        owned = system.owners([(0, 512), (8192 * 512 + 1024, 512)])
        assert [part.role for part in owned] == ["outside", "superblocks"]
    with pytest.raises(FilesError, match="No file system that is known was found in partition 7"):
        names(image, 7)


def test_partitions_without_file_systems_are_told(tmp_path: Path) -> None:
    with pytest.raises(FilesError, match="on the volume, and not in any of its partitions either"):
        names(disk(tmp_path, GPT))


def test_a_file_system_without_partitions_has_no_number(ext4: Path) -> None:
    with pytest.raises(FilesError, match="There is no partition 1; the volume has none"):
        names(ext4, 1)
