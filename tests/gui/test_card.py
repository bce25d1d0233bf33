# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A card shows its title, keeps to its ground, and follows the theme."""

from __future__ import annotations

from PySide6.QtCore import QPoint

from gui.theme import DARK, ThemeSource
from gui.views.card import HEADER_HEIGHT, Card


def ink_rows(card: Card) -> list[int]:
    """Rows inside the card that hold anything but its ground."""
    image = card.grab().toImage()
    ground = card.theme.color("card").rgb()
    inner = range(14, card.width() - 14)
    return [
        y
        for y in range(4, card.height() - 4)
        if any(image.pixelColor(QPoint(x, y)).rgb() != ground for x in inner)
    ]


def make(source: ThemeSource, *, title_below: bool = False, width: int = 300) -> Card:
    card = Card(source, "Initial area", "64 GiB on disk-a", title_below=title_below)
    card.resize(width, 200)
    return card


def test_the_title_is_on_top(qtbot, either_source):
    card = make(either_source)
    qtbot.addWidget(card)
    rows = ink_rows(card)
    assert rows
    assert max(rows) < HEADER_HEIGHT


def test_the_title_can_be_below_so_that_two_cards_face_each_other(qtbot, either_source):
    card = make(either_source, title_below=True)
    qtbot.addWidget(card)
    rows = ink_rows(card)
    assert rows
    assert min(rows) > card.height() - HEADER_HEIGHT


def test_a_narrow_card_cuts_its_words_at_its_edge(qtbot, source):
    card = make(source, width=70)
    qtbot.addWidget(card)
    image = card.grab().toImage()
    ground = card.theme.color("card").rgb()
    assert all(image.pixelColor(x, y).rgb() == ground for x in (66, 67) for y in range(12, 40))


def test_the_theme_changes_the_ground(qtbot, source):
    card = make(source)
    qtbot.addWidget(card)
    card.grab()
    source.set(DARK)
    assert card.grab().toImage().pixelColor(150, 100).name().upper() == DARK.card


def test_the_title_is_what_a_screen_reader_says(qtbot, source):
    card = make(source)
    qtbot.addWidget(card)
    card.set_title("Additional area", "16 GiB")
    assert card.accessibleName() == card.title == "Additional area"
