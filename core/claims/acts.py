# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The acts that the lines of a scenario name, done to a volume of portions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, cast

from core.claims.portions import PORTION_BYTES, portion
from core.session import ORIGINAL

if TYPE_CHECKING:
    from core.answers import Mechanism
    from core.arrangement import Arrangement
    from core.session import VolumeSession

_LOOK_S: Final = 0.001


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
        case (("mechanism" | "separate" | "promote"), [what]):
            _give_sides(volume, verb, what)
        case "convert", [portions, "to", scheme]:
            _rearrange(volume, cast("Arrangement", scheme), portions)
        case "relocate", [portions, "to", place]:
            _rearrange(volume, "relocate", portions, int(place) * PORTION_BYTES)
        case "compact", []:
            _rearrange(volume, "compact", "0")  # of the whole image, whatever is named
        case _:
            _write(volume, act)


def _give_sides(volume: VolumeSession, verb: str, what: str) -> None:
    """Choose where new data goes, or give each side what is its own: to the end."""
    if verb == "mechanism":
        volume.choose_mechanism(cast("Mechanism", what))
    elif verb == "separate":
        volume.separate(what)
        while volume.info().restoring is not None:
            time.sleep(_LOOK_S)
    else:
        while volume.promote(what).left_bytes:
            continue


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
