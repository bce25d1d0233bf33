# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The programs of others that a comparison needs, and what to say of those that are not there."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Final, NamedTuple

from core.errors import MeasureError

_ANSWER_S_MAX: Final = 20.0


class Tool(NamedTuple):
    """A program of others.

    Attributes:
        package: Its package in Debian and Ubuntu.
        missed: What is not measured without it.
    """

    program: str
    package: str
    missed: str


QEMU_NBD: Final = Tool("qemu-nbd", "qemu-utils", "QEMU's servers are")
QEMU_IMG: Final = Tool("qemu-img", "qemu-utils", "QEMU's qcow2 images are")
NBDKIT: Final = Tool("nbdkit", "nbdkit", "nbdkit is")


def missing_servers() -> list[str]:
    """Return a sentence for each program that serves blocks and is not here."""
    missing = [tool for tool in (QEMU_NBD, QEMU_IMG, NBDKIT) if not is_present(tool)]
    if QEMU_NBD in missing and QEMU_IMG in missing:
        missing.remove(QEMU_IMG)  # one package, one sentence
    return [
        f"The program {tool.program} is not installed, so {tool.missed} not measured;"
        f" install the package {tool.package}."
        for tool in missing
    ]


def is_present(tool: Tool) -> bool:
    """Return whether the program is in the PATH."""
    return shutil.which(tool.program) is not None


def require_fio() -> None:
    """See to it that there is a fio that speaks NBD: without it nothing can be compared.

    Raises:
        MeasureError: There is none.
    """
    if shutil.which("fio") is None:
        raise MeasureError(
            "Nothing can be compared without fio, which is the client of every server and is not"
            " installed; install the package fio."
        )
    if "nbd" not in _said("fio", "--enghelp"):
        raise MeasureError(
            "The fio that is installed has no engine 'nbd'; install one that was built with libnbd,"
            " as the package fio of Debian and Ubuntu is."
        )


def versions() -> dict[str, str]:
    """Return the versions of the programs that are there."""
    told = {}
    for program in ("fio", "qemu-nbd", "nbdkit"):
        if shutil.which(program) is not None:
            found = re.search(r"\d+(\.\d+)+", _said(program, "--version"))
            told[program] = found[0] if found else ""
    return told


def _said(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a program found in the PATH, and no shell
            command, capture_output=True, text=True, check=False, timeout=_ANSWER_S_MAX
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
