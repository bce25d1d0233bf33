# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The copy in focus in figures: what it shares, what is kept for it, what its end would free."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from core.units import format_bytes
from gui.guard import guarded, guarded_or
from gui.theme import fonts
from gui.views.drawing import CENTER, RIGHT, draw_elided, draw_text, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent

    from core.answers import CopyInfo, VolumeInfo
    from gui.theme import ThemeSource

_ROWS_MAX: Final = 4
HEIGHT: Final = 64 + 24 * _ROWS_MAX


@dataclass(frozen=True, slots=True)
class Summary:
    """What the card says.

    Attributes:
        shares: Parts of the bar: (bytes, colour name).
        rows: (label, value).
    """

    title: str
    pill: str
    shares: tuple[tuple[int, str], ...]
    rows: tuple[tuple[str, str], ...]


def of_volume(info: VolumeInfo, kept: int | None) -> Summary:
    """Summarise the live volume; ``kept`` are the bytes that all copies together hold."""
    live = [copy for copy in info.copies if not copy.deleted]
    own = sum(copy.own_bytes for copy in info.copies) if kept is None else kept
    state = "read-only" if info.read_only else "live"
    rows = (
        ("Size", format_bytes(info.size)),
        ("Copies", str(len(live))),
        ("Kept for copies", format_bytes(own)),
    )
    return Summary("original", state, ((info.size, "shared"), (own, "preserved")), rows)


def of_copy(
    copy: CopyInfo, taken_s: float | None, freed_bytes: int | None, volume_bytes: int = 0
) -> Summary:
    """Summarise one copy; its size only if the volume has another.

    When it was taken, and what purging frees, are known only after they were measured or asked.
    """
    is_clone = copy.kind == "clone"
    tone = "written" if is_clone else "preserved"
    rows = [("Size", format_bytes(copy.size))] if copy.size not in {0, volume_bytes} else []
    rows += [
        ("Shared with others", format_bytes(copy.shared_bytes)),
        ("Of its own" if is_clone else "Originals of its own", format_bytes(copy.own_bytes)),
    ]
    if freed_bytes is not None:
        rows.append(("Purging it frees", format_bytes(freed_bytes)))
    if taken_s is not None:
        rows.append(("Time to take it", f"{taken_s * 1e3:.1f} ms"))
    else:
        rows.append(("Taken", time.strftime("%d %b %H:%M", time.localtime(copy.created))))
    shares = ((copy.shared_bytes, "shared"), (copy.own_bytes, tone))
    pill = "deleted" if copy.deleted else "writable" if is_clone else "read-only"
    return Summary(copy.name, pill, shares, tuple(rows))


def of_several(copies: Sequence[CopyInfo], freed_bytes: int | None) -> Summary:
    """Summarise a selection of several copies."""
    own = sum(copy.own_bytes for copy in copies)
    freed = "…" if freed_bytes is None else format_bytes(freed_bytes)
    rows = (("Of their own", format_bytes(own)), (f"Purging these {len(copies)} frees", freed))
    return Summary(f"{len(copies)} copies", "selection", ((own, "preserved"),), rows)


class CopySummary(QWidget):
    """A rule, a title with a pill, a bar of shares, rows of figures."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin with nothing to say."""
        super().__init__(parent)
        self._source = source
        self._summary: Summary | None = None
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        source.changed.connect(self.update)

    @property
    def summary(self) -> Summary | None:
        """What is shown."""
        return self._summary

    def show_summary(self, summary: Summary | None) -> None:
        """Show another summary, or nothing."""
        if summary == self._summary:
            return
        self._summary = summary
        if summary is not None:
            figures = ", ".join(f"{label} {value}" for label, value in summary.rows)
            self.setAccessibleName(f"{summary.title}, {summary.pill}: {figures}")
        self.update()

    @override
    @guarded_or(QSize(200, HEIGHT))
    def sizeHint(self) -> QSize:
        return QSize(200, HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._summary is None:
            return
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawLine(4, 0, self.width() - 4, 0)
            self._paint_title(painter, self._summary)
            self._paint_bar(painter, QRectF(8, 39, self.width() - 17, 10), self._summary)
            for number, (label, value) in enumerate(self._summary.rows[:_ROWS_MAX]):
                box = QRectF(8, 58 + number * 24, self.width() - 17, 20)
                draw_text(painter, box, value, fonts.font(12, 600), theme.text, align=RIGHT)
                box.setWidth(box.width() - text_width(value, fonts.font(12, 600)) - 6)
                draw_elided(painter, box, label, fonts.font(12), theme.sub)

    def _paint_title(self, painter: QPainter, summary: Summary) -> None:
        theme = self._source.theme
        font = fonts.font(11, 600)
        width = text_width(summary.pill, font) + 14
        pill = QRectF(self.width() - 9 - width, 13, width, 18)
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(theme.color("hover"))
        painter.drawRoundedRect(pill, 9, 9)
        draw_text(painter, pill, summary.pill, font, theme.sub, align=CENTER)
        box = QRectF(8, 12, pill.left() - 14, 20)
        draw_elided(painter, box, summary.title, fonts.font(13, 650), theme.text)

    def _paint_bar(self, painter: QPainter, box: QRectF, summary: Summary) -> None:
        theme = self._source.theme
        total = sum(part for part, _ in summary.shares)
        path = QPainterPath()
        path.addRoundedRect(box, 5, 5)
        painter.save()
        painter.setClipPath(path)
        painter.fillRect(box, theme.color("line"))
        x = box.x()
        for part, name in summary.shares:
            width = box.width() * part / total if total else 0.0
            if part:
                width = max(width, 4.0)
                painter.fillRect(QRectF(x, box.y(), width - 1.5, box.height()), theme.color(name))
            x += width
        painter.restore()
        painter.setPen(Qt.PenStyle.NoPen)
