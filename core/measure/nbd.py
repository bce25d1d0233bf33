# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Block clients: what a virtual machine gets over NBD, beside QEMU's servers and nbdkit.

The client is fio over a unix socket. In each round every server is begun anew and measured once, in
changing order. Ratios are to ``qemu-nbd, raw``, which keeps no copies; what copies cost elsewhere
is in the lines of the other servers. Where data goes in sequence they are to the plain file,
written and synced by system calls; of the oldest snapshot, to the original of the same volume.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from core.measure import fio, servers, tools
from core.measure.files import cool, make_image, may_drop_caches
from core.measure.fio import DEPTH, Load
from core.measure.follower import following
from core.measure.rows import Row, in_turns
from core.measure.servers import OURS, PLAIN, RAW, Served
from core.units import KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from core.measure.fio import Pace
    from core.measure.rows import Sheet
    from core.measure.setting import Setting
    from core.service.client import RemoteVolume

    Access = Callable[[], contextlib.AbstractContextManager[Served]]

IMAGE_BYTES: Final = 512 * MIB
IMAGES: Final = 5
"""How many times the image, at most, is there at one time, with what grows."""
ROUNDS: Final = 3

LOADS: Final = {
    "first": Load(f"First write, 4 KiB, depth {DEPTH}", "randwrite", "4k", 20_000),
    "cold": Load(
        f"First write, 4 KiB, depth {DEPTH}, cold", "randwrite", "4k", 20_000, is_cold=True
    ),
    "flush": Load(
        f"First write, 4 KiB, depth {DEPTH}, flush every 32",
        "randwrite",
        "4k",
        6400,
        flush_every=32,
    ),
    "rewrite": Load(f"Rewrite, 4 KiB, depth {DEPTH}", "randwrite", "4k", 20_000, is_again=True),
    "read": Load(f"Read, 4 KiB, depth {DEPTH}", "randread", "4k", 40_000),
    "sequence": Load(
        "First write, 1 MiB in sequence, flushed at the end", "write", "1m", 384, is_flushed=True
    ),
}
OLDEST: Final = "oldest"
TOPICS: Final = (*LOADS, OLDEST)
_GRAIN_BYTES: Final = 4 * KIB
_WRITES_A_SNAPSHOT: Final = 64
_SCATTER: Final = 40_503
"""Coprime to the number of grains, so that every write has a place of its own."""


def measure(setting: Setting, topics: Sequence[str] = TOPICS) -> Iterator[Sheet]:
    """Yield requests a second of every load and server.

    Raises:
        MeasureError: There is no fio, or it does not get through.
    """
    for sentence in tools.missing_servers():
        setting.note(sentence)
    tools.require_fio()
    image = setting.folder / "nbd.img"
    setting.tell("making images")
    image_bytes = setting.scale.size_bytes(IMAGE_BYTES)
    make_image(image, image_bytes)
    present = servers.present(image, setting.note)
    for topic, load in LOADS.items():
        if topic in topics:
            count = min(setting.scale.count(load.count), image_bytes // _block_bytes(load))
            title = f"{load.title} ({_how_cold()})" if load.is_cold else load.title
            scaled = replace(load, count=count, title=title)
            accesses: dict[str, Access] = {
                name: partial(begin, image) for name, begin in present.items()
            }
            if load.is_flushed:
                accesses = {PLAIN: partial(servers.plain_file, image)} | accesses
            yield _sheet(scaled, accesses, image, setting)
    if OLDEST in topics:
        yield from _oldest(image, setting)
    for path in setting.folder.glob("nbd.*"):
        path.unlink()


def _block_bytes(load: Load) -> int:
    return MIB if load.block == "1m" else _GRAIN_BYTES


def _how_cold() -> str:
    """Return what is done when the server is ready: the machine's cache takes root to drop."""
    return "caches dropped" if may_drop_caches() else "posix_fadvise on the files"


def _sheet(load: Load, accesses: dict[str, Access], image: Path, setting: Setting) -> Sheet:
    costs: dict[str, list[float]] = {name: [] for name in accesses}
    cases = {
        name: partial(_pace, load, access, image, costs[name]) for name, access in accesses.items()
    }
    paces = in_turns(
        cases, setting.scale.rounds_of(ROUNDS), lambda text: setting.tell(f"{load.title}, {text}")
    )
    rows = [_row(load.title, name, paces[name], costs[name]) for name in cases]
    named = {row.case: row for row in rows}
    base = next((named[name] for name in (PLAIN, RAW) if name in named), rows[0])
    for row in rows:
        row.compare_with(base)
    return rows


def _row(title: str, name: str, paces: Sequence[Pace], costs: list[float]) -> Row:
    row = Row(title, name, "requests/s", [pace.requests_per_s for pace in paces])
    row.stalls_ms = [pace.stall_ms for pace in paces]
    row.processor_us = costs
    return row


def _pace(load: Load, access: Access, image: Path, costs: list[float]) -> Pace:
    """Return how a load went; put what a request cost the server, in microseconds, to ``costs``."""
    image_bytes = image.stat().st_size
    with access() as served:
        if load.is_again:
            fio.run(load, served.target, image_bytes)
        if load.is_cold:
            cool(path for path in image.parent.glob("nbd.*") if path.suffix != ".part")
        if not served.pid:
            return fio.run(load, served.target, image_bytes)
        before_s = served.processor_s()
        pace = fio.run(load, served.target, image_bytes)
        costs.append((served.processor_s() - before_s) / pace.requests * 1e6)
        return pace


def _oldest(image: Path, setting: Setting) -> Iterator[Sheet]:
    """Yield reads of the oldest of many snapshots, beside those of the original of one volume.

    Half of what the oldest has was overwritten since, a little after each of the others.
    """
    copies = setting.scale.copies
    title = f"Read of the oldest of {copies:,} snapshots, 4 KiB, depth {DEPTH}"
    load = replace(LOADS["read"], title=title, count=setting.scale.count(LOADS["read"].count))
    with servers.engine_of(image) as engine:
        _age(engine, copies, image.stat().st_size, setting)

        def access(export: str, *, is_watched: bool = False) -> Access:
            return partial(_viewed, engine, export, image, is_watched=is_watched)

        original, oldest = f"{OURS}, the original", f"{OURS}, the oldest"
        accesses = {
            original: access(""),
            oldest: access("s0"),
            f"{original}, watched": access("", is_watched=True),
            f"{oldest}, watched": access("s0", is_watched=True),
        }
        yield _sheet(load, accesses, image, setting)


@contextlib.contextmanager
def _viewed(
    engine: RemoteVolume, export: str, image: Path, *, is_watched: bool
) -> Iterator[Served]:
    with following(image) if is_watched else contextlib.nullcontext():
        yield servers.served_view(engine, export)


def _age(engine: RemoteVolume, copies: int, image_bytes: int, setting: Setting) -> None:
    """Take snapshots, with something written after each."""
    grains = image_bytes // _GRAIN_BYTES
    writes = max(1, min(_WRITES_A_SNAPSHOT, grains // 2 // copies))
    written = 0
    for number in range(copies):
        if number % 100 == 0:
            setting.tell(f"taking {copies:,} snapshots: {number:,} are there")
        engine.snapshot(f"s{number}")
        for _ in range(writes):
            place = written * _SCATTER % grains * _GRAIN_BYTES
            engine.write(place, os.urandom(_GRAIN_BYTES))
            written += 1
    engine.flush()
