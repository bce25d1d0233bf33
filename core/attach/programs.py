# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Programs of the system that do what would be wrong to do by hand."""

from __future__ import annotations

import os
import subprocess

from core.errors import AttachError


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the system to its end, in the language that is understood here.

    Raises:
        AttachError: It is not there.
    """
    try:
        return subprocess.run(  # noqa: S603 - no shell, and names that we choose
            command,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"LC_ALL": "C", "PATH": _path()},
        )
    except FileNotFoundError as error:
        raise AttachError(f"The program '{command[0]}' is missing; install it.") from error


def _path() -> str:
    """Return where to look for programs of the administrator as well."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
