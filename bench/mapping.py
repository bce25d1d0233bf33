# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The maps alone, without disk or journal: a million pointers scattered over 1 TiB.

What a pointer takes in memory, what it costs to make, and what a look at it costs. Memory is
measured in processes of their own: what another case has freed is no measure.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.telling import say
from core.mapping.chaincounts import chain_counts
from core.mapping.grainset import GrainSet
from core.mapping.layermap import LayerMap
from core.mapping.pointerrun import PointerRun, overlay
from core.mapping.resolve import range_pairs
from core.mapping.stack import stack
from core.measure.rows import Row, compared, in_turns
from core.units import GRAIN_BYTES_DEFAULT, TIB

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POINTERS = 1_000_000
GROUP_POINTERS = 1024
GRAINS = TIB // GRAIN_BYTES_DEFAULT
LOOKUPS = 2000
ROUNDS = 5
MEMORY_ROUNDS = 3


def measure(folder: Path) -> list[Row]:
    """Return memory, growth and lookups of layer map and grain set; ``folder`` is not needed."""
    del folder
    say(f"{POINTERS:,} pointers scattered over 1 TiB")
    return [*_memory(), *_growth(), *_whole(), *_layers(), *_lookups(), *_grain_lookups()]


def scattered(seed: int) -> PointerRun:
    """Return a million one-grain pointers, each at a place of its own."""
    rng = np.random.default_rng(seed)
    grains = np.unique(rng.integers(0, GRAINS, POINTERS + POINTERS // 16))
    grains = np.sort(rng.permutation(grains)[:POINTERS])
    offsets = rng.permutation(POINTERS) * GRAIN_BYTES_DEFAULT
    lengths = np.full(POINTERS, GRAIN_BYTES_DEFAULT)
    checksums = rng.integers(1, 1 << 63, POINTERS)
    kinds = np.zeros(POINTERS)
    starts = grains * GRAIN_BYTES_DEFAULT
    return PointerRun.from_columns(starts, lengths, offsets, kinds, checksums, is_sorted=True)


def groups_of(run: PointerRun) -> list[PointerRun]:
    """Return the pointers of ``run`` as groups, each scattered as writes at random make them."""
    order = np.random.default_rng(7).permutation(len(run))
    edges = range(0, len(run), GROUP_POINTERS)
    return [run.take(np.sort(order[edge : edge + GROUP_POINTERS])) for edge in edges]


def grown(groups: Sequence[PointerRun]) -> LayerMap:
    """Return a layer as the write path grows it."""
    layer = LayerMap(is_disjoint=True)
    for group in groups:
        layer.append(group)
    return layer


def held(run: PointerRun) -> GrainSet:
    """Return the grains of ``run``."""
    grains = GrainSet(GRAIN_BYTES_DEFAULT)
    grains.add_run(run)
    return grains


def occupied(kind: str) -> dict[str, float]:
    """Make a layer map or a grain set in this process; return bytes it takes, two ways told."""
    run = scattered(1)
    groups = groups_of(run)
    ctypes.CDLL(None).malloc_trim(0)  # room that making the groups has left would hide the cost
    before = _resident_bytes()
    made: LayerMap | GrainSet = grown(groups) if kind == "layer map" else _held_by_groups(groups)
    return {"resident": _resident_bytes() - before, "columns": made.nbytes}


def _memory() -> list[Row]:
    topic = f"memory of {POINTERS:,} pointers scattered over 1 TiB"
    rows = []
    for kind in ("layer map", "grain set"):
        found = [_in_own_process(kind) for _ in range(MEMORY_ROUNDS)]
        for told in ("columns", "resident"):
            values = [figures[told] / POINTERS for figures in found]
            rows.append(Row(topic, f"{kind}, {told}", "B/pointer", values))
    return rows


def _growth() -> list[Row]:
    run = scattered(1)
    groups = groups_of(run)
    rounds = in_turns(
        {
            "append to a layer map": lambda: _seconds(lambda: grown(groups)),
            "longest append of a group": lambda: _longest_append(groups),
            "add groups to a grain set": lambda: _seconds(lambda: _held_by_groups(groups)),
            "load a grain set at once": lambda: _seconds(lambda: held(run)),
        },
        ROUNDS,
    )
    topic = f"growing to {POINTERS:,} pointers by groups of {GROUP_POINTERS}"
    rows = [
        Row(topic, case, "ns/pointer", [value / POINTERS * 1e9 for value in values])
        for case, values in rounds.items()
        if "longest" not in case
    ]
    longest = [value * 1e3 for value in rounds["longest append of a group"]]
    return [*rows, Row(topic, "longest append of a group", "ms", longest)]


def _whole() -> list[Row]:
    top, bottom = scattered(1), scattered(2)
    grains = held(top)
    cases = {
        "overlay another run": lambda: overlay(top, bottom),
        "range pairs of all": lambda: range_pairs(top, 0, TIB, GRAIN_BYTES_DEFAULT),
        "gaps of the grain set": lambda: grains.gaps(0, GRAINS),
        "copy the grain set": grains.copy,
    }
    rounds = in_turns({name: partial(_seconds, act) for name, act in cases.items()}, ROUNDS)
    topic = f"whole tables of {POINTERS:,} pointers"
    return [Row(topic, name, "ms", [value * 1e3 for value in rounds[name]]) for name in cases]


def _layers() -> list[Row]:
    """Views through as many layers as an hourly snapshot of six weeks leaves."""
    run = scattered(1)
    layers = groups_of(run)
    cases: dict[str, Callable[[], object]] = {
        "flatten to one run": partial(stack, layers),
        "count every view": partial(chain_counts, layers, TIB),
    }
    rounds = in_turns({name: partial(_seconds, act) for name, act in cases.items()}, ROUNDS)
    topic = f"{len(layers)} layers of {GROUP_POINTERS} pointers"
    return [Row(topic, name, "ms", [value * 1e3 for value in rounds[name]]) for name in cases]


def _lookups() -> list[Row]:
    run = scattered(1)
    groups = groups_of(run)
    many = grown(groups)
    flat = LayerMap([run], is_disjoint=True)
    starts = np.random.default_rng(3).choice(run.starts, LOOKUPS).tolist()
    rows = []
    for length in (4096, 1 << 20, 1 << 30):
        cases = {
            "one run": partial(_clips, flat, starts, length),
            f"{len(many.runs)} runs": partial(_clips, many, starts, length),
        }
        rows += compared(f"clip {length:,} bytes of {POINTERS:,} pointers", "us", cases, ROUNDS)
    return rows


def _grain_lookups() -> list[Row]:
    run = scattered(1)
    grains = held(run)
    firsts = (np.random.default_rng(3).choice(run.starts, LOOKUPS) // GRAIN_BYTES_DEFAULT).tolist()
    cases: dict[str, Callable[[int], object]] = {
        "is a grain held?": grains.has,
        "gaps of 1 grain": lambda grain: grains.gaps(grain, grain + 1),
        "gaps of 16 grains": lambda grain: grains.gaps(grain, grain + 16),
        "gaps of 256 grains": lambda grain: grains.gaps(grain, grain + 256),
        "add a grain": lambda grain: grains.add(grain, grain + 1),
    }
    topic = f"questions to a grain set of {POINTERS:,}"
    return compared(
        topic,
        "us",
        {name: partial(_each, act, firsts) for name, act in cases.items()},
        ROUNDS,
    )


def _held_by_groups(groups: Sequence[PointerRun]) -> GrainSet:
    grains = GrainSet(GRAIN_BYTES_DEFAULT)
    for group in groups:
        grains.add_run(group)
    return grains


def _longest_append(groups: Sequence[PointerRun]) -> float:
    layer = LayerMap(is_disjoint=True)
    return max(_seconds(partial(layer.append, group)) for group in groups)


def _clips(layer: LayerMap, starts: Sequence[int], length: int) -> float:
    return _each(lambda start: layer.clip(start, start + length), starts)


def _each(act: Callable[[int], object], arguments: Sequence[int]) -> float:
    """Return microseconds one call takes."""
    begun = time.perf_counter()
    for argument in arguments:
        act(argument)
    return (time.perf_counter() - begun) / len(arguments) * 1e6


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _in_own_process(kind: str) -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, "-m", "bench.mapping", kind], check=True, stdout=subprocess.PIPE, text=True
    )
    figures: dict[str, float] = json.loads(run.stdout)
    return figures


if __name__ == "__main__":
    print(json.dumps(occupied(sys.argv[1])))
