# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Commands as processes of their own, without each of them loading numpy anew.

``python -m tests.cli.warmcommand`` has loaded everything; for every line of JSON on standard input
it forks a process that is the command from there on, with a folder, an environment and files for
its three streams of its own, and answers with the exit status.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from core.cli.directory import ENTRIES
from core.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
LOADED = (
    "core.cli.parsing",
    "core.cli.strip",
    "core.engine",
    "core.service.launcher",
    "msgspec.json",
)


@dataclass
class WarmCommand:
    """The process that forks commands, seen from the tests."""

    streams: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="rp-streams-")))

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.warmcommand"],
            cwd=ROOT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(
        self, arguments: list[str], folder: Path, environment: dict[str, str], stdin: bytes
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one command to its end."""
        (self.streams / "in").write_bytes(stdin)
        order = {
            "arguments": [os.fsencode(argument).hex() for argument in arguments],
            "folder": str(folder),
            "environment": environment,
            "streams": str(self.streams),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        out, err = ((self.streams / name).read_bytes() for name in ("out", "err"))
        return subprocess.CompletedProcess(arguments, status, out, err)

    def close(self) -> None:
        """End the process that forks."""
        self._process.communicate(timeout=20)
        for path in self.streams.iterdir():
            path.unlink()
        self.streams.rmdir()


def serve() -> None:
    """Fork a command for every line, one after the other."""
    for name in (*LOADED, *(f"core.cli.{entry.module}" for entry in ENTRIES.values())):
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become_command(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def become_command(order: dict[str, object]) -> None:
    """Be the command, and end as it does."""
    status = 1
    try:
        streams = Path(str(order["streams"]))
        for number, name, mode in ((0, "in", "rb"), (1, "out", "wb"), (2, "err", "wb")):
            with (streams / name).open(mode) as file:
                os.dup2(file.fileno(), number)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8") for number, mode in enumerate("rww")
        )
        os.chdir(str(order["folder"]))
        os.environ.clear()
        os.environ.update(order["environment"])  # type: ignore[arg-type]
        status = main([os.fsdecode(bytes.fromhex(text)) for text in order["arguments"]])  # type: ignore[attr-defined]
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - told on standard error, as the interpreter would
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
