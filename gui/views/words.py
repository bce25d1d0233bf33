# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Words in dialogs and on cards, in the theme's typeface and tone."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from gui.theme import fonts


def words(text: str, px: int, weight: int, tone: str = "") -> QLabel:
    """Return a label whose lines break, and that takes ``text`` for nothing but text."""
    label = QLabel(text)
    label.setFont(fonts.font(px, weight))
    label.setProperty("tone", tone)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
