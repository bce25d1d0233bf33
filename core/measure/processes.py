# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Programs that run while something is measured, and are gone afterwards.

Each has a process group of its own: Ctrl-C is for this program, which then ends the others.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from typing import TYPE_CHECKING, Final

from core.measure.interrupts import held

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

END_S_MAX: Final = 10.0
"""How long a program may take to end before it is killed."""


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    patience_s: float = END_S_MAX,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of a block; all its streams are pipes.

    Args:
        command: The program and its arguments.
        environment: Its environment; this program's, if None.
        patience_s: How long it may take to end when it is asked to.
    """
    with held():
        process = subprocess.Popen(  # noqa: S603 - programs that we choose, and no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            process_group=0,
        )
    try:
        yield process
    finally:
        with held():
            _end(process, patience_s)


def _end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """Ask the program and its children to end, and kill what does not."""
    for number, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, END_S_MAX)):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(wait_s)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


@contextlib.contextmanager
def outlived(pid: int) -> Iterator[None]:
    """See to it that a process which is nobody's child has ended behind a block."""
    process = os.pidfd_open(pid)
    try:
        yield
    finally:
        with held():
            is_over, _, _ = select.select([process], [], [], END_S_MAX)
            if not is_over:
                signal.pidfd_send_signal(process, signal.SIGKILL)
                select.select([process], [], [], END_S_MAX)
            os.close(process)
