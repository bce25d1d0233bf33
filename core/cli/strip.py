# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An area as one line of cells, with what each kind of content adds up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.answers import AreaState
from core.cli.terminal import Cell
from core.units import format_bytes

if TYPE_CHECKING:
    import numpy.typing as npt

    from core.answers import AreaExtents
    from core.cli.terminal import Terminal

_LOOKS: Final = {
    AreaState.FREE: ("·", "grey", "free"),
    AreaState.ORIGINAL_ONLY: ("░", "grey", "read by the original only"),
    AreaState.SHARED: ("▒", "blue", "shared through range pairs"),
    AreaState.PRESERVED: ("█", "yellow", "preserved"),
    AreaState.NEW: ("◆", "magenta", "new data"),
    AreaState.METADATA: ("■", "cyan", "metadata"),
    AreaState.RECLAIMABLE: ("□", "green", "reclaimable"),
}
# A cell may stand for gigabytes: what copies made must show in it, however little it is.
_WEIGHTS: Final = np.array([0.5, 1.0, 1.0, 1e15, 1e15, 1e15, 1e15])


def print_area(title: str, area: AreaExtents, terminal: Terminal) -> None:
    """Print an area: title, strip and legend."""
    cells = max(16, terminal.width - 4)
    edges = np.linspace(0, area.size, cells + 1)
    below = np.array([_bytes_below(area, state, edges) for state in AreaState])
    below[area.rest] = edges - (below.sum(axis=0) - below[area.rest])
    terminal.line(f"{terminal.paint(title, 'bold')}  {format_bytes(area.size)}")
    if area.size:
        shown = (np.diff(below, axis=1) * _WEIGHTS[:, None]).argmax(axis=0)
        terminal.line("  " + _painted(shown.tolist(), terminal))
    terminal.table(
        [
            [Cell(glyph, style), Cell(format_bytes(round(total))), Cell(name, "grey")]
            for (glyph, style, name), total in zip(_LOOKS.values(), below[:, -1], strict=True)
            if total
        ],
        right=(1,),
        indent=2,
    )


def _bytes_below(
    area: AreaExtents, state: AreaState, edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return how many bytes in ``state`` lie below each edge."""
    chosen = area.states == state
    if not chosen.any():
        return np.zeros(len(edges))
    starts, stops = area.starts[chosen], area.stops[chosen]
    covered = np.cumsum(stops - starts)
    corners = np.stack((starts, stops), axis=1).ravel()
    heights = np.stack((covered - (stops - starts), covered), axis=1).ravel()
    below: npt.NDArray[np.float64] = np.interp(edges, corners, heights, left=0.0)
    return below


def _painted(states: list[int], terminal: Terminal) -> str:
    """Return the cells, equal neighbours painted at once."""
    runs: list[tuple[int, int]] = []
    for state in states:
        if runs and runs[-1][0] == state:
            runs[-1] = state, runs[-1][1] + 1
        else:
            runs.append((state, 1))
    looks = ((_LOOKS[AreaState(state)], count) for state, count in runs)
    return "".join(terminal.paint(look[0] * count, look[1]) for look, count in looks)
