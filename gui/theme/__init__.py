# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How the window looks: colours, typefaces, icons. Knows Qt and the states of a map, no more."""

from __future__ import annotations

from gui.theme.palette import (
    DARK,
    LIGHT,
    STATE_COLOR_NAMES,
    STATE_LABELS,
    STATE_LETTERS,
    Theme,
)
from gui.theme.source import ThemeSource

__all__ = [
    "DARK",
    "LIGHT",
    "STATE_COLOR_NAMES",
    "STATE_LABELS",
    "STATE_LETTERS",
    "Theme",
    "ThemeSource",
]
