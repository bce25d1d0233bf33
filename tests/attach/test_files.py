# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Files of copies of a file system that is mounted and written to, judged by the kernel."""

from __future__ import annotations

import filecmp
import json
import os
import random
from typing import TYPE_CHECKING

from tests.files.conftest import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.attach.conftest import Bench


def sync(path: Path) -> None:
    """Make one file durable: on ext4 that leaves its metadata in the journal."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def test_a_copy_of_a_mounted_file_system_is_read_as_the_kernel_would(bench: Bench) -> None:
    chance = random.Random(3)
    bench.make_file_system("ext4")
    folder = bench.mount_folder("mnt")
    bench.attach("--mount", folder)
    (folder / "etc").mkdir()
    for number in range(20):
        (folder / "etc" / f"f{number}").write_bytes(chance.randbytes(number * 3000))
        sync(folder / "etc" / f"f{number}")
    bench.rangepair("snapshot", bench.image, "monday")
    (folder / "etc" / "f3").unlink()
    (folder / "etc" / "f4").rename(folder / "g4")
    (folder / "etc" / "f5").chmod(0o600)
    with (folder / "etc" / "f6").open("ab") as file:
        file.write(b"more")
    sync(folder / "etc" / "f6")

    told = json.loads(bench.rangepair("files", bench.image, "--copy", "monday", "/etc", "--json"))
    assert told["file_system"]["replayed"] > 0
    assert len(told["entries"]) == 20
    bench.rangepair("files", bench.image, "--copy", "monday", "/", "--out", "out")
    found = json.loads(bench.rangepair("diff", bench.image, "monday", "--files", "--json"))
    changes = {change["path"]: change["change"] for change in found["files"]}
    assert changes == {
        "/etc/f3": "removed",
        "/g4": "moved",
        "/etc/f5": "metadata",
        "/etc/f6": "changed",
    }
    copies = json.loads(bench.rangepair("list", bench.image, "--json"))["copies"]
    assert [copy["name"] for copy in copies] == ["monday"]

    # The kernel replays the journal of a clone: that must be what was read without.
    bench.rangepair("clone", bench.image, "monday", "judge")
    judge = bench.mount_folder("judge")
    bench.attach("--copy", "judge", "--mount", judge)
    names = [f"f{number}" for number in range(20)]
    assert filecmp.cmpfiles(judge / "etc", bench.folder / "out" / "etc", names, shallow=False) == (
        names,
        [],
        [],
    )
    bench.detach()


def test_a_file_system_that_is_not_read_is_named(bench: Bench) -> None:
    bench.make_file_system("xfs")
    sentence = bench.rangepair("files", bench.image, status=1)
    assert sentence == (
        "The file system is xfs, which cannot be read here; files can be read from ext2, ext3,"
        " ext4, NTFS, FAT, exFAT, HFS+, UFS and ISO 9660; 'attach --mount' has the kernel read"
        " others.\n"
    )


def test_partitions_have_the_numbers_that_attach_tells(bench: Bench) -> None:
    table = (
        "label: dos\n1 : start=2048, size=8192, type=83\n2 : start=16384, size=131072, type=5\n"
        "5 : start=18432, size=8192, type=83\n"
    )
    run("sfdisk", "-q", "--no-reread", "--no-tell-kernel", bench.image, stdin=table)
    view = bench.attach()
    for number in (1, 5):
        run("mkfs.ext4", "-q", "-F", "-L", f"part{number}", f"{view['loop']}p{number}")
        folder = bench.mount_folder(f"p{number}")
        run("mount", f"{view['loop']}p{number}", folder)
        (folder / f"in-{number}").touch()
        run("umount", folder)
    bench.detach()
    for number in (1, 5):
        rows = bench.rangepair("files", bench.image, "--partition", number)
        assert f"  in-{number}\n" in rows
