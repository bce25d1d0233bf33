# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the user looks at: one focus for the whole window.

Every pane reads it and sets it, and none knows another: a row picked in the table shows on the
maps because both follow this object. Addresses are bytes of the area named beside them.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, NamedTuple

from PySide6.QtCore import QObject, Signal

from core.answers import PointerKind
from core.events import ORIGINAL_ID
from core.session import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.extent import Extent

BADGES_MAX: Final = 9
"""As many as there are single figures to write on a badge."""


class AreaKind(enum.Enum):
    """Which of the two storage areas."""

    INITIAL = "initial"
    ADDITIONAL = "additional"


class Place(NamedTuple):
    """A run of bytes in one of the areas. Logical addresses are those of the initial area."""

    area: AreaKind
    extent: Extent


class FocusedCopy(NamedTuple):
    """The copy whose pointer table is shown."""

    id: int
    name: str


class Badge(NamedTuple):
    """A table row and its two places, tied together by one number.

    Attributes:
        number: 1 to 9.
        start, length: Logical range, bytes.
        offset: Byte address in the additional area; meaningless for ``PointerKind.ZERO``.
    """

    number: int
    start: int
    length: int
    offset: int
    kind: PointerKind = PointerKind.ORIGINAL


class Focus(QObject):
    """The copy, the range, the pointed-at place and the badged rows.

    Signals carry the new value and are sent only when it differs from the old one:
        copy_changed: ``FocusedCopy``.
        selection_changed: ``Place`` or ``None``.
        hover_changed: ``Place`` or ``None``.
        badges_changed: Tuple of ``Badge``.
    """

    copy_changed = Signal(object)
    selection_changed = Signal(object)
    hover_changed = Signal(object)
    badges_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._copy = FocusedCopy(ORIGINAL_ID, ORIGINAL)
        self._selection: Place | None = None
        self._hover: Place | None = None
        self._badges: tuple[Badge, ...] = ()

    @property
    def copy(self) -> FocusedCopy:
        """The copy whose pointer table is shown."""
        return self._copy

    @property
    def selection(self) -> Place | None:
        """The range that was picked."""
        return self._selection

    @property
    def hover(self) -> Place | None:
        """The range under the mouse."""
        return self._hover

    @property
    def badges(self) -> tuple[Badge, ...]:
        """The table rows that wear a number, in the order of their numbers."""
        return self._badges

    def set_copy(self, copy: FocusedCopy) -> None:
        """Look at another copy. Rows badged in the former copy's table lose their badges."""
        if copy != self._copy:
            self._copy = copy
            self.set_badges(())
            self.copy_changed.emit(copy)

    def select(self, place: Place | None) -> None:
        """Pick a range, or none."""
        if place != self._selection:
            self._selection = place
            self.selection_changed.emit(place)

    def set_hover(self, place: Place | None) -> None:
        """Say what is under the mouse."""
        if place != self._hover:
            self._hover = place
            self.hover_changed.emit(place)

    def set_badges(self, rows: Iterable[Badge]) -> None:
        """Badge the first ``BADGES_MAX`` of ``rows``, numbered anew from 1."""
        badges = tuple(
            row._replace(number=number)
            for number, row in zip(range(1, BADGES_MAX + 1), rows, strict=False)
        )
        if badges != self._badges:
            self._badges = badges
            self.badges_changed.emit(badges)
