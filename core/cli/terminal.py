# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Plain, aligned, sparingly coloured text on a terminal or into a pipe.

Colour is used on a terminal only, and not with NO_COLOR (https://no-color.org) or TERM=dumb; line
drawing needs a Unicode encoding. A pipe gets the same text without either surprise.
"""

from __future__ import annotations

import os
import shutil
import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

_CODES: Final = {
    "": "",
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "grey": "90",
    "accent": "1;36",
    "error": "1;31",
}
_ASCII: Final = str.maketrans("├└│─·█▌░▒◆■□━✓✗→", "+`|-.#:-+@M_=vx>")
WIDTH_MAX: Final = 120


class Cell(NamedTuple):
    """Text of a table's cell and its style."""

    text: str
    style: str = ""


class Terminal:
    """One output stream and what it can show."""

    def __init__(self, out: TextIO) -> None:
        """Look at the stream and the environment once."""
        self._out = out
        self.is_tty = out.isatty()
        has_colour = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        self._is_coloured = self.is_tty and has_colour
        encoding = (out.encoding or "ascii").lower().replace("-", "")
        self._is_unicode = encoding in {"utf8", "utf16", "utf32"}
        self.width = min(shutil.get_terminal_size((100, 24)).columns, WIDTH_MAX)

    def paint(self, text: str, style: str) -> str:
        """Return ``text`` in a style, where styles can be shown."""
        code = _CODES[style]
        return f"\x1b[{code}m{text}\x1b[0m" if code and self._is_coloured and text else text

    def line(self, text: str = "") -> None:
        """Write one line."""
        self._out.write((text if self._is_unicode else text.translate(_ASCII)) + "\n")

    def flush(self) -> None:
        """Let whoever reads the output see all of it now."""
        self._out.flush()

    def table(
        self, rows: Iterable[Sequence[Cell]], *, right: Sequence[int] = (), indent: int = 0
    ) -> None:
        """Write rows of cells under each other; columns in ``right`` flush right."""
        rows = list(rows)
        widths = [max(map(shown_width, texts)) for texts in _columns(rows)]
        for row in rows:
            cells = []
            for column, cell in enumerate(row):
                gap = " " * (widths[column] - shown_width(cell.text))
                painted = self.paint(cell.text, cell.style)
                cells.append(gap + painted if column in right else painted + gap)
            self.line((" " * indent + "  ".join(cells)).rstrip())


def printable(text: str) -> str:
    """Return ``text`` with everything that could steer a terminal written out."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode()
        for char in text
    )


def told_name(name: str) -> str:
    """Return a copy's name as a sentence holds it: quoted if it could be taken for two words."""
    shown = printable(name)
    return f"'{shown}'" if " " in shown or not shown else shown


def shown_width(text: str) -> int:
    """Return the number of cells that ``text`` takes on a screen."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def plural(count: int, one: str, many: str = "") -> str:
    """Return the count with its noun: ``1 copy``, ``2 copies``, ``1,000 pointers``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _columns(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """Return the texts of each column; rows may be short."""
    count = max(map(len, rows), default=0)
    return [[row[column].text for row in rows if len(row) > column] for column in range(count)]
