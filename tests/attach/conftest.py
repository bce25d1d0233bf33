# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A real kernel: FUSE, loop devices, file systems. These need root, and say so where it is not."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.attach import mounttable
from core.attach.loopdevice import backing_file
from core.errors import EngineGoneError
from core.service.client import connect
from tests.cli.warmcommand import ROOT, WarmCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

VOLUME_BYTES = 512 << 20
"""mkfs.xfs makes none smaller than 300 MB."""
MAKERS = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}
JUDGES = {
    "ext4": ["e2fsck", "-f", "-n"],
    "xfs": ["xfs_repair", "-n"],
    "btrfs": ["btrfs", "check", "--readonly"],
}


def why_not() -> str:
    """Return why the kernel cannot be used here; empty if it can."""
    if os.geteuid():
        return "needs root: attaching was NOT tested against the kernel"
    for node in ("/dev/fuse", "/dev/loop-control"):
        if not Path(node).exists():
            return f"needs {node}: attaching was NOT tested against the kernel"
    return ""


def run(*command: str | Path, status: int = 0) -> str:
    """Run a program of the system, and demand an exit status; return what it said."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"LC_ALL": "C", "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )
    assert done.returncode == status, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@dataclass
class Bench:
    """An image, folders to mount in, and the command as a user runs it."""

    folder: Path
    image: Path
    warm: WarmCommand

    def rangepair(self, *arguments: str | Path, status: int = 0) -> str:
        """Run a command; return what it put out, errors if it was to fail."""
        words = [str(argument) for argument in arguments]
        surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
        done = self.warm.run(words, self.folder, surroundings, b"")
        complaint = done.stderr.decode()
        assert done.returncode == status, complaint
        if status:
            assert done.stdout == b""
            assert complaint.count("\n") == 1
            return complaint.removeprefix("rangepair: ")
        return done.stdout.decode()

    def attach(self, *arguments: str | Path) -> dict[str, Any]:
        """Attach; return where."""
        return dict(json.loads(self.rangepair("attach", self.image, *arguments, "--json")))

    def detach(self, *arguments: str | Path) -> list[dict[str, Any]]:
        """Detach; return what."""
        return list(json.loads(self.rangepair("detach", self.image, *arguments, "--json")))

    def attached(self) -> list[dict[str, Any]]:
        """Return what is attached."""
        return list(json.loads(self.rangepair("attach", self.image, "--list", "--json")))

    def mount_folder(self, name: str) -> Path:
        """Return an empty folder to mount in."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def make_file_system(self, kind: str) -> None:
        """Make a file system on the volume, through a loop device."""
        view = self.attach()
        run(*MAKERS[kind], view["loop"])
        self.detach()

    def engine_pid(self) -> int:
        """Return the process that holds the volume."""
        with connect(self.image) as volume:
            return volume.welcome.pid

    def kill_engine(self, number: int = signal.SIGKILL) -> None:
        """End the engine process by a signal, and wait until it has."""
        pid = self.engine_pid()
        os.kill(pid, number)
        deadline = time.monotonic() + 30
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def traces(self) -> list[str]:
        """Return what of this bench the kernel still has: mounts and loop devices."""
        inside = str(self.folder)
        runtime = os.environ["XDG_RUNTIME_DIR"]
        mounts = [m.point for m in mounttable.mounts() if m.point.startswith((inside, runtime))]
        names = [entry.parents[1].name for entry in Path("/sys/block").glob("loop*/loop/dio")]
        files = [backing_file(f"/dev/{name}") for name in names]
        return mounts + [name for name in files if name.startswith((inside, runtime))]


@pytest.fixture(scope="session")
def warm_command() -> Iterator[WarmCommand]:
    """The process that forks commands."""
    command = WarmCommand()
    yield command
    command.close()


@pytest.fixture
def bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm_command: WarmCommand
) -> Iterator[Bench]:
    """A sparse image of 512 MiB that nobody has open; nothing of it may be left in the kernel."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    runtime = Path(tempfile.mkdtemp(prefix="rp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    image = tmp_path / "disk.img"
    image.touch()
    os.truncate(image, VOLUME_BYTES)
    made = Bench(tmp_path, image, warm_command)
    yield made
    left = made.attached() if image.exists() else []
    with contextlib.suppress(EngineGoneError):
        made.kill_engine(signal.SIGTERM)
    subprocess.run(
        [sys.executable, "-m", "core.cli", "detach", str(image)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    traces = made.traces()
    shutil.rmtree(runtime)
    image.unlink(missing_ok=True)
    assert left == [], "a test must detach what it attaches"
    assert traces == []
