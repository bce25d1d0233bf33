# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How long taking a copy takes: small and huge volume, first and thousandth copy."""

from __future__ import annotations

import contextlib
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from core.measure.files import forget_copies, make_sparse
from core.measure.interrupts import held, opened, whole
from core.measure.rows import compared
from core.units import MIB, TIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.measure.rows import Sheet
    from core.measure.setting import Setting
    from core.session import VolumeSession

SIZES: Final = {"16 MiB": 16 * MIB, "1 TiB": TIB}
_COPIES_AT_ONCE: Final = 100


def measure(setting: Setting) -> Iterator[Sheet]:
    """Yield milliseconds a take, beside the one durable write of 4 KiB that a disk needs."""
    copies = setting.scale.copies
    with contextlib.ExitStack() as stack:
        volumes = {
            name: stack.enter_context(_volume(setting.folder / f"take-{size}.img", size))
            for name, size in SIZES.items()
        }
        bare = stack.enter_context(_bare_file(setting.folder / "take-bare"))
        yield _at(0, volumes, bare, setting)
        for name, volume in volumes.items():
            for number in range(copies):
                if number % _COPIES_AT_ONCE == 0:
                    setting.tell(f"taking {copies:,} copies of {name}: {number:,} are there")
                with held():
                    volume.snapshot(f"copy-{number}")
                    volume.write(number * 4096, os.urandom(4096))
        yield _at(copies, volumes, bare, setting)


@contextlib.contextmanager
def _volume(image: Path, size: int) -> Iterator[VolumeSession]:
    make_sparse(image, size)
    try:
        with opened(image) as volume:
            yield volume
    finally:
        forget_copies(image)
        image.unlink()


@contextlib.contextmanager
def _bare_file(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(file, bytes(4096), 0)
        os.fsync(file)
        yield file
    finally:
        os.close(file)
        path.unlink()


def _at(copies: int, volumes: dict[str, VolumeSession], bare: int, setting: Setting) -> Sheet:
    cases: dict[str, Callable[[], float]] = {"4 KiB written and synced": partial(_durable, bare)}
    for name, volume in volumes.items():
        cases[f"Rangepair, a copy of {name}"] = whole(partial(_take, volume))
    topic = f"Taking a copy when there are {f'{copies:,}' if copies else 'none'}"
    takes = max(setting.scale.takes, setting.scale.rounds)
    return compared(topic, "ms", cases, takes, lambda text: setting.tell(f"taking a copy, {text}"))


def _take(volume: VolumeSession) -> float:
    """Take a copy while something waits to be settled, as on a volume in use; delete it again."""
    volume.write(0, os.urandom(4096))
    begun = time.perf_counter()
    volume.snapshot("measured")
    taken = time.perf_counter() - begun
    volume.delete(["measured"], now=True)
    return taken * 1e3


def _durable(file: int) -> float:
    payload = os.urandom(4096)
    begun = time.perf_counter()
    os.pwrite(file, payload, 0)
    os.fdatasync(file)
    return (time.perf_counter() - begun) * 1e3
