# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Flights that land late, but when a seed says so: the background's thread without a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.journal.flights import Flight, Flights

if TYPE_CHECKING:
    import random

    from core.format.group import Group
    from core.journal.opengroup import OpenGroup
    from core.journal.overlay import Overlay


class _Landing:
    """Stands for the event of one flight; asking whether it has landed may let it land."""

    def __init__(self, flights: Flights, flight: Flight, rng: random.Random, share: float) -> None:
        self._flights = flights
        self._flight = flight
        self._rng = rng
        self._share = share
        self._has_landed = False

    def is_set(self) -> bool:
        if not self._has_landed and self._rng.random() < self._share:
            self.wait()
        return self._has_landed

    def wait(self) -> None:
        """Let every flight up to this one land, in order."""
        for flight in list(self._flights._under_way):
            if not flight.landed._has_landed:
                self._flights._carry_out(flight)
            if flight is self._flight:
                return

    def set(self) -> None:
        self._has_landed = True


def land_late(patch, rng: random.Random, share: float = 0.2) -> None:
    """Let the flights of every journal land late.

    Args:
        patch: Pytest's ``monkeypatch``.
        rng: Decides when.
        share: Of the questions whether a flight has landed, after which it has.
    """

    def start(
        self: Flights,
        group: Group,
        opened: OpenGroup,
        overlay: Overlay,
        *,
        is_flushed: bool = False,
    ) -> None:
        flight = Flight(group, opened, overlay, is_flushed=is_flushed)
        flight.landed = _Landing(self, flight, rng, share)
        self._under_way.append(flight)

    patch.setattr(Flights, "start", start)
