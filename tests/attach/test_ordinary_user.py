# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A file for who is not root, through fusermount3."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.attach.conftest import why_not
from tests.cli.warmcommand import ROOT

pytestmark = pytest.mark.e2e
NOBODY = 65534
SCRIPT = """
import os, sys
from pathlib import Path
from core.engine import open_volume
from core.fuse.diskfile import DiskFile
from core.fuse.door import Door
image, path = Path(sys.argv[1]), Path(sys.argv[2])
with open_volume(image) as volume:
    path.touch(mode=0o600)
    door = Door(DiskFile(volume, "original"), path)
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(b"written")
        try:
            door.close()
        except OSError as error:
            busy = error.errno
    door.close()
print(door.way, len(content), busy, path.stat().st_size)
"""


def python_for_others() -> str:
    """Return an interpreter that any user can run; empty if there is none."""
    for name in (sys.executable, "/usr/bin/python3.11", "/usr/bin/python3.12"):
        ran = subprocess.run(
            [name, "-c", ""], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
            capture_output=True, check=False,
        ).returncode if os.access(name, os.X_OK) and _is_reachable(name) else 1  # fmt: skip
        if not ran:
            return name
    return ""


def _is_reachable(name: str) -> bool:
    """Return whether everybody may enter the folders that lead to a program."""
    return all(folder.stat().st_mode & 0o001 for folder in Path(name).resolve().parents)


def test_an_ordinary_user_gets_a_file():
    if reason := why_not():
        pytest.skip(reason)
    if Path("/dev/fuse").stat().st_mode & 0o006 != 0o006:
        pytest.skip("/dev/fuse is root's alone here: fusermount3 was NOT tested")
    python = python_for_others()
    if not python:
        pytest.skip("no Python here is for all users: fusermount3 was NOT tested")
    folder = Path(tempfile.mkdtemp(prefix="rp"))
    try:
        folder.chmod(0o777)
        image = folder / "disk.img"
        image.write_bytes(random.Random(2).randbytes(1 << 20))
        image.chmod(0o666)
        search = [str(ROOT), *(path for path in sys.path if path.endswith("-packages"))]
        done = subprocess.run(
            [python, "-B", "-c", SCRIPT, str(image), str(folder / "file")],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(search)},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"fusermount3 {1 << 20} {errno.EBUSY} 0\n"
        assert image.read_bytes()[:7] == b"written"
    finally:
        shutil.rmtree(folder)
