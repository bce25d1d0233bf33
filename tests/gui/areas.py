# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Areas and events for tests of the maps: small ones that are drawn, large ones of real shape."""

from __future__ import annotations

import numpy as np

from core.answers import AreaExtents, AreaState
from core.events import EVENT_DTYPE, EventFlag, EventKind


def extents(size, runs, rest=AreaState.FREE) -> AreaExtents:
    """An area from (start, length, state)."""
    runs = sorted(runs)
    starts = np.array([run[0] for run in runs], np.int64)
    stops = starts + np.array([run[1] for run in runs], np.int64)
    used = int((stops - starts).sum()) if rest == AreaState.FREE else size
    states = np.array([run[2] for run in runs], np.uint8)
    return AreaExtents(size=size, used=used, starts=starts, stops=stops, states=states, rest=rest)


def from_blocks(states: np.ndarray, block_bytes: int = 4096) -> AreaExtents:
    """An area from one state a block; runs of FREE are the rest."""
    edges = np.flatnonzero(np.diff(states, prepend=255))
    stops = np.append(edges[1:], len(states))
    kept = states[edges] != AreaState.FREE
    return AreaExtents(
        size=len(states) * block_bytes,
        used=int((stops - edges)[kept].sum()) * block_bytes,
        starts=edges[kept].astype(np.int64) * block_bytes,
        stops=stops[kept].astype(np.int64) * block_bytes,
        states=states[edges][kept],
        rest=AreaState.FREE,
    )


def runs(rng: np.random.Generator, blocks: int, spec: list[tuple[AreaState, float, float]]):
    """States in runs; ``spec`` holds (state, weight, mean length)."""
    weights = np.array([weight for _, weight, _ in spec])
    count = int(4 * blocks / np.dot(weights / weights.sum(), [mean for *_, mean in spec])) + 64
    picked = rng.choice(len(spec), count, p=weights / weights.sum())
    lengths = 1 + rng.geometric(1 / np.array([mean for *_, mean in spec]))[None].repeat(count, 0)[
        np.arange(count), picked
    ] * rng.integers(1, 4, count)
    states = np.array([state for state, *_ in spec], np.uint8)[picked]
    made = np.repeat(states, lengths)
    while len(made) < blocks:
        made = np.concatenate([made, made])
    return made[:blocks].copy()


def initial_blocks(blocks: int, seed: int = 11) -> np.ndarray:
    """An initial area as years of use leave it: shared, hot spots preserved, a free tail."""
    rng = np.random.default_rng(seed)
    unit = max(1, blocks // 4096)
    states = runs(
        rng, blocks, [(AreaState.SHARED, 0.8, 24 * unit), (AreaState.FREE, 0.2, 3 * unit)]
    )
    place = np.arange(blocks) / blocks
    hot = np.zeros(blocks)
    for center, width, height in (
        (0.12, 0.035, 0.8),
        (0.31, 0.02, 0.9),
        (0.47, 0.05, 0.55),
        (0.66, 0.018, 0.9),
        (0.78, 0.03, 0.4),
    ):
        hot += height * np.exp(-(((place - center) / width) ** 2))
    length = max(1, unit // 24)
    draw = np.repeat(rng.random(blocks // length + 2), length)[:blocks]
    states[(draw < hot * 0.7) & (states == AreaState.SHARED)] = AreaState.PRESERVED
    tail = int(blocks * 0.885)
    spec = [(AreaState.FREE, 0.75, 16 * unit), (AreaState.SHARED, 0.25, 5 * unit)]
    states[tail:] = runs(rng, blocks - tail, spec)
    return states


def additional_blocks(blocks: int, used: float = 0.56, seed: int = 5) -> np.ndarray:
    """An additional area filled from its beginning, tables strewn in, a few holes."""
    rng = np.random.default_rng(seed)
    unit = max(1, blocks // 2048)
    states = np.zeros(blocks, np.uint8)
    head = int(blocks * used)
    spec = [
        (AreaState.PRESERVED, 0.62, 26 * unit),
        (AreaState.NEW, 0.26, 14 * unit),
        (AreaState.RECLAIMABLE, 0.05, 2 * unit),
        (AreaState.FREE, 0.07, 3 * unit),
    ]
    states[:head] = runs(rng, head, spec)
    at = 0
    while at < head:
        states[at : at + 2 * unit] = AreaState.METADATA
        at += int(rng.integers(31, 90)) * unit
    return states


def events(*rows: dict[str, int]) -> np.ndarray:
    """Event records; fields left out are 0."""
    made = np.zeros(len(rows), EVENT_DTYPE)
    for number, row in enumerate(rows):
        for name, value in row.items():
            made[name][number] = value
    return made


def overwrites(starts, offsets, length: int = 4096) -> np.ndarray:
    """First overwrites of the original: each range preserved, then written."""
    count = len(starts)
    made = np.zeros(2 * count, EVENT_DTYPE)
    made["start"] = np.repeat(starts, 2)
    made["length"] = length
    made["kind"][0::2], made["kind"][1::2] = EventKind.PRESERVED, EventKind.WRITTEN
    made["area_offset"][0::2] = offsets
    made["copy_id"][0::2] = 1
    return made


__all__ = [
    "EventFlag",
    "additional_blocks",
    "events",
    "extents",
    "from_blocks",
    "initial_blocks",
    "overwrites",
    "runs",
]
