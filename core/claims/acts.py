# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The acts that the lines of a scenario name, done to a volume of portions."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from core.claims.portions import PORTION_BYTES, portion
from core.session import ORIGINAL

if TYPE_CHECKING:
    from core.arrangement import Arrangement
    from core.session import VolumeSession


def carry_out(volume: VolumeSession, act: str) -> None:
    """Do what a line says: ``O3=D1``, ``C5=X2``, ``take C``, ``delete C``, ``relocate 6 to 8``."""
    verb, _, rest = act.partition(" ")
    match verb, rest.split():
        case "take", [name]:
            volume.clone(name)
        case "take", [name, "of", source]:
            volume.clone(name, source)
        case "snapshot", [name]:
            volume.snapshot(name)
        case "delete", [name]:
            volume.delete([name], now=True)
        case "convert", [portions, "to", scheme]:
            _rearrange(volume, cast("Arrangement", scheme), portions)
        case "relocate", [portions, "to", place]:
            _rearrange(volume, "relocate", portions, int(place) * PORTION_BYTES)
        case "compact", []:
            _rearrange(volume, "compact", "0")  # of the whole image, whatever is named
        case _:
            _write(volume, act)


def _rearrange(
    volume: VolumeSession, arrangement: Arrangement, portions: str, place: int = 0
) -> None:
    first, _, last = portions.partition("-")
    start, stop = int(first) * PORTION_BYTES, (int(last or first) + 1) * PORTION_BYTES
    while volume.rearrange(arrangement, start, stop - start, place).left:
        continue


def _write(volume: VolumeSession, act: str) -> None:
    place, _, new = act.partition("=")
    name, _, number = place.rpartition(".") if "." in place else (place[0], "", place[1:])
    first = int(number.partition("-")[0])
    payload = b"".join(portion(word) for word in new.split("+"))
    volume.write(first * PORTION_BYTES, payload, ORIGINAL if name == "O" else name)
