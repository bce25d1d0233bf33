# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An attached volume: its file beside qemu-nbd with nbdfuse, its file system beside a loop device.

Needs root, FUSE, loop devices, fio, qemu-nbd, nbdfuse. The file is read and written past the page
cache, one request at a time, so that each reaches the server. The file systems are made anew for
each round on images that hold no zeroes, as nothing would have to be preserved of those; a copy is
taken just before the clock starts, so that every place is written for the first time after it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.telling import say
from core.measure.files import forget_copies, make_image, warm
from core.measure.rows import Row, compared, in_turns
from core.service import attaching
from core.service.launcher import connect_or_start
from core.units import KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FILE_BYTES = 256 * MIB
FILE_SYSTEM_BYTES = 1024 * MIB
TREE_BYTES = 270 * MIB
ROUNDS = 3
FIO_S = 3
COMMITS = 1000
PATIENCE_S = 20


def measure(folder: Path) -> list[Row]:
    """Return requests a second of the file, and seconds of what is done in the file system."""
    if os.geteuid():
        raise SystemExit("attach: mounting needs root; run this topic as root")
    return _file_rows(folder) + _file_system_rows(folder)


@dataclass
class Served:
    """A file, and the processes that answer for it.

    Attributes:
        spent_us: Processor time of theirs for each request, by what was done.
    """

    file: Path
    processes: Sequence[int]
    spent_us: dict[str, list[float]] = field(default_factory=dict)

    def fio(self, way: str, title: str) -> float:
        """Return requests a second, and note what they cost those who answered."""
        before = self._spent_s()
        job = _fio(self.file, way)
        count = job["read"]["total_ios"] + job["write"]["total_ios"]
        self.spent_us.setdefault(title, []).append((self._spent_s() - before) / count * 1e6)
        return float(job["read"]["iops"] + job["write"]["iops"])

    def _spent_s(self) -> float:
        ticks = 0
        for process in self.processes:
            told = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
            ticks += int(told[11]) + int(told[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def _file_rows(folder: Path) -> list[Row]:
    ours, theirs = folder / "attach.img", folder / "attach-nbd.img"
    make_image(ours, FILE_BYTES)
    make_image(theirs, FILE_BYTES)
    rows: list[Row] = []
    with _nbdfuse(theirs, folder) as others, connect_or_start(ours) as volume:
        view = attaching.attach(volume, "original")
        own = Served(Path(view.file), [volume.welcome.pid])
        taken = iter(range(1000))

        def first_writes() -> float:
            volume.snapshot(f"copy {next(taken)}")
            return own.fio("randwrite", "first writes")

        for way, title in (("randread", "reads"), ("randwrite", "writes")):
            say(f"4 KiB {title}")
            cases: dict[str, Callable[[], float]] = {
                "qemu-nbd and nbdfuse": lambda way=way, title=title: others.fio(way, title),  # type: ignore[misc]
                "attached": lambda way=way, title=title: own.fio(way, title),  # type: ignore[misc]
            }
            if way == "randwrite":
                cases["attached, a copy just taken"] = first_writes
            warm(ours)
            warm(theirs)
            rows += compared(f"4 KiB {title} of the file, one at a time", "per s", cases, ROUNDS)
        attaching.detach(volume)
        volume.shutdown()
    forget_copies(ours)
    ours.unlink()
    theirs.unlink()
    return rows + _spent_rows(others.spent_us, own.spent_us)


def _spent_rows(others: dict[str, list[float]], own: dict[str, list[float]]) -> list[Row]:
    """Return what requests cost the servers, which other load on the machine disturbs least."""
    rows = []
    for title, values in own.items():
        base = others["reads" if title == "reads" else "writes"]
        topic = f"processor time of the server for 4 KiB {title}"
        rows += [
            Row(topic, "qemu-nbd and nbdfuse", "us", base),
            Row(topic, "attached", "us", values),
        ]
        rows[-1].ratio = rows[-1].median / rows[-2].median
    return rows


@contextlib.contextmanager
def _nbdfuse(image: Path, folder: Path) -> Iterator[Served]:
    """Serve an image as a file by way of others."""
    served, socket = folder / "served", folder / "served.sock"
    served.touch()
    options = ["--format=raw", "--cache=writeback", "--persistent", "--shared=4"]
    command = ["qemu-nbd", *options, f"--socket={socket.resolve()}", str(image)]
    server = subprocess.Popen(command)
    _await(socket.exists)
    fuse = subprocess.Popen(["nbdfuse", str(served), f"nbd+unix:///?socket={socket.resolve()}"])
    try:
        _await(lambda: served.stat().st_size == FILE_BYTES)
        yield Served(served, [server.pid, fuse.pid])
    finally:
        subprocess.run(["umount", str(served)], check=True)
        fuse.wait(PATIENCE_S)
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE_S)
        served.unlink()
        socket.unlink(missing_ok=True)


def _await(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit("attach: what is compared with did not start")
        time.sleep(0.02)


def _fio(file: Path, way: str) -> dict[str, Any]:
    """Return what fio tells of a job."""
    done = subprocess.run(
        [
            "fio", "--name=attach", f"--filename={file}", f"--rw={way}", f"--bs={4 * KIB}",
            "--ioengine=psync", "--direct=1", "--time_based", f"--runtime={FIO_S}",
            f"--size={FILE_BYTES}", "--output-format=json",
        ],
        capture_output=True,
        check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout)["jobs"][0])


def _file_system_rows(folder: Path) -> list[Row]:
    image, mount = folder / "attach.img", folder / "attach.mnt"
    tree = folder / "attach.tar"
    mount.mkdir(exist_ok=True)
    make_image(image, FILE_SYSTEM_BYTES)
    _make_tree(tree)
    seconds: dict[str, dict[str, list[float]]] = {"untar and sync": {}, "sqlite": {}}

    def case(name: str, place: Callable[[], contextlib.AbstractContextManager[None]]) -> float:
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "nodiscard", str(image)], check=True)
        warm(image)
        with place():
            for title, work in (
                ("untar and sync", lambda: _untar(tree, mount)),
                ("sqlite", lambda: _commit(mount)),
            ):
                seconds[title].setdefault(name, []).append(work())
        return 0.0

    places = {
        "loop device": lambda: _loop(image, mount, "off"),
        "loop device, direct I/O": lambda: _loop(image, mount, "on"),
        "attached, a copy just taken": lambda: _attached(image, mount),
    }
    in_turns(
        {
            name: lambda name=name, place=place: case(name, place)  # type: ignore[misc]
            for name, place in places.items()
        },
        ROUNDS,
    )
    for path in (image, tree):
        path.unlink()
    mount.rmdir()
    titles = {
        "untar and sync": f"untar {TREE_BYTES // MIB} MiB into ext4, and sync",
        "sqlite": f"{COMMITS:,} commits of sqlite on ext4",
    }
    rows = [
        Row(titles[title], name, "s", values)
        for title, cases in seconds.items()
        for name, values in cases.items()
    ]
    for row in rows:
        base = next(one for one in rows if one.topic == row.topic)
        row.ratio = None if row is base else row.median / base.median
    return rows


@contextlib.contextmanager
def _loop(image: Path, mount: Path, direct: str) -> Iterator[None]:
    loop = subprocess.run(
        ["losetup", "--find", "--show", f"--direct-io={direct}", str(image)],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    try:
        subprocess.run(["mount", loop, str(mount)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", str(mount)], check=True)
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)


@contextlib.contextmanager
def _attached(image: Path, mount: Path) -> Iterator[None]:
    with connect_or_start(image) as volume:
        attaching.attach(volume, "original", mount=str(mount.resolve()))
        try:
            volume.snapshot("before")
            yield
        finally:
            attaching.detach(volume)
            volume.shutdown()
            forget_copies(image)


def _make_tree(path: Path) -> None:
    """Pack a tree of small and middling files, of bytes that no file system can shorten."""
    dice = random.Random(3)
    left = TREE_BYTES
    with tarfile.open(path, "w") as tar:
        while left > 0:
            size = min(left, int(dice.lognormvariate(9.2, 1.4)))
            entry = tarfile.TarInfo(f"tree/d{left % 300}/f{left}")
            entry.size = size
            tar.addfile(entry, io.BytesIO(dice.randbytes(size)))
            left -= max(size, 1)


def _untar(tree: Path, mount: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(["tar", "-xf", str(tree), "-C", str(mount)], check=True)
    subprocess.run(["sync", "--file-system", str(mount)], check=True)
    return time.perf_counter() - begun


def _commit(mount: Path) -> float:
    """Return how long commits take, each durable."""
    base = sqlite3.connect(mount / "commits.db", isolation_level=None)
    with contextlib.closing(base):
        base.execute("pragma journal_mode = wal")
        base.execute("pragma synchronous = full")
        base.execute("create table t (k integer primary key, v blob)")
        payload = os.urandom(200)
        begun = time.perf_counter()
        for number in range(COMMITS):
            base.execute("insert into t values (?, ?)", (number, payload))
        return time.perf_counter() - begun
