# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A fixed script that makes the engine do everything it does, and a plain twin that knows better.

The twin keeps one string of bytes a view. Since the last step after which everything was durable it
also keeps what every view was after each later step: a sector that is found on disk after a failure
must be one of those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.area.places import IMAGE_BYTES_MIN
from core.device.memory import MemoryDevice
from core.engine import restores
from core.errors import RangepairError
from core.session import ORIGINAL
from core.volume.fold import fold
from tests.doubles.faultdevice import FaultDevice
from tests.engine.stills import bytes_of, still_volume, views_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.engine import Volume

GRAIN = 4096
SECTOR = 512
SIZE = 96 * GRAIN
Views = dict[str, bytes]


def filled(seed: int, length: int) -> bytes:
    """Return bytes of which every sector is its own."""
    sectors = range(length // SECTOR)
    return b"".join(f"{seed:04d}.{number:06d};".encode().ljust(SECTOR, b"#") for number in sectors)


START = filled(0, 64 * GRAIN) + bytes(32 * GRAIN)

SCRIPT = (
    ("write", ORIGINAL, 3 * GRAIN, filled(1, 2 * GRAIN)),
    ("snapshot", "S1", ORIGINAL),
    ("write", ORIGINAL, 0, filled(2, 20 * GRAIN)),
    ("write", ORIGINAL, 2 * GRAIN + SECTOR, filled(3, SECTOR)),
    ("flush",),
    ("write", ORIGINAL, 30 * GRAIN, filled(4, GRAIN)),
    ("flush",),
    ("write", ORIGINAL, 30 * GRAIN, filled(5, GRAIN)),
    ("write", ORIGINAL, 70 * GRAIN, filled(6, GRAIN)),
    ("flush",),
    ("clone", "C1", "S1"),
    ("write", "C1", 5 * GRAIN + SECTOR, filled(7, 3 * GRAIN)),
    ("write", "C1", 40 * GRAIN, filled(8, 18 * GRAIN)),
    ("flush",),
    ("write", "C1", 41 * GRAIN, filled(9, GRAIN)),
    ("trim", "C1", 42 * GRAIN, 2 * GRAIN),
    ("snapshot", "S2", "C1"),
    ("trim", ORIGINAL, 10 * GRAIN + SECTOR, 6 * GRAIN),
    ("write", ORIGINAL, 12 * GRAIN, filled(10, GRAIN)),
    ("checkpoint",),
    ("write", ORIGINAL, 12 * GRAIN, filled(11, GRAIN)),
    ("snapshot", "S3", ORIGINAL),
    ("write", ORIGINAL, 0, filled(12, 60 * GRAIN)),
    ("flush",),
    ("fold",),
    ("write", ORIGINAL, 61 * GRAIN, filled(13, 2 * GRAIN)),
    ("restore", "S2", "R1"),
    ("read",),
    ("move",),
    ("write", ORIGINAL, 20 * GRAIN + SECTOR, filled(15, 2 * GRAIN)),
    ("flush",),
    ("snapshot", "S4", ORIGINAL),
    ("write", ORIGINAL, 50 * GRAIN + SECTOR, filled(16, SECTOR)),
    ("flush",),
    ("trim", ORIGINAL, 40 * GRAIN, 4 * GRAIN),
    ("move",),
    ("checkpoint",),
    ("write", "C1", 0, filled(17, GRAIN)),
    ("finish",),
    ("restore", "C1", "R2"),
    ("write", "C1", 0, filled(18, GRAIN)),
    ("finish",),
    ("delete", "R2"),
    ("delete", "S1"),
    ("compact",),
    ("write", ORIGINAL, 0, filled(14, GRAIN)),
    ("read",),
    ("close",),
)
DURABLE = frozenset(
    {"flush", "snapshot", "clone", "checkpoint", "restore", "finish", "delete", "close", "separate"}
)


class Twin:
    """What every view must read as.

    Attributes:
        views: After the last step that was accepted.
        possible: For each view, contents of which any sector may be found after a failure.
    """

    def __init__(self, start: bytes) -> None:
        self.views: Views = {ORIGINAL: start}
        self.possible: dict[str, list[bytes]] = {ORIGINAL: [start]}

    def after(self, step: tuple) -> Views:
        """Return the views as they are if ``step`` is accepted."""
        views = dict(self.views)
        match step:
            case "write", name, offset, payload:
                views[name] = _spliced(views[name], offset, payload)
            case "trim", name, offset, length:
                views[name] = _spliced(views[name], offset, bytes(length))
            case (("snapshot" | "clone"), name, source):
                views[name] = views[source]
            case "restore", source, safety:
                views[safety], views[ORIGINAL] = views[ORIGINAL], views[source]
            case "delete", name:
                del views[name]
        return views

    def accept(self, step: tuple) -> None:
        """Note that a step was accepted, and is durable if it is one that promises so."""
        self.views = self.after(step)
        if step[0] in DURABLE:
            self.possible = {name: [content] for name, content in self.views.items()}
        else:
            self.note_possible(self.views)

    def note_possible(self, views: Views) -> None:
        """Note that views may be found so from now on."""
        for name, content in views.items():
            self.possible.setdefault(name, []).append(content)


def _compact(volume: Volume) -> None:
    while not volume.compact_step().is_done:
        continue


_ACTS = {
    "checkpoint": lambda volume: volume._state.journal.checkpoint(),
    "compact": _compact,
    "fold": lambda volume: fold(volume._state),
}


_ACTS_ON = {
    "delete": lambda volume, name: volume.delete([name], now=True),
    "choose_mechanism": lambda volume, mechanism: volume.choose_mechanism(mechanism),
    "separate": lambda volume, view: volume.separate(view),
}


def _spliced(content: bytes, offset: int, payload: bytes) -> bytes:
    return content[:offset] + payload + content[offset + len(payload) :]


class Play:
    """One performance of a script on two devices that may fail; thin, if nothing is given."""

    def __init__(self, script: Sequence[tuple] = SCRIPT, start: bytes = START) -> None:
        thin_bytes = 0 if any(start) else len(start)
        content = bytes(IMAGE_BYTES_MIN) if thin_bytes else start
        self.script = script
        self.disks = MemoryDevice.from_bytes(content), MemoryDevice(direct=True)
        self.image, self.area = (FaultDevice(disk) for disk in self.disks)
        self.twin = Twin(start)
        self.volume: Volume = still_volume(self.image, self.area, thin_bytes=thin_bytes)
        self.failed: tuple[tuple, RangepairError] | None = None

    def device(self, name: str) -> FaultDevice:
        """Return ``image`` or ``area``."""
        return self.image if name == "image" else self.area

    def run(self) -> None:
        """Go on to the end, or to the first step that is refused."""
        for step in self.script:
            try:
                self.do(step)
            except RangepairError as error:
                self.twin.note_possible(self.twin.after(step))
                self.failed = step, error
                return
            self.twin.accept(step)

    def do(self, step: tuple) -> None:
        """Carry one step out."""
        match step:
            case "write", name, offset, payload:
                self.volume.write(offset, payload, name)
            case "trim", name, offset, length:
                self.volume.trim(offset, length, name)
            case (("snapshot" | "clone"), name, source):
                getattr(self.volume, step[0])(name, source)
            case (("delete" | "choose_mechanism" | "separate"), what):
                _ACTS_ON[step[0]](self.volume, what)
            case (("checkpoint" | "compact" | "fold") as act,):
                _ACTS[act](self.volume)
            case (("restore" | "move" | "finish"), *names):
                self._do_restore(step[0], names)
            case ("read",):
                assert views_of(self.volume) == self.twin.views
            case (act,):
                getattr(self.volume, act)()

    def _do_restore(self, act: str, names: list) -> None:
        if act == "restore":
            self.volume.restore(*names)
        elif act == "move":
            restores.take_step(self.volume, 3 * GRAIN)
        else:
            while restores.take_step(self.volume, 40 * GRAIN):
                continue

    def disks_now(self) -> tuple[MemoryDevice, MemoryDevice]:
        """Return copies of both disks as they are at this moment."""
        image, area = self.disks
        return MemoryDevice.from_bytes(bytes_of(image)), MemoryDevice.from_bytes(
            bytes_of(area), direct=True
        )
