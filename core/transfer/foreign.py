# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Image formats of other programs, made by ``qemu-img`` from a raw image.

``qemu-img`` must be able to seek in what it reads, so the raw image lies beside the target
meanwhile: sparse, hence as large as the data only, and without a name where the file system allows
that. The target is made in a hidden folder beside its place under its own name, for VMDK writes its
name into itself, and is moved out when it is whole and synced.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from core.errors import TransferError
from core.transfer.outfile import folder_beside, move_in_place, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PERCENT: Final = re.compile(rb"\(\s*(\d+(?:\.\d+)?)/100%\)")
_LINE_BYTES_MAX: Final = 4096


def find_converter() -> str:
    """Return the path of ``qemu-img``.

    Raises:
        TransferError: It is not installed.
    """
    found = shutil.which("qemu-img")
    if found is None:
        raise TransferError(
            "This format is written by qemu-img, which is not installed; install qemu-utils"
            " (Debian, Ubuntu) or qemu-img (Fedora, Arch), or choose raw."
        )
    return found


def convert(
    raw: int,
    target: Path,
    image_format: str,
    *,
    is_replacing: bool,
    report: Callable[[float], None],
) -> None:
    """Make ``target`` of a raw image.

    Args:
        raw: Descriptor of the raw image.
        target: Where the image goes.
        image_format: One of ``core.transfer.formats.FOREIGN``.
        is_replacing: A file of this name is replaced.
        report: Called with the part that is done, 0 to 1; may raise to cancel.

    Raises:
        TransferError: ``qemu-img`` is missing, or refuses.
    """
    with folder_beside(target) as folder:
        made = folder / target.name
        command = [find_converter(), "convert", "-p", "-f", "raw", "-O", image_format]
        _run([*command, f"/proc/self/fd/{raw}", os.fspath(made.absolute())], raw, report)
        _sync(made)
        move_in_place(made, target, is_replacing=is_replacing)
    sync_folder(target.parent)


def _run(command: list[str], raw: int, report: Callable[[float], None]) -> None:
    with subprocess.Popen(  # noqa: S603 - the program found, and no shell
        command,
        pass_fds=(raw,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            _follow(process.stdout.fileno(), report)
            assert process.stderr is not None
            complaint = process.stderr.read(_LINE_BYTES_MAX).decode(errors="replace").strip()
            status = process.wait()
            report(1.0)
        except BaseException:
            process.kill()
            raise
    if status:
        reason = complaint.splitlines()[-1] if complaint else f"it ended with status {status}"
        raise TransferError(f"qemu-img could not write the image ({reason}); nothing was made.")


def _follow(descriptor: int, report: Callable[[float], None]) -> None:
    """Report what the converter says of its progress, until it has no more to say."""
    while line := os.read(descriptor, _LINE_BYTES_MAX):
        found = _PERCENT.findall(line)
        if found:
            report(float(found[-1]) / 100)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
