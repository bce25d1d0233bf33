# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Colours can be told apart by everyone, words are readable, typefaces and icons are there."""

from __future__ import annotations

import itertools
from dataclasses import fields

import pytest
from coloraide import Color
from PySide6.QtGui import QFontInfo, QImage, QPainter

from core.answers import AreaState
from gui.theme import (
    DARK,
    LIGHT,
    STATE_COLOR_NAMES,
    STATE_LABELS,
    STATE_LETTERS,
    Theme,
    ThemeSource,
    fonts,
    icons,
)

DELTA_E_MIN = 15
CONTRAST_MIN = 4.5
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


@THEMES
@pytest.mark.parametrize("sight", ["normal", "protan", "deutan", "tritan"])
def test_every_two_map_colours_differ_in_every_kind_of_sight(theme: Theme, sight: str):
    names = [*STATE_COLOR_NAMES.values(), "heat", "error"]
    seen = {name: Color(getattr(theme, name)) for name in names}
    if sight != "normal":
        seen = {name: c.filter(sight, method="machado") for name, c in seen.items()}
    near = {
        (a, b): distance
        for a, b in itertools.combinations(names, 2)
        if (distance := seen[a].delta_e(seen[b], method="2000")) < DELTA_E_MIN
    }
    assert near == {}


@THEMES
@pytest.mark.parametrize("words", ["text", "sub", "accent", "good", "warn", "danger"])
@pytest.mark.parametrize("ground", ["card", "bg", "well"])
def test_words_stand_out_from_every_ground(theme: Theme, words: str, ground: str):
    ratio = Color(getattr(theme, words)).contrast(Color(getattr(theme, ground)), method="wcag21")
    assert ratio >= CONTRAST_MIN


@THEMES
@pytest.mark.parametrize("ground", ["card", "well"])
def test_faint_addresses_are_still_readable_on_a_card(theme: Theme, ground: str):
    ratio = Color(theme.faint).contrast(Color(getattr(theme, ground)), method="wcag21")
    assert ratio >= 4.0


@THEMES
def test_every_colour_is_written_in_full(theme: Theme):
    for field in fields(theme):
        value = getattr(theme, field.name)
        if field.name not in {"name", "is_dark"}:
            assert len(value) == 7
            assert theme.color(field.name).name().upper() == value


def test_every_state_has_colour_label_and_letter():
    for named in (STATE_COLOR_NAMES, STATE_LABELS, STATE_LETTERS):
        assert set(named) == set(AreaState)
    assert len(set(STATE_LETTERS.values())) == len(AreaState)
    assert LIGHT.state_color(AreaState.PRESERVED) == LIGHT.preserved


def test_the_theme_tells_once_that_it_changed(qtbot, source: ThemeSource):
    heard: list[str] = []
    source.changed.connect(lambda: heard.append(source.theme.name))
    source.set(DARK)
    source.set(DARK)
    assert heard == ["dark"]


def test_both_typefaces_are_ours(qapp):
    assert QFontInfo(fonts.font(12)).family() == fonts.WORDS
    assert QFontInfo(fonts.font(12, mono=True)).family() == fonts.ADDRESSES


def test_figures_are_equally_wide(qapp):
    for mono in (False, True):
        wide = {fonts.metrics(12, 500, mono=mono).horizontalAdvance(c) for c in "0123456789"}
        assert max(wide) - min(wide) < 0.01


def test_weights_differ(qapp):
    widths = [fonts.metrics(14, weight).horizontalAdvance("Initial area") for weight in (400, 650)]
    assert widths[1] > widths[0]


def test_letters_are_drawn_and_not_boxes(qapp):
    drawn = []
    for letter in "Mi":
        image = QImage(20, 20, QImage.Format.Format_Grayscale8)
        image.fill(255)
        with QPainter(image) as painter:
            painter.setFont(fonts.font(14))
            painter.drawText(2, 15, letter)
        drawn.append(bytes(image.constBits()))
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("name", icons.names())
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_every_icon_shows_in_its_colour(qapp, name: str, ratio: float):
    image = icons.pixmap(name, "#C3211B", 16, ratio).toImage()
    places = itertools.product(range(image.width()), range(image.height()))
    dots = [dot for x, y in places if (dot := image.pixelColor(x, y)).alpha() > 100]
    assert image.width() == 16 * ratio
    assert len(dots) >= 6
    assert all(dot.red() > 180 and dot.green() < 60 for dot in dots)


def test_an_unknown_icon_is_an_error(qapp):
    with pytest.raises(FileNotFoundError):
        icons.pixmap("no-such-icon", "#000000")
