# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Endless streams of writes: where, and what. The same seed gives the same stream.

Offsets are drawn by the thousand, because drawing them one by one would cost more than the write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.errors import UsageError
from core.units import MIB, SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.answers import Int64s

DRAW: Final = 1024
SPOTS: Final = 5
"""Hot places; place k is met 1/k as often as the first."""
SPOT_STEEPNESS: Final = 8.0
"""Half of a spot's writes fall within 1/256 of its reach."""
PAYLOAD_POOL_BYTES: Final = 1 * MIB
WRITE_BYTES_MAX: Final = 32 * MIB

Draw = tuple[int, bytes]


def sequential(volume_bytes: int, write_bytes: int, seed: int) -> Iterator[Draw]:
    """Yield writes one behind the other, round and round."""
    blocks = _block_count(volume_bytes, write_bytes)
    position = 0

    def draw() -> Int64s:
        nonlocal position
        numbers: Int64s = (np.arange(DRAW, dtype=np.int64) + position) % blocks
        position = (position + DRAW) % blocks
        return numbers

    return _stream(draw, write_bytes, seed)


def scattered(volume_bytes: int, write_bytes: int, seed: int) -> Iterator[Draw]:
    """Yield writes everywhere alike."""
    blocks = _block_count(volume_bytes, write_bytes)
    dice = np.random.default_rng(seed)
    return _stream(lambda: dice.integers(0, blocks, DRAW, dtype=np.int64), write_bytes, seed)


def hot_spots(volume_bytes: int, write_bytes: int, seed: int) -> Iterator[Draw]:
    """Yield writes that gather about a few places, as real ones do: most of them rewrites."""
    blocks = _block_count(volume_bytes, write_bytes)
    dice = np.random.default_rng(seed)
    centres = dice.integers(0, blocks, SPOTS, dtype=np.int64)
    weights = 1.0 / np.arange(1, SPOTS + 1)
    weights /= weights.sum()

    def draw() -> Int64s:
        near = dice.random(DRAW) ** SPOT_STEEPNESS * (blocks / 2)
        away = np.where(dice.random(DRAW) < 0.5, near, -near).astype(np.int64)
        return (centres[dice.choice(SPOTS, DRAW, p=weights)] + away) % blocks

    return _stream(draw, write_bytes, seed)


def _stream(draw: Callable[[], Int64s], write_bytes: int, seed: int) -> Iterator[Draw]:
    pool = _payload_pool(write_bytes, seed)
    room = len(pool) - write_bytes
    at = 0
    while True:
        for offset in (draw() * write_bytes).tolist():
            yield offset, pool[at : at + write_bytes]
            # Odd, so that the pool is gone through in every alignment before it repeats.
            at = (at + 4099) % room


def _payload_pool(write_bytes: int, seed: int) -> bytes:
    dice = np.random.default_rng([seed, write_bytes])
    return dice.bytes(write_bytes + PAYLOAD_POOL_BYTES)


def _block_count(volume_bytes: int, write_bytes: int) -> int:
    if not 0 < write_bytes <= WRITE_BYTES_MAX or write_bytes % SECTOR_BYTES:
        raise UsageError(
            f"A workload cannot write {write_bytes} bytes at a time; choose a multiple of "
            f"{SECTOR_BYTES} up to 32 MiB."
        )
    blocks = volume_bytes // write_bytes
    if blocks == 0:
        raise UsageError(
            f"The volume is smaller than one write of {write_bytes} bytes; choose a smaller write."
        )
    return blocks
