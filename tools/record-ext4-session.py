# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Record a real ext4 session, write by write, into ``resources/traces/ext4-session.xz``.

A kernel mounts ext4 on a loop device over a file that nbdfuse serves from nbdkit; nbdkit logs every
write and flush it is asked for. Needs root, loop devices, FUSE, e2fsprogs, nbdkit, nbdfuse:

    python tools/record-ext4-session.py
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.workload.trace import (  # noqa: E402 - the tree it records for, installed or not
    BLOCK_BYTES,
    TRACE_NAME,
    TRACE_VERSION,
    ZERO_BLOCK,
    Flush,
    Phase,
    Step,
    Trace,
    Write,
    file_block,
    pack_trace,
)

SIZE = 64 << 20
MKFS = ["mkfs.ext4", "-q", "-b", "4096", "-N", "1024", "-m", "0", "-J", "size=4", "-L", "scratch",
        "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"]  # fmt: skip
README = """This is a scratch volume of Rangepair: a real ext4 file system to try things on.

Take a copy, start a workload, and watch which blocks are preserved.
"""


class Recording:
    """The log of one nbdkit: what was asked, in order, and the bytes of all writes."""

    def __init__(self, folder: Path) -> None:
        """Log into ``folder``."""
        self.image = folder / "disk"
        self.log = folder / "log"
        self.bytes = folder / "bytes"
        self.image.touch()
        os.truncate(self.image, SIZE)
        self.log.touch()

    def nbdkit(self) -> list[str]:
        """Return the command that serves and logs."""
        pread = (
            f"dd if={self.image} bs=1M iflag=skip_bytes,count_bytes,fullblock "
            'skip="$4" count="$3" status=none'
        )
        pwrite = (
            f'printf "w %s %s\\n" "$4" "$3" >>{self.log}; '
            f"tee -a {self.bytes} | dd of={self.image} bs=1M conv=notrunc oflag=seek_bytes "
            'seek="$4" status=none iflag=fullblock'
        )
        return ["nbdkit", "-s", "--exit-with-parent", "eval",
            f"get_size=echo {SIZE}", f"pread={pread}", f"pwrite={pwrite}",
            "can_flush=exit 0", f"flush=echo f >>{self.log}"]  # fmt: skip

    def phase(self, title: str) -> None:
        """Note what happens from here on."""
        with self.log.open("a") as log:
            log.write(f"p {title}\n")

    def trace(self, file_blocks: int) -> Trace:
        """Turn the log into a trace."""
        numbers = {file_block(number): number for number in range(1, file_blocks + 1)}
        numbers[ZERO_BLOCK] = 0
        kept: list[bytes] = []
        steps: list[Step] = []
        made = 0
        with self.bytes.open("rb") as written:
            for line in self.log.read_text().splitlines():
                kind, _, rest = line.partition(" ")
                if kind == "p" and not rest:
                    made = len(steps)
                elif kind == "p":
                    steps.append(Phase(rest))
                elif kind == "f":
                    if steps and not isinstance(steps[-1], Flush):
                        steps.append(Flush())
                else:
                    offset, length = map(int, rest.split())
                    if offset % BLOCK_BYTES or length % BLOCK_BYTES:
                        raise SystemExit(f"a write of {length} bytes at {offset}: not whole blocks")
                    sources = []
                    for _ in range(length // BLOCK_BYTES):
                        block = written.read(BLOCK_BYTES)
                        if block not in numbers:
                            kept.append(block)
                            numbers[block] = -len(kept)
                        sources.append(numbers[block])
                    steps.append(Write(offset, sources))
        return Trace(version=TRACE_VERSION, size=SIZE, made=made, steps=steps, kept=b"".join(kept))


class Session:
    """What the user of the file system does."""

    def __init__(self, mount: Path) -> None:
        """Work in ``mount``."""
        self.mount = mount
        self.used = 0
        self.dice = random.Random(7)

    def fill(self, blocks: int) -> bytes:
        """Return the next ``blocks`` blocks of the sequence."""
        first = self.used + 1
        self.used += blocks
        return b"".join(file_block(number) for number in range(first, first + blocks))

    def save(self, path: Path, blocks: int, *, sync: bool = False) -> None:
        """Write a file as an editor does: a new one, made durable, renamed over the old."""
        new = path.with_name(path.name + "~")
        with new.open("wb") as file:
            file.write(self.fill(blocks))
            file.flush()
            if sync:
                os.fsync(file.fileno())
        new.replace(path)

    def samples(self) -> None:
        """Lay down what is there from the start."""
        (self.mount / "README.txt").write_text(README)
        for folder in ("letters", "music"):
            (self.mount / folder).mkdir()
        for number in range(1, 13):
            self.save(self.mount / "letters" / f"letter-{number:02}.txt", self.dice.randint(1, 6))
        for number in range(1, 5):
            self.save(self.mount / "music" / f"song-{number}.flac", 192)

    def documents(self) -> None:
        """Copy a tree of small files."""
        for folder in range(1, 7):
            place = self.mount / "documents" / f"year-202{folder}"
            place.mkdir(parents=True)
            for number in range(1, 13):
                (place / f"report-{number:02}.odt").write_bytes(self.fill(self.dice.randint(1, 12)))
            os.sync()

    def journal(self) -> None:
        """Append to a log, each entry durable."""
        with (self.mount / "server.log").open("ab", buffering=0) as log:
            for _ in range(400):
                log.write(self.fill(1))
                os.fdatasync(log.fileno())

    def database(self) -> None:
        """Make a table, then update its pages."""
        pages = 512
        table = os.open(self.mount / "accounts.db", os.O_RDWR | os.O_CREAT)
        os.pwrite(table, self.fill(pages), 0)
        os.fsync(table)
        for update in range(2000):
            page = int(pages * self.dice.random() ** 3)
            os.pwrite(table, self.fill(1), page * BLOCK_BYTES)
            if update % 4 == 3:
                os.fdatasync(table)
        os.fsync(table)
        os.close(table)

    def photographs(self) -> None:
        """Copy large files."""
        (self.mount / "photographs").mkdir()
        for number in range(1, 9):
            (self.mount / "photographs" / f"img-{number:04}.raw").write_bytes(self.fill(320))
            os.sync()

    def edits(self) -> None:
        """Edit what is there."""
        letters = sorted((self.mount / "letters").iterdir())
        for _ in range(80):
            self.save(self.dice.choice(letters), self.dice.randint(1, 8), sync=True)

    def deletions(self) -> None:
        """Delete trees and large files."""
        for folder in (2, 3, 5):
            shutil.rmtree(self.mount / "documents" / f"year-202{folder}")
            os.sync()
        for number in (2, 3, 6):
            (self.mount / "photographs" / f"img-{number:04}.raw").unlink()
        os.sync()

    def archive(self) -> None:
        """Pack everything into one file, into the space that became free."""
        with (self.mount / "backup.tar").open("wb") as tar:
            for _ in range(16):
                tar.write(self.fill(96))
                tar.flush()
                os.fdatasync(tar.fileno())


def run(*command: str) -> str:
    """Run to the end; a failure ends the recording."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def record(folder: Path) -> Trace:
    """Make the file system, hold the session, return its trace."""
    recording = Recording(folder)
    mount = folder / "mount"
    mount.mkdir()
    served = folder / "served"
    served.touch()
    fuse = subprocess.Popen(["nbdfuse", str(served), "--command", *recording.nbdkit()])
    try:
        while served.stat().st_size != SIZE:
            if fuse.poll() is not None:
                raise SystemExit("nbdfuse ended; is FUSE there?")
            time.sleep(0.05)
        loop = run("losetup", "--find", "--show", str(served))
        try:
            return hold_session(recording, loop, mount)
        finally:
            run("losetup", "--detach", loop)
    finally:
        run("fusermount3", "-u", str(served))
        fuse.wait(timeout=30)


def hold_session(recording: Recording, loop: str, mount: Path) -> Trace:
    """Make, mount, fill, unmount: where the session begins, the file system is whole. Then work."""
    session = Session(mount)
    recording.phase("Making a file system")
    run(*MKFS, loop)
    run("mount", "-o", "noatime,nodiscard", loop, str(mount))
    session.samples()
    run("umount", str(mount))
    recording.phase("")
    recording.phase("Mounting")
    run("mount", "-o", "noatime,nodiscard", loop, str(mount))
    for title, act in (
        ("Copying documents", session.documents),
        ("Appending to a log", session.journal),
        ("Updating a database", session.database),
        ("Copying photographs", session.photographs),
        ("Editing letters", session.edits),
        ("Deleting folders", session.deletions),
        ("Packing an archive", session.archive),
    ):
        recording.phase(title)
        act()
        os.sync()
    recording.phase("Unmounting")
    run("umount", str(mount))
    return recording.trace(session.used)


def main() -> None:
    """Record, and say what was recorded."""
    with tempfile.TemporaryDirectory(prefix="rangepair-") as name:
        trace = record(Path(name))
    packed = pack_trace(trace)
    (ROOT / "resources" / "traces" / TRACE_NAME).write_bytes(packed)
    writes = [step for step in trace.steps if isinstance(step, Write)]
    print(f"{len(writes)} writes, {sum(isinstance(s, Flush) for s in trace.steps)} flushes,")
    print(f"{sum(len(w.sources) for w in writes) * BLOCK_BYTES >> 10} KiB written,")
    print(f"{len(trace.kept) >> 10} KiB kept, {len(packed) >> 10} KiB packed")


if __name__ == "__main__":
    main()
