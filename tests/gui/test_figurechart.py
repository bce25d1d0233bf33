# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The picture of measured figures."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtGui import QColor, QImage

from gui import figures
from gui.theme import DARK, LIGHT
from gui.views.figurechart import (
    PIXEL_RATIO,
    WIDTH_PX,
    Bar,
    Scale,
    draw_figures,
)

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from gui.theme import Theme

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("qapp")]


def bar(case: str, ratio: float, *, is_more_better: bool = True, topic: str = "Writes") -> Bar:
    return Bar(topic, case, "writes/s", 1234.5, ratio, is_more_better, case == "plain file")


BARS = [
    bar("plain file", 1.0),
    bar("Rangepair", 0.5),
    bar("another", 0.02),
    bar("plain file", 1.0, is_more_better=False, topic="Taking"),
    bar("Rangepair, late", 3.0, is_more_better=False, topic="Taking"),
]


def report(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "date": "2026-01-02T03:04:05+00:00",
        "machine": {"processor": "A processor", "processors": 2, "file_system": "ext4"},
        "versions": {"rangepair": "1", "python": "3"},
        "rounds": 3,
        "notes": [],
        "rows": rows,
    }


ROWS = [
    {"topic": "t", "case": "plain file", "unit": "ms", "better": "less", "median": 2.0,
     "ratio": None, "base": "plain file"},
    {"topic": "t", "case": "Rangepair", "unit": "ms", "better": "less", "median": 6.0,
     "ratio": 3.0, "base": "plain file"},
    {"topic": "o", "case": "alone", "unit": "ms", "better": "less", "median": 6.0,
     "ratio": None, "base": None},
]  # fmt: skip


def pixels_of(image: QImage, color: str) -> list[tuple[int, int]]:
    wanted = QColor(color).rgb()
    return [
        (x, y)
        for y in range(0, image.height(), 2)
        for x in range(0, image.width(), 2)
        if image.pixel(x, y) == wanted
    ]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_topic_and_bar_is_drawn(theme: Theme) -> None:
    image = draw_figures("A title", ["one", "two", "never drawn"], BARS, theme)
    assert image.width() == WIDTH_PX * PIXEL_RATIO
    shorter = draw_figures("A title", ["one"], BARS[:3], theme)
    assert image.height() > shorter.height() > 0
    assert len(pixels_of(image, theme.accent)) > len(pixels_of(shorter, theme.accent)) > 500
    assert len(pixels_of(image, theme.shared)) > 500


def test_what_is_worse_goes_to_the_left_and_what_is_better_to_the_right() -> None:
    one = Scale([1.0]).x(1.0) * PIXEL_RATIO
    sides = []
    for ratio, is_more_better in ((0.6, True), (1.7, True), (0.6, False), (1.7, False)):
        drawn = bar("Rangepair", ratio, is_more_better=is_more_better)
        image = draw_figures("", [], [drawn], LIGHT)
        xs = [x for x, _ in pixels_of(image, LIGHT.accent)]
        sides.append((min(xs) < one - 20, max(xs) > one + 20))
    left, right = (True, False), (False, True)
    assert sides == [left, right, right, left]


def test_the_axis_holds_all_and_names_round_figures() -> None:
    scale = Scale([1.0, 0.013, 27.0])
    assert scale.x(0.013) < scale.x(1.0) < scale.x(27.0)
    ticks = scale.ticks()
    assert ticks[0] == pytest.approx(1.0)
    assert min(ticks) == pytest.approx(0.01)
    assert max(ticks) == pytest.approx(50.0)
    assert Scale([1.0]).x(0.5) < Scale([1.0]).x(2.0)


def test_a_ratio_of_nothing_does_no_harm() -> None:
    assert bar("Rangepair", 0.0).merit == 1.0
    assert bar("Rangepair", 4.0, is_more_better=False).merit == 0.25


def test_what_is_compared_with_nothing_is_not_drawn() -> None:
    bars = figures.bars_of(ROWS)
    assert [(each.case, each.ratio, each.is_base) for each in bars] == [
        ("plain file", 1.0, True),
        ("Rangepair", 3.0, False),
    ]
    assert figures.lines_of(report(ROWS)) == [
        "A processor, 2 processors, ext4; medians of at least 3 rounds, 2026-01-02 03:04",
        "rangepair 1, python 3",
    ]


def told_to(
    monkeypatch: pytest.MonkeyPatch, path: Path, rows: list[dict[str, Any]], app: QApplication
) -> int:
    monkeypatch.setattr(sys, "argv", ["figures", str(path)])
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(report(rows))))
    monkeypatch.setattr(figures, "QGuiApplication", lambda _arguments: app)
    return figures.main()


def test_the_program_writes_a_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qapp: QApplication
) -> None:
    path = tmp_path / "figures.png"
    assert told_to(monkeypatch, path, ROWS, qapp) == 0
    image = QImage(str(path))
    assert image.width() == WIDTH_PX * PIXEL_RATIO
    assert len({image.pixel(x, y) for x in range(0, 2000, 7) for y in range(0, 400, 7)}) > 5


def test_the_program_says_why_it_cannot(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    qapp: QApplication,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told_to(monkeypatch, tmp_path / "none" / "x.png", ROWS, qapp) == 1
    assert told_to(monkeypatch, tmp_path / "x.png", ROWS[2:], qapp) == 1
    assert capsys.readouterr().err == "No such file or directory\nnothing was compared\n"
