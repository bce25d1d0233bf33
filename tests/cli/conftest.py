# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from core.service.client import connect
from core.service.launcher import connect_or_start
from tests.cli.warmcommand import ROOT, WarmCommand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE_BYTES = 1 << 20
WAYS = ("here", "engine process")
"""How the command reaches the volume."""


@dataclass
class Cli:
    """The command as a user runs it: a process, in the folder of the image."""

    folder: Path
    warm: WarmCommand | None

    def run(
        self, *arguments: str | Path, stdin: bytes = b"", status: int = 0, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run to the end, and demand an exit status."""
        words = [str(argument) for argument in arguments]
        surroundings = os.environ | {"PYTHONPATH": str(ROOT)} | environment
        if self.warm is not None and not environment:
            done = self.warm.run(words, self.folder, surroundings, stdin)
        else:
            done = subprocess.run(
                [sys.executable, "-m", "core.cli", *words],
                cwd=self.folder,
                env=surroundings,
                input=stdin,
                capture_output=True,
                timeout=50,
                check=False,
            )
        assert done.returncode == status, done.stderr.decode()
        return done

    def text(self, *arguments: str | Path, stdin: bytes = b"") -> str:
        """Return what a command that succeeds says."""
        done = self.run(*arguments, stdin=stdin)
        assert done.stderr == b""
        return done.stdout.decode()

    def json(self, *arguments: str | Path) -> Any:
        """Return what a query answers with --json."""
        return json.loads(self.text(*arguments, "--json"))

    def complaint(self, *arguments: str | Path, stdin: bytes = b"", status: int = 1) -> str:
        """Return the one sentence of a command that fails."""
        done = self.run(*arguments, stdin=stdin, status=status)
        assert done.stdout == b""
        sentence = done.stderr.decode()
        assert sentence.startswith("rangepair: ")
        assert sentence.count("\n") == 1, sentence
        assert "Traceback" not in sentence
        return sentence.removeprefix("rangepair: ").strip()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image with content that tells every sector apart."""
    path = tmp_path / "disk.img"
    path.write_bytes(random.Random(11).randbytes(IMAGE_BYTES))
    return path


@pytest.fixture(scope="session")
def warm_command() -> Iterator[WarmCommand]:
    """The process that forks commands."""
    command = WarmCommand()
    yield command
    command.close()


@pytest.fixture
def bare_cli(tmp_path: Path, warm_command: WarmCommand) -> Cli:
    """The command, with no volume open anywhere."""
    return Cli(tmp_path, warm_command)


@pytest.fixture(params=WAYS)
def cli(
    request: pytest.FixtureRequest, tmp_path: Path, image: Path, warm_command: WarmCommand
) -> Iterator[Cli]:
    """The command, on a volume that is open nowhere, or in an engine process."""
    if request.param == "here":
        yield Cli(tmp_path, warm_command)
        return
    holder = connect_or_start(image)
    yield Cli(tmp_path, warm_command)
    holder.close()
    connect(image).shutdown()
