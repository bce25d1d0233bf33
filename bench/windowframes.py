# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m bench.windowframes IMAGE COPY SECONDS WIDTH HEIGHT``: the window, timed at work.

The program itself is run as it is. A frame is a picture with a new map in it, brought to the screen
(``UpdateRequest`` of the window); its work is the processor time of the window's thread since the
frame before, for whatever pane. Times of panes are their own, without what they call of others that
are timed too. Printed is a line when it begins to watch, and one JSON object; times are in
milliseconds.
"""

from __future__ import annotations

import functools
import itertools
import json
import statistics
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QEvent, QTimer

from gui.models.focus import FocusedCopy

if TYPE_CHECKING:
    from collections.abc import Callable

SETTLE_MS: Final = 3000
LOOK_MS: Final = 50
_NS_TO_MS: Final = 1e-6

MAP: Final = "maps, painting"
TIMED: Final = (
    ("ring and dispatch", "gui.bridge.link", "EngineLink", ("_on_frame", "_deliver")),
    ("maps, models", "gui.views.mapspane", "MapsPane", ("apply",)),
    ("maps, frame", "gui.views.mapspane", "MapsPane", ("frame", "paintEvent")),
    ("maps, strips and gauges", "gui.views.areacard", "AreaCard", ("refresh_totals",)),
    (MAP, "gui.views.areamap", "AreaMap", ("paintEvent",)),
    ("maps, strips and gauges", "gui.views.minimap", "Minimap", ("paintEvent",)),
    ("maps, arrows", "gui.views.arrows", "ArrowOverlay", ("paintEvent",)),
    ("maps, legend", "gui.views.legend", "Legend", ("paintEvent", "set_present")),
    ("pointer lane", "gui.views.pointerlane", "PointerLane",
     ("paintEvent", "step", "look_again", "redraw")),
    ("table, model", "gui.models.tablemodel", "PointerTableModel", ("feed", "refresh", "load")),
    ("table, painting", "gui.views.tableview", "PointerTableView",
     ("paintEvent", "_on_refreshed")),
    ("table, painting", "gui.views.pointertable", "PointerTableCard",
     ("paint_body", "_on_refreshed")),
    ("range pairs", "gui.views.ribbons", "RibbonsCard", ("paint_body",)),
    ("timeline", "gui.views.timeline", "TimelineCard", ("feed", "tick", "paint_body")),
    ("live figures", "gui.views.plots", "PlotsCard", ("tick", "paint_body")),
    ("live figures", "gui.models.history", "History", ("feed", "advance")),
    ("narration", "gui.models.narration", "Narrator", ("feed", "tick")),
    ("narration", "gui.views.narration", "NarrationCard", ("_show_story", "paint_body")),
    ("cards and titles", "gui.views.card", "Card", ("paintEvent",)),
    ("copies", "gui.models.copytree", "CopyTreeModel", ("load",)),
    ("status and top bar", "gui.windows.mainwindow", "MainWindow", ("_on_info",)),
    ("status and top bar", "gui.windows.figures", "Figures", ("_on_stats", "_on_second")),
    ("status and top bar", "gui.windows.spacewatch", "SpaceWatch", ("_on_stats",)),
)  # fmt: skip


class Watch:
    """Counts what the window's thread does between two frames, and in which pane."""

    def __init__(self) -> None:
        self.is_on = False
        self.frames: list[tuple[int, int]] = []  # end and work in ns
        self.panes: dict[str, int] = defaultdict(int)
        self.calls: dict[str, int] = defaultdict(int)
        self.worst: list[tuple[int, dict[str, int]]] = []
        self._present: dict[str, int] = defaultdict(int)
        self._open: list[int] = []
        self._has_map = False
        self._worked = time.thread_time_ns()

    def begin(self) -> None:
        """Count from now on."""
        self.frame_done()
        self.frames.clear()
        self.panes.clear()
        self.calls.clear()
        self.worst.clear()
        self.is_on = True

    def frame_done(self) -> None:
        """A picture was brought to the screen."""
        worked = time.thread_time_ns()
        work, self._worked, self._has_map = worked - self._worked, worked, False
        self.frames.append((time.perf_counter_ns(), work))
        self.worst = sorted([*self.worst, (work, dict(self._present))], key=lambda w: -w[0])[:12]
        self._present.clear()

    def timed(self, pane: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method that is counted to a pane, without what it calls of other panes."""

        @functools.wraps(method)
        def call(*arguments: Any, **named: Any) -> Any:
            self._open.append(0)
            self._has_map |= pane == MAP
            begun = time.perf_counter_ns()
            try:
                return method(*arguments, **named)
            finally:
                took = time.perf_counter_ns() - begun
                own = took - self._open.pop()
                if self._open:
                    self._open[-1] += took
                if self.is_on:
                    self.panes[pane] += own
                    self.calls[pane] += 1
                    self._present[pane] += own

        return call

    def put_in(self) -> None:
        """Time every method named above. Before anything is built: Qt looks overrides up once."""
        from importlib import import_module

        for pane, module, name, methods in TIMED:
            owner = getattr(import_module(module), name)
            for method in methods:
                setattr(owner, method, self.timed(pane, getattr(owner, method)))
        from gui.windows.mainwindow import MainWindow

        bring_to_screen = MainWindow.event

        def event(window: MainWindow, event: QEvent) -> bool:
            done = bring_to_screen(window, event)
            if event.type() == QEvent.Type.UpdateRequest and self._has_map:
                self.frame_done()
            return done

        MainWindow.event = event

    def figures(self, lost: int) -> dict[str, Any]:
        """Return what was counted since ``begin``."""
        ends = [end for end, _ in self.frames]
        span_s = (ends[-1] - ends[0]) / 1e9
        per_frame = _NS_TO_MS / len(ends)
        return {
            "fps": (len(ends) - 1) / span_s,
            "seconds": span_s,
            "interval": _spread([b - a for a, b in itertools.pairwise(ends)]),
            "work": _spread([work for _, work in self.frames[1:]]),
            "panes": {
                pane: (total * per_frame, self.calls[pane] / span_s)
                for pane, total in sorted(self.panes.items(), key=lambda item: -item[1])
            },
            "worst": [
                (work * _NS_TO_MS, {pane: round(ns * _NS_TO_MS, 1) for pane, ns in panes.items()})
                for work, panes in self.worst
            ],
            "lost": lost,
        }


def _spread(values_ns: list[int]) -> dict[str, float]:
    cuts = statistics.quantiles(values_ns, n=100, method="inclusive")
    named = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(values_ns)}
    return {name: value * _NS_TO_MS for name, value in named.items()}


class Run:
    """Waits until the window shows the copy's table, watches for a while, and closes it."""

    def __init__(self, watch: Watch, window: Any, copy: str, seconds: float) -> None:
        self._watch, self._window = watch, window
        self._copy, self._seconds = copy, seconds
        self._lost = 0
        window.follower.coalesced.connect(self._on_lost)
        QTimer.singleShot(LOOK_MS, self._look)

    def _on_lost(self, count: int) -> None:
        self._lost += count

    def _look(self) -> None:
        window = self._window
        table, info = window.panes.table_model.table, window.follower.info
        if info is not None and window.focus.copy.name != self._copy:
            number = next(copy.id for copy in info.copies if copy.name == self._copy)
            window.focus.set_copy(FocusedCopy(number, self._copy))
        if table.copy_name != self._copy:
            QTimer.singleShot(LOOK_MS, self._look)
            return
        QTimer.singleShot(SETTLE_MS, self._begin)

    def _begin(self) -> None:
        self._lost = 0
        print("watching", flush=True)
        self._watch.begin()
        QTimer.singleShot(round(self._seconds * 1000), self._end)

    def _end(self) -> None:
        figures = self._watch.figures(self._lost)
        figures["rows"] = self._window.panes.table_model.table.row_count
        print(json.dumps(figures), flush=True)
        self._window.close()


def main() -> int:
    """Run the window until it was watched for long enough."""
    image, copy, seconds, width, height = sys.argv[1:6]
    watch = Watch()
    watch.put_in()
    from gui import app

    build = app.build

    def build_watched() -> Any:
        window = build()
        window.resize(int(width), int(height))
        window.run_ = Run(watch, window, copy, float(seconds))
        return window

    app.build = build_watched
    return app.main([image])


if __name__ == "__main__":
    sys.exit(main())
