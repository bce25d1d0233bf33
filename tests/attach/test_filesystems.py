# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Real file systems on an attached volume: copies taken meanwhile are whole, and fsck says so."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from tests.attach.conftest import JUDGES, MAKERS, run
from tests.holes import data_bytes

if TYPE_CHECKING:
    from tests.attach.conftest import Bench

pytestmark = [pytest.mark.e2e, pytest.mark.interop]
KINDS = sorted(MAKERS)


def fill(folder: Path, seed: int, count: int = 60) -> dict[str, bytes]:
    """Write a tree of files; return what they hold."""
    dice = random.Random(seed)
    held = {}
    for number in range(count):
        name = f"d{number % 7}/f{seed}-{number}"
        held[name] = dice.randbytes(dice.choice([10, 4096, 70_000, 300_000]))
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(held[name])
    return held


def held_by(folder: Path, names: dict[str, bytes]) -> dict[str, bytes]:
    """Return what the files of these names hold now."""
    return {name: (folder / name).read_bytes() for name in names}


def judge(kind: str, device: str) -> None:
    """Let fsck find a file system whole."""
    run(*JUDGES[kind], device)


class Writer:
    """Writes, renames, syncs and deletes files until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.rounds = 0
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        dice = random.Random(9)
        while not self._stop.is_set():
            name = self._folder / f"w{self.rounds % 40}"
            fresh = name.with_suffix(".new")
            with fresh.open("wb") as file:
                file.write(dice.randbytes(dice.randrange(60_000)))
                if self.rounds % 5 == 0:
                    file.flush()
                    os.fsync(file.fileno())
            fresh.replace(name)
            if self.rounds % 7 == 0:
                name.unlink()
            self.rounds += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.parametrize("kind", KINDS)
def test_copies_hold_the_files_as_they_were(bench: Bench, kind: str):
    bench.make_file_system(kind)
    here, then, tried = map(bench.mount_folder, ("here", "then", "tried"))
    bench.attach("--mount", here)
    first = fill(here, 1)
    with Writer(here) as writer:
        told = json.loads(
            bench.rangepair("snapshot", bench.image, "frozen", "--freeze", here, "--json")
        )
        rounds = writer.rounds
        os.sync()
        bench.rangepair("snapshot", bench.image, "crash")
    assert told["frozen"] is True
    assert writer.rounds > rounds  # it was thawed
    shutil.rmtree(here / "d3")
    second = fill(here, 2)
    # Beside the original, which goes on.
    view = bench.attach("--copy", "frozen", "--mount", then)
    assert held_by(then, first) == first
    assert not (then / "d1" / "f2-1").exists()
    with pytest.raises(OSError, match="Read-only"):
        (then / "no").write_bytes(b"")
    bench.detach("--copy", "frozen")
    # As after a power cut: a writable copy of it replays the journal.
    bench.rangepair("clone", bench.image, "crash", "replayed")
    view = bench.attach("--copy", "replayed", "--mount", tried)
    assert view["options"].startswith("rw")
    assert held_by(tried, first) == first
    (tried / "new").write_bytes(b"written to the clone")
    bench.detach("--copy", "replayed")
    judge(kind, bench.attach("--copy", "replayed")["loop"])
    bench.detach("--copy", "replayed")
    assert held_by(here, second) == second
    assert not (here / "new").exists()
    bench.detach()
    judge(kind, str(bench.image))
    bench.rangepair("check", bench.image)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_copy_needs_no_repair(bench: Bench, kind: str):
    bench.make_file_system(kind)
    here, then = bench.mount_folder("here"), bench.mount_folder("then")
    bench.attach("--mount", here)
    held = fill(here, 3)
    bench.rangepair("snapshot", bench.image, "frozen", "--freeze", here)
    fill(here, 4)
    view = bench.attach("--copy", "frozen", "--mount", then)
    assert held_by(then, held) == held
    if kind == "ext4":  # its journal is empty: nothing had to be left out to mount it
        assert view["options"] == "ro"
        assert view["notices"] == []
    bench.detach("--copy", "frozen")
    if kind != "xfs":  # it marks its log on purpose, so that a mount after a crash tidies up
        judge(kind, bench.attach("--copy", "frozen")["loop"])
    bench.detach()


def test_a_copy_mounted_without_its_journal_says_so(bench: Bench):
    bench.make_file_system("ext4")
    here, then = bench.mount_folder("here"), bench.mount_folder("then")
    bench.attach("--mount", here)
    fill(here, 5)
    bench.rangepair("snapshot", bench.image, "crash")
    view = bench.attach("--copy", "crash", "--mount", then)
    assert view["options"] == "ro,noload"
    assert "files written shortly before the copy may be missing" in view["notices"][0]
    assert "clone it and attach the clone to have its journal replayed" in view["notices"][0]
    bench.detach()


def test_a_file_synced_just_before_is_in_the_clone_and_the_snapshot_tells_it(bench: Bench):
    """XFS has it in its log alone, and marks that even when it is frozen."""
    bench.make_file_system("xfs")
    here, then, tried = map(bench.mount_folder, ("here", "then", "tried"))
    bench.attach("--mount", here)
    for number, words in enumerate(([], ["--freeze", here])):
        name = f"copy{number}"
        with (here / name).open("wb", buffering=0) as file:
            file.write(b"synced")
            os.fsync(file.fileno())
        bench.rangepair("snapshot", bench.image, name, *words)
        view = bench.attach("--copy", name, "--mount", then)
        assert "norecovery" in view["options"]
        assert "may be missing or half done, even if they were synced" in view["notices"][0]
        assert "attach the clone to have its log replayed" in view["notices"][0]
        if words:
            assert (then / name).read_bytes() == b"synced"
        else:
            assert not (then / name).exists()
        bench.detach("--copy", name)
        bench.rangepair("clone", bench.image, name, f"{name}-clone")
        assert bench.attach("--copy", f"{name}-clone", "--mount", tried)["notices"] == []
        assert (tried / name).read_bytes() == b"synced"
        bench.detach("--copy", f"{name}-clone")
    bench.detach()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_system_whose_end_was_cut_off_is_told(bench: Bench, kind: str):
    bench.make_file_system(kind)
    here = bench.mount_folder("here")
    bench.rangepair("snapshot", bench.image, "before")
    bench.rangepair("resize", bench.image, "400MiB", "--shrink")
    told = bench.rangepair("attach", bench.image, "--mount", here, status=1)
    assert f"The {kind} on /dev/loop" in told
    assert f"says it has {512 << 20} bytes, and the device has {400 << 20}:" in told
    assert bench.traces() == []
    bench.rangepair("resize", bench.image, "512MiB")
    bench.rangepair("restore", bench.image, "before")
    bench.attach("--mount", here)
    bench.detach()


def test_a_trim_of_the_file_system_gives_the_disk_its_space_back(bench: Bench):
    bench.make_file_system("ext4")
    here = bench.mount_folder("here")
    bench.attach("--mount", here)
    (here / "big").write_bytes(os.urandom(64 << 20))
    os.sync()
    full = data_bytes(bench.image)
    (here / "big").unlink()
    os.sync()
    run("fstrim", here)
    assert data_bytes(bench.image) <= full - (60 << 20)
    bench.detach()
    run("e2fsck", "-f", "-n", bench.image)


@pytest.mark.parametrize("engine", ["psync", "libaio"])
def test_fio_reads_what_it_wrote(bench: Bench, engine: str):
    bench.rangepair("snapshot", bench.image, "monday")
    view = bench.attach()
    for target in (view["file"], view["loop"]):
        run(
            "fio", "--name=verify", f"--filename={target}", f"--ioengine={engine}", "--direct=1",
            "--rw=randwrite", "--bsrange=512-128k", "--bs_unaligned=0", "--blockalign=512",
            "--size=48m", "--iodepth=16", "--verify=crc32c", "--verify_fatal=1", "--do_verify=1",
            "--fdatasync=64", "--verify_state_save=0",
        )  # fmt: skip
    bench.detach()
    bench.rangepair("check", bench.image)
    assert subprocess.run(
        [shutil.which("cmp") or "cmp", bench.attach("--copy", "monday")["file"], "/dev/zero"],
        capture_output=True, check=False, text=True,
    ).stderr.startswith("cmp: EOF on /")  # fmt: skip
    bench.detach()


def test_a_file_under_the_page_cache_is_what_was_written(bench: Bench):
    """Buffered and mapped, in pieces that fit no sector, beside another reader of the volume."""
    import mmap

    view = bench.attach()
    dice = random.Random(11)
    expected = bytearray(8 << 20)
    with Path(view["file"]).open("r+b") as file:
        for _ in range(200):
            at = dice.randrange(len(expected) - 50_000)
            payload = dice.randbytes(dice.randrange(1, 50_000))
            file.seek(at)
            file.write(payload)
            expected[at : at + len(payload)] = payload
        file.flush()
        with mmap.mmap(file.fileno(), len(expected)) as mapped:
            assert mapped[:] == expected
            mapped[4097:4100] = expected[4097:4100] = b"map"
            mapped.flush()
    with bench.image.open("rb") as image:
        assert image.read(len(expected)) == expected
    bench.detach()
