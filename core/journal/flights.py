# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Sealed groups on their way to disk, each with the new data that waits for it.

Groups are written durably one after the other by a thread, so a writer of the volume waits for the
disk only when all buffers are on their way. What waited for a group is written in place by the
thread, too, if the writer flushes: then it waits for the disk most of the time. Else whoever
collects the landed flight does it, under the volume's lock: a thousand small writes from a second
thread would fight with the writer's for the interpreter, at twice the cost of doing them here.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from core.journal.cloning import Cloning
from core.journal.opengroup import OpenGroup
from core.journal.overlay import Overlay

if TYPE_CHECKING:
    from core.device.base import Device
    from core.format.group import Group
    from core.format.layout import Geometry

FLIGHTS_MAX: Final = 4
FLIGHTS_HELD: Final = 2
"""So many may wait to be collected, for a burst's sake; more would only hold memory."""


class Flight:
    """One group on its way.

    Attributes:
        is_flushed: All that waits is in the ring; it is written in place before ``landed``.
        cloned_bytes: How much of the group was cloned rather than written; once it is durable.
        landed: Set when the group is durable, or writing failed.
    """

    def __init__(
        self, group: Group, opened: OpenGroup, overlay: Overlay, *, is_flushed: bool = False
    ) -> None:
        """Take the buffers."""
        self.group = group
        self.is_flushed = is_flushed
        self.opened = opened
        self.overlay = overlay
        self.cloned_bytes = 0
        self.landed = threading.Event()


class Flights:
    """All flights of a journal, and the buffers they use. Callers hold the volume's lock.

    Attributes:
        cloned_bytes: Of all groups so far, what was cloned rather than written.
    """

    def __init__(  # noqa: PLR0913 (what the buffers are made for)
        self,
        image: Device,
        area: Device,
        uuid: bytes,
        geometry: Geometry,
        grain_bytes: int,
        size_bytes: int,
        *,
        background: bool,
    ) -> None:
        """Make no buffers yet; without ``background``, ``start`` returns when the flight landed."""
        self._image = image
        self.cloned_bytes = 0
        self._cloning = Cloning(
            area, group_bytes_max=geometry.group_payload_bytes_max, groups_max=FLIGHTS_MAX
        )
        self._uuid = uuid
        self._geometry = geometry
        self._grain_bytes = grain_bytes
        self._size_bytes = size_bytes
        self._background = background
        self._under_way: deque[Flight] = deque()
        self._spare: list[tuple[OpenGroup, Overlay]] = []
        self._queue: queue.SimpleQueue[Flight | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failed: OSError | None = None

    @property
    def are_under_way(self) -> bool:
        """Whether any flight has not landed and been collected; one that failed never is."""
        if self._under_way:
            with contextlib.suppress(OSError):
                self._collect()
        return bool(self._under_way)

    def take_buffers(self) -> tuple[OpenGroup, Overlay]:
        """Return an empty group and overlay; wait for the oldest flight if all are in use.

        Raises:
            OSError: A flight failed.
        """
        if len(self._under_way) >= FLIGHTS_MAX:
            self._under_way[0].landed.wait()
        if len(self._under_way) > FLIGHTS_HELD:
            self._collect()
        if self._spare:
            return self._spare.pop()
        geometry = self._geometry
        return (
            OpenGroup(geometry.group_payload_bytes_max),
            Overlay(geometry.overlay_bytes_max, self._grain_bytes, self._size_bytes),
        )

    def use_size(self, size_bytes: int) -> None:
        """Serve a volume of another size from now on; nothing is under way."""
        self._size_bytes = size_bytes
        for _, overlay in self._spare:
            overlay.use_size(size_bytes)

    def release_spare(self) -> bool:
        """Give up buffers that are not in use; return whether there were any."""
        had_spare = bool(self._spare)
        self._spare.clear()
        return had_spare

    def start(
        self, group: Group, opened: OpenGroup, overlay: Overlay, *, is_flushed: bool = False
    ) -> None:
        """Send a sealed group on its way; ``is_flushed`` says that the ring has what waits.

        Raises:
            OSError: It failed, if there is no background.
        """
        flight = Flight(group, opened, overlay, is_flushed=is_flushed)
        self._under_way.append(flight)
        if self._background:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="rangepair-flights", daemon=True
                )
                self._thread.start()
            self._queue.put(flight)
        else:
            self._carry_out(flight)
            self._collect()

    def wait(self) -> None:
        """Return when no flight is under way.

        Raises:
            OSError: One failed.
        """
        while self._under_way:
            self._under_way[0].landed.wait()
            self._collect()

    def use_image(self, image: Device) -> None:
        """Write in place on another device from now on; no flight may be under way."""
        assert not self._under_way
        self._image = image

    def overlays(self) -> list[Overlay]:
        """Return what waits, oldest first."""
        return [flight.overlay for flight in self._under_way]

    @property
    def carry_any(self) -> bool:
        """Whether buffers of any flight are still in use."""
        return bool(self._under_way)

    def hold_any(self, first: int, stop: int) -> bool:
        """Return whether any grain of ``[first, stop)`` waits."""
        return any(flight.overlay.holds_any(first, stop) for flight in self._under_way)

    def staged_bytes_at(self, offset: int, length: int) -> memoryview | None:
        """Return bytes at an address of the additional area if a flight carries them."""
        for flight in self._under_way:
            if flight.opened.holds(offset):
                return flight.opened.at(offset, length)
        return None

    def close(self) -> None:
        """End the thread once it has carried out what it was given."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _collect(self) -> None:
        """Write in place what waited for flights that landed; take their buffers back.

        Raises:
            OSError: One failed; it and those behind it stay, for readers.
        """
        while self._under_way and self._under_way[0].landed.is_set():
            flight = self._under_way[0]
            if self._failed is None and not flight.is_flushed:
                try:
                    self._put_in_place(flight)
                except OSError as error:
                    self._failed = error
            if self._failed is not None:
                raise self._failed
            self._under_way.popleft()
            flight.overlay.clear()
            self._spare.append((flight.opened, flight.overlay))

    def _run(self) -> None:
        while (flight := self._queue.get()) is not None:
            self._carry_out(flight)

    def _carry_out(self, flight: Flight) -> None:
        """Make the group durable."""
        try:
            if self._failed is not None:  # the log has a gap: nothing behind it may be put down
                raise self._failed
            buffer = flight.opened.image(flight.group, self._uuid)
            flight.cloned_bytes = self._cloning.put_down(
                self._image, buffer, flight.group.offset, flight.opened, flight.overlay
            )
            self.cloned_bytes += flight.cloned_bytes
            if flight.is_flushed:
                self._put_in_place(flight)
        except OSError as error:
            self._failed = error
        finally:
            flight.landed.set()

    def _put_in_place(self, flight: Flight) -> None:
        self._cloning.put_in_place(self._image, flight.overlay, flight.cloned_bytes)
