# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Icons: outlines of our own on a grid of 24, drawn in any colour and size, kept once drawn."""

from __future__ import annotations

import functools
from importlib import resources

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

_RATIOS = (1.0, 2.0)


@functools.cache
def _outline(name: str) -> str:
    path = resources.files("resources") / "icons" / f"{name}.svg"
    return path.read_text(encoding="utf-8")


def names() -> list[str]:
    """Return the name of every icon."""
    folder = resources.files("resources") / "icons"
    return sorted(path.name.removesuffix(".svg") for path in folder.iterdir())


@functools.cache
def pixmap(name: str, color: str, size: int = 16, ratio: float = 1.0) -> QPixmap:
    """Return an icon as a picture.

    Args:
        name: One of ``names()``.
        color: ``#RRGGBB``.
        size: Width and height, in device-independent pixels.
        ratio: Device pixels for each of those.

    Raises:
        FileNotFoundError: No icon has this name.
    """
    outline = _outline(name).replace("currentColor", color)
    picture = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        side = size * ratio
        QSvgRenderer(QByteArray(outline.encode())).render(painter, QRectF(0, 0, side, side))
    picture.setDevicePixelRatio(ratio)
    return picture


@functools.cache
def icon(name: str, color: str, size: int = 16, off: str = "") -> QIcon:
    """Return an icon for a button or menu, sharp on screens of one and of two dots a pixel.

    Args:
        name: One of ``names()``.
        color: ``#RRGGBB``.
        size: Width and height, in device-independent pixels.
        off: Colour while it is disabled; empty leaves that to the style.
    """
    made = QIcon()
    for ratio in _RATIOS:
        made.addPixmap(pixmap(name, color, size, ratio))
        if off:
            made.addPixmap(pixmap(name, off, size, ratio), QIcon.Mode.Disabled)
    return made
