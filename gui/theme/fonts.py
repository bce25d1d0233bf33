# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The two typefaces: Inter for words, JetBrains Mono for addresses.

They come with packages and are loaded into the application, so that a machine without any font
installed shows the same pixels as every other. Fonts and their metrics cost 8 us each to make:
both are kept.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Final

from PySide6.QtCore import QByteArray
from PySide6.QtGui import QFont, QFontDatabase, QFontMetricsF

WORDS: Final = "Inter"
ADDRESSES: Final = "JetBrains Mono"
_PACKAGES: Final = ("fontpkg_inter", "fontpkg_jetbrains_mono")


@functools.cache
def load() -> None:
    """Load both typefaces into the application. Needs a QGuiApplication; done once.

    Raises:
        RuntimeError: A font package is damaged.
    """
    for package in _PACKAGES:
        for path in (resources.files(package) / "files").iterdir():
            if not path.name.endswith(".ttf") or "Italic" in path.name:
                continue
            if QFontDatabase.addApplicationFontFromData(QByteArray(path.read_bytes())) < 0:
                raise RuntimeError(f"the font {path} cannot be loaded; install its package again")


@functools.cache
def font(px: float, weight: int = 400, *, mono: bool = False) -> QFont:
    """Return a font of ``px`` pixels; its figures are all equally wide. Do not change it."""
    load()
    made = QFont(ADDRESSES if mono else WORDS)
    made.setPixelSize(round(px))
    made.setWeight(QFont.Weight(weight))
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    if mono:
        made.setFeature(QFont.Tag("calt"), 0)  # no "://" or "/>" drawn as one sign
    else:
        made.setFeature(QFont.Tag("tnum"), 1)
    return made


@functools.cache
def metrics(px: float, weight: int = 400, *, mono: bool = False) -> QFontMetricsF:
    """Return the metrics of ``font(px, weight, mono=mono)``."""
    return QFontMetricsF(font(px, weight, mono=mono))
