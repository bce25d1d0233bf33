# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The slow twin of a pointer run: one dictionary entry a byte, and ways to draw runs at random."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from core.answers import PointerKind
from core.mapping.pointerrun import EMPTY, PointerRun

SPAN = 48
"""Bytes of the toy volume; small, so that random ranges meet, touch and nest."""

Cell = tuple[int, int, int, int, int]
"""Kind, offset, checksum, head and whole of one byte."""
Cells = dict[int, Cell]
Row = tuple[int, int, int, int, int, int, int]


def rows_of(run: PointerRun) -> list[Row]:
    columns = (
        run.starts, run.lengths, run.offsets, run.kinds, run.checksums, run.heads, run.wholes,
    )  # fmt: skip
    return list(zip(*(column.tolist() for column in columns), strict=True))


def cells_of(run: PointerRun) -> Cells:
    """Spell a run out byte by byte, and check what every run promises on the way."""
    cells: Cells = {}
    end = -(2**63)
    for start, length, offset, kind, checksum, head, whole in rows_of(run):
        assert length >= 1
        assert start >= end
        end = start + length
        if kind == PointerKind.ZERO:
            assert (offset, checksum, head, whole) == (0, 0, 0, 0)
        else:
            assert head >= 0
            assert head + length <= whole
        step = 0 if kind == PointerKind.ZERO else 1
        for byte in range(length):
            cells[start + byte] = (kind, offset + byte * step, checksum, head + byte * step, whole)
    return cells


def within(cells: Cells, start: int, stop: int) -> Cells:
    return {byte: cell for byte, cell in cells.items() if start <= byte < stop}


def ranges_of(bytes_held: set[int]) -> list[tuple[int, int]]:
    """Return a set of numbers as maximal half-open ranges."""
    edges = sorted(byte for byte in bytes_held if byte - 1 not in bytes_held)
    ends = sorted(byte + 1 for byte in bytes_held if byte + 1 not in bytes_held)
    return list(zip(edges, ends, strict=True))


ranges = st.tuples(st.integers(0, SPAN), st.integers(0, SPAN)).map(sorted).map(tuple)


@st.composite
def runs(draw: st.DrawFn, *, base: int | None = None) -> PointerRun:
    """Draw a run of the toy volume; pieces of it may already have been cut from larger extents."""
    edges = sorted(draw(st.sets(st.integers(0, SPAN), max_size=16)))
    base = draw(st.integers(1, 9)) * 1000 if base is None else base
    rows: list[Row] = []
    for start, stop in itertools.pairwise(edges):
        kind = draw(st.sampled_from([*PointerKind, None]))
        if kind is PointerKind.ZERO:
            rows.append((start, stop - start, 0, kind, 0, 0, 0))
        elif kind is not None:
            head, tail = draw(st.integers(0, 2)), draw(st.integers(0, 2))
            whole = head + stop - start + tail
            address = base + 10 * start + head
            rows.append((start, stop - start, address, kind, base + start, head, whole))
    return PointerRun.from_columns(*zip(*rows, strict=True)) if rows else EMPTY
