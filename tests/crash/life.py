# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The life of a volume by a seed, and every moment of it at which the power may go.

During each step of either device - while the engine is still in the middle of it - the life may ask
what a loss leaves, open that, and hold it against the oracle; lose the power again while it is
being opened, several times over; and live on from there for a while.
"""

from __future__ import annotations

import contextlib
import random
import traceback
from typing import TYPE_CHECKING, Final, NamedTuple
from unittest import mock

from core.area.additional import RESERVE_BYTES
from core.area.places import IMAGE_BYTES_MIN
from core.engine import compaction, restores
from core.errors import AreaFullError, CopyInUseError, InvalidRangeError
from core.format.layout import RING_OFFSET, Geometry
from core.journal.log import SEGMENT_BYTES_SHORTEST
from core.units import KIB
from core.volume.fold import fold
from tests.crash.toll import Toll, WrongAfterLossError
from tests.doubles.bareengine import TINY, new_volume, reopened
from tests.doubles.crashdisk import CrashDisk
from tests.doubles.oracle import ORIGINAL, SECTOR, Oracle, content_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

GRAINS: Final = (512, 1024, 4096, 4096, 16384, 65536)
LOSSES_IN_A_ROW_MAX: Final = 3

ACTS: Final = {
    "write": 30,
    "write_copy": 14,
    "flush": 14,
    "begin_flush": 10,
    "end_flush": 7,
    "snapshot": 6,
    "clone": 5,
    "trim": 4,
    "trim_copy": 2,
    "read": 3,
    "barrier": 3,
    "settle": 3,
    "checkpoint": 2,
    "fold": 3,
    "scrub": 1,
    "give_back": 3,
    "compact": 3,
    "delete": 2,
    "undelete": 1,
    "purge": 3,
    "rename": 1,
    "restore": 3,
    "move": 6,
    "promote": 3,
    "lock": 1,
    "unlock": 1,
    "close": 2,
    "kill": 3,
}


class Style(NamedTuple):
    """What a life is like.

    Attributes:
        acts: How often each act is chosen.
        geometry: Of the additional area.
        grains: To choose from.
        area_bytes_spare: Beyond what it needs at first, up to which it may grow.
        sectors: Fewest and most of the volume; None leaves them to the grain.
        whole_share: Of the writes, that are of the whole volume.
        copies_max: With more, a copy is purged instead of taken.
        thin_share: Of the volumes, that begin without a place for anything.
    """

    acts: dict[str, int] = ACTS
    geometry: Geometry = TINY
    grains: tuple[int, ...] = GRAINS
    area_bytes_spare: int = 1 << 40
    sectors: tuple[int, int] | None = None
    whole_share: float = 0.03
    copies_max: int = 6
    thin_share: float = 0.0


MIXED: Final = Style()
MAPPED: Final = Style(
    acts={
        **ACTS,
        "trim": 10,
        "relocate": 8,
        "full_pointer": 4,
        "load_point": 4,
        "compact_initial": 6,
        "identity": 5,
    },
    thin_share=0.6,
)
"""The image lies otherwise than the volume, most of the time."""
TIGHT: Final = Style(
    geometry=TINY._replace(segment_bytes=SEGMENT_BYTES_SHORTEST),
    area_bytes_spare=384 * KIB,
    sectors=(200, 201),
    whole_share=0.3,
    copies_max=12,
)
"""The additional area cannot grow, and the writes are long."""
RINGING: Final = Style(
    acts={
        "write": 50,
        "write_copy": 10,
        "flush": 40,
        "begin_flush": 20,
        "end_flush": 12,
        "read": 2,
        "clone": 1,
        "snapshot": 1,
    },
    geometry=TINY._replace(ring_bytes=640 * KIB, overlay_bytes_max=64 * KIB),
    grains=(512, 1024, 4096),
    sectors=(180, 240),
    whole_share=0.0,
)
"""The ring holds more than memory takes at once when it is replayed."""
RESTORING: Final = Style(acts={**ACTS, "restore": 10, "move": 14, "flush": 20, "snapshot": 9})
"""Half the time the original reads as a copy that is still being moved into the image."""


class Life:
    """A volume on a disk, and its oracle."""

    def __init__(
        self,
        rng: random.Random,
        disk: CrashDisk,
        volume,
        oracle: Oracle,
        toll: Toll,
        *,
        share: float = 1.0,
        losses: int = 0,
        style: Style = MIXED,
    ) -> None:
        """Go on from an open volume.

        Args:
            rng: Decides everything.
            disk: Where it lies.
            volume: Open on it.
            oracle: What it holds.
            toll: Counts for all lives of a seed.
            share: Of the steps, at which the power goes.
            losses: How often the power went before, in a row.
            style: What it is like.
        """
        self._rng = rng
        self._disk = disk
        self._volume = volume
        self._oracle = oracle
        self._toll = toll
        self._share = share
        self._losses = losses
        self._style = style
        self._number = 0
        self._acts = []
        self._finish: Callable[[], None] | None = None

    @classmethod
    def of_seed(cls, seed: int, toll: Toll, *, share: float = 1.0, style: Style = MIXED) -> Life:
        """Begin with a fresh volume whose shape the seed decides.

        Args:
            seed: Decides everything.
            toll: Counts.
            share: Of the steps, at which the power goes.
            style: What it is like.
        """
        rng = random.Random(seed)
        grain = rng.choice(style.grains)
        sectors = rng.randrange(*(style.sectors or (1, 96 if grain < 8192 else 240)))
        content = b"".join(
            bytes(SECTOR) if rng.random() < 0.3 else b"i%7d" % at * 64 for at in range(sectors)
        )
        geometry = style.geometry
        needed = RING_OFFSET + geometry.ring_bytes + geometry.segment_bytes + RESERVE_BYTES
        limit = needed + 64 * KIB + rng.randrange(style.area_bytes_spare)
        thin_bytes = len(content) if rng.random() < style.thin_share else 0
        if thin_bytes:
            content = bytes(thin_bytes)
        disk = CrashDisk(
            bytes(IMAGE_BYTES_MIN) if thin_bytes else content,
            direct=rng.random() < 0.8,
            area_bytes_max=limit,
        )
        volume = new_volume(disk.image, disk.area, grain, geometry=geometry, thin_bytes=thin_bytes)
        return cls(rng, disk, volume, Oracle(content), toll, share=share, style=style)

    # -- living ------------------------------------------------------------------------------

    def run(self, acts: int) -> None:
        """Do ``acts`` random things, losing the power all the while.

        Raises:
            WrongAfterLossError: The engine lost or invented something.
        """
        self._disk.watch(self._lose_power)
        try:
            for _ in range(acts):
                acts = self._style.acts
                self.do(self._rng.choices(list(acts), list(acts.values()))[0])
        finally:
            self._disk.watch(None)
        self._expect(self._oracle.differences(self._volume), "at the end")
        self._expect(self._volume.check(), "check at the end")

    def do(self, name: str) -> None:
        """Do one thing; nothing, if there is no copy to do it to."""
        self._acts.append(name)
        act: Callable[[], None] = getattr(self, f"_{name}")
        act()

    def _any(self, names: Iterable[str]) -> str | None:
        known = list(names)
        return self._rng.choice(known) if known else None

    def _range(self, name: str = ORIGINAL) -> tuple[int, int]:
        sectors = self._oracle.size_of(name) // SECTOR
        if self._rng.random() < self._style.whole_share:
            return 0, self._oracle.size_of(name)
        near = self._rng.random() < 0.5
        start = min(self._rng.randrange(sectors), self._rng.randrange(sectors) if near else sectors)
        length = min(sectors - start, self._rng.choice((1, 1, 2, 3, 8, 8, 16, 40)))
        return start * SECTOR, length * SECTOR

    def _payload(self, length: int) -> bytes:
        if self._rng.random() < 0.1:
            return bytes(length)
        self._number += 1
        return b"".join(self._sector(at) for at in range(length // SECTOR))

    def _sector(self, at: int) -> bytes:
        return (b"%d-%05d-%06d" % (self._losses, at, self._number) * 37)[:SECTOR]

    def _write(self, name: str = ORIGINAL) -> None:
        offset, length = self._range(name)
        payload = self._payload(length)
        self._oracle.view(name).write(offset, payload)
        self._try_bytes(name, lambda: self._volume.write(offset, payload, name))

    def _write_copy(self) -> None:
        name = self._any(self._oracle.names(writable=True))
        if name is not None:
            self._write(name)

    def _trim(self, name: str = ORIGINAL) -> None:
        offset, length = self._range(name)
        self._oracle.view(name).write(offset, bytes(length))
        self._try_bytes(name, lambda: self._volume.trim(offset, length, name))

    def _trim_copy(self) -> None:
        name = self._any(self._oracle.names(writable=True))
        if name is not None:
            self._trim(name)

    def _try_bytes(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except AreaFullError:
            self._toll.refused += 1
            view = self._oracle.view(name)
            content = content_of(self._volume, name, self._oracle.size_of(name))
            self._expect(view.wrong_sectors(content), f"{name} after a refused write")
            view.adopt(content)

    def _read(self) -> None:
        name = self._any([ORIGINAL, *self._oracle.names()])
        offset, length = self._range(str(name))
        expected = self._oracle.view(name).now[offset : offset + length]
        target = bytearray(length)
        self._volume.read_into(offset, target, name)
        if not self._volume.read(offset, length, name) == expected == target:
            self._expect([f"{length} bytes at {offset}"], f"a read of {name}")

    def _flush(self) -> None:
        try:
            self._volume.flush()
        except AreaFullError:  # for what a restore has to write down; nothing is lost
            self._toll.refused += 1
        else:
            self._oracle.flush()

    def _begin_flush(self) -> None:
        try:
            finish = self._volume.begin_flush()
        except AreaFullError:
            self._toll.refused += 1
            return
        if self._finish is not None:  # of two at most one is under way
            self._oracle.end_flush()
        self._finish = finish
        self._oracle.begin_flush()
        if finish is None:
            self._oracle.end_flush()

    def _end_flush(self) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            finish()
            self._oracle.end_flush()

    def _barrier(self) -> None:
        self._volume._state.journal.barrier()

    def _settle(self) -> None:
        self._volume._state.journal.settle(0)

    def _checkpoint(self) -> None:
        self._volume._state.journal.checkpoint()
        self._oracle.flush()

    def _fold(self) -> None:
        fold(self._volume._state)

    def _give_back(self) -> None:
        giveback = self._volume._keeper._prepared()
        giveback.run(at_rest=self._rng.random() < 0.8)
        area = self._volume._state.area
        self._toll.given_bytes += giveback.given_bytes
        giveback.given_bytes = 0
        if area.allocator.capacity != area.device.size:
            self._expect(["another size than the file's"], "giving storage back")

    def _compact(self) -> None:
        for _ in range(self._rng.choice((1, 1, 2, 5))):
            try:
                with mock.patch.object(
                    compaction, "STEP_S", float("inf")
                ):  # a seed decides, no clock
                    step = self._volume.compact_step()
            except AreaFullError:
                self._toll.refused += 1
                break
            self._toll.moved_bytes += step.moved_bytes
            if step.is_done:
                break

    # -- copies ------------------------------------------------------------------------------

    def _scrub(self) -> None:
        step = self._volume.scrub_step()
        while not step.is_done:
            step = self._volume.scrub_step(step.run)
        self._expect(["damage"] * bool(step.damaged_bytes), "scrubbed")

    def _snapshot(self) -> None:
        self._take(writable=False)

    def _clone(self) -> None:
        self._take(writable=True)

    def _take(self, *, writable: bool) -> None:
        if len(self._oracle.copies) >= self._style.copies_max:
            self._purge()
            return
        source = self._any([ORIGINAL, ORIGINAL, *self._oracle.names()])
        self._number += 1
        name = f"{'c' if writable else 's'}{self._losses}.{self._number}"
        self._oracle.take(name, source, writable=writable)
        take = self._volume.clone if writable else self._volume.snapshot
        self._try_change(lambda: take(name, source))

    def _delete(self) -> None:
        self._mark(False, is_deleted=True)

    def _undelete(self) -> None:
        self._mark(True, is_deleted=False)

    def _lock(self) -> None:
        self._mark(False, is_locked=True)

    def _unlock(self) -> None:
        self._mark(False, is_locked=False)

    def _mark(self, among_deleted: bool, **marks: bool) -> None:
        names = self._oracle.names(deleted=among_deleted)
        if "is_deleted" in marks:
            names = [name for name in names if not self._oracle.copies[name].is_locked]
        name = self._any(names)
        if name is None:
            return
        self._oracle.mark([name], **marks)
        volume = self._volume
        acts = {
            ("is_deleted", True): lambda: volume.delete([name]),
            ("is_deleted", False): lambda: volume.undelete([name]),
            ("is_locked", True): lambda: volume.lock([name]),
            ("is_locked", False): lambda: volume.lock([name], locked=False),
        }
        self._try_change(acts[next(iter(marks.items()))])

    def _purge(self) -> None:
        free = [name for name, twin in self._oracle.copies.items() if not twin.is_locked]
        names = self._rng.sample(free, min(len(free), self._rng.choice((1, 1, 1, 2))))
        hidden = [name for name in names if not self._oracle.copies[name].is_deleted]
        if hidden:
            self._oracle.mark(hidden, is_deleted=True)
            self._try_change(lambda: self._volume.delete(hidden))
        if names and all(self._oracle.copies[name].is_deleted for name in names):
            self._oracle.purge(names)
            self._try_change(lambda: self._volume.purge(names))

    def _rename(self) -> None:
        name = self._any(self._oracle.copies)
        if name is not None:
            self._number += 1
            new_name = f"r{self._losses}.{self._number}"
            self._oracle.rename(name, new_name)
            self._try_change(lambda: self._volume.rename(name, new_name))

    def _try_change(self, act: Callable[[], object]) -> None:
        try:
            act()
            self._oracle.commit()
        except AreaFullError:
            self._toll.refused += 1
            self._oracle.refuse()
        except CopyInUseError:
            if self._volume._state.restore is None:
                raise
            self._oracle.refuse()

    def _restore(self) -> None:
        source = self._any(self._oracle.names())
        if source is None or len(self._oracle.copies) >= 2 * self._style.copies_max:
            return
        while self._volume._state.restore is not None:
            if not self._move():
                return
        if self._oracle.size_of(source) != self._oracle.size:
            return
        plan = self._volume.plan_restore(source)
        if plan.bytes:
            self._oracle.restore(source, plan.safety)
            self._try_change(lambda: self._volume.restore(source))

    def _move(self) -> bool:
        """Let the restore under way go on; return whether it could."""
        step = self._rng.choice((SECTOR, 8 * SECTOR, 64 * KIB))
        try:
            restores.take_step(self._volume, step)
        except AreaFullError:
            self._toll.refused += 1
            return False
        return True

    def _promote(self) -> None:
        name = self._any(self._oracle.names())
        if name is not None:
            batch = self._rng.choice((SECTOR, 16 * SECTOR, self._oracle.size_of(name)))
            with contextlib.suppress(CopyInUseError):
                self._try_bytes(name, lambda: self._volume.promote(name, batch))

    # -- the initial area's map --------------------------------------------------------------

    def _relocate(self) -> None:
        offset, length = self._range()
        place = self._rng.randrange(self._disk.image.size // SECTOR + 64) * SECTOR
        self._rearrange("relocate", offset, length, place)

    def _full_pointer(self) -> None:
        self._rearrange("full-pointer", *self._range())

    def _load_point(self) -> None:
        self._rearrange("load-point", *self._range())

    def _compact_initial(self) -> None:
        self._rearrange("compact")

    def _identity(self) -> None:
        self._rearrange("identity")

    def _rearrange(self, *what: object) -> None:
        """Do some batches, or all; no view may change."""
        batches = self._rng.choice((1, 2, 1000))
        try:
            while batches and self._volume.rearrange(*what).left:
                batches -= 1
        except (InvalidRangeError, AreaFullError):
            self._toll.refused += 1
        self._toll.rearranged += 1
        self._expect(self._oracle.differences(self._volume), f"after {what}")

    # -- endings -----------------------------------------------------------------------------

    def _close(self) -> None:
        self._volume.close()
        self._finish = None
        self._oracle.flush()
        self._volume = reopened(self._disk.image, self._disk.area)
        self._expect(self._oracle.differences(self._volume), "after closing")

    def _kill(self) -> None:
        """Lose the process: what waits in memory is gone, the caches of the system are not."""
        self._volume, self._finish = reopened(self._disk.image, self._disk.area), None
        self._expect(self._oracle.settle_on(self._volume), "after the process was killed")

    def _lose_power(self) -> None:
        if self._rng.random() >= self._share:
            return
        if len(self._disk.unsynced) <= self._toll.exhaustive_max:
            for disk in self._disk.every_loss(self._toll.exhaustive_max):
                self._power_returns(disk)
        else:
            self._power_returns(self._disk.after_loss(self._rng))

    def _power_returns(self, disk: CrashDisk) -> None:
        toll = self._toll
        if toll.crashes >= toll.crashes_max:
            return
        toll.crashes += 1
        toll.again += self._losses > 0
        oracle = self._oracle.copy()
        survivor = type(self)(
            random.Random(self._rng.random()),
            disk,
            None,
            oracle,
            toll,
            share=self._share / 4,
            losses=self._losses + 1,
            style=self._style,
        )
        survivor._acts = [*self._acts, "LOSS"]
        survivor._recover()

    def _recover(self) -> None:
        looked = self._look() if self._rng.random() < 0.2 else None
        if self._losses < LOSSES_IN_A_ROW_MAX:
            self._disk.watch(self._lose_power)
        with self._told():
            self._volume = reopened(self._disk.image, self._disk.area)
        self._disk.watch(None)
        with self._told():
            self._expect(self._oracle.settle_on(self._volume), "after a loss of power")
            self._expect(self._volume.check(), "check after a loss of power")
        if looked is not None and looked != self._contents():
            self._expect(["other bytes"], "a look without writing")
        self._oracle.flush()
        if self._losses < LOSSES_IN_A_ROW_MAX and self._rng.random() < 0.15:
            self.run(self._rng.choice((2, 6, 15)))

    def _look(self) -> dict[str, bytes]:
        """Open without writing; return all views."""
        before = len(self._disk.log)
        with self._told():
            self._volume = reopened(self._disk.image, self._disk.area, writable=False)
            self._expect(self._oracle.copy().settle_on(self._volume), "a look without writing")
            self._expect(self._volume.check(), "check without writing")
            contents = self._contents()
            self._volume.close()
        if len(self._disk.log) != before:
            self._expect(self._disk.log[before:], "steps of a look without writing")
        return contents

    def _contents(self) -> dict[str, bytes]:
        info = self._volume.info()
        names = [ORIGINAL, *(copy.name for copy in info.copies)]
        return {name: content_of(self._volume, name, info.size_of(name)) for name in names}

    def _told(self) -> contextlib.AbstractContextManager[None]:
        return _told(self)

    def _expect(self, wrong: Iterable[object], when: str) -> None:
        wrong = list(wrong)
        if wrong:
            raise WrongAfterLossError(f"{when}: {wrong[:6]} after {' '.join(self._acts[-30:])}")


@contextlib.contextmanager
def _told(life: Life):
    """Turn whatever an engine raises while it opens into a finding."""
    try:
        yield
    except WrongAfterLossError:
        raise
    except Exception as error:
        tail = "".join(traceback.format_exception(error)[-4:])
        raise WrongAfterLossError(
            f"opening failed: {tail} after {' '.join(life._acts[-30:])}"
        ) from error
