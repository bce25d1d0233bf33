# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which exports there are: the original, and every copy that is not deleted, by name.

The volume is asked each time, so a copy is an export from the moment it is taken. An export that
was found stays with its copy: under another name, and with errors once the copy is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from core.events import ORIGINAL_ID
from core.nbd import protocol as nbd
from core.nbd.metacontexts import (
    ALLOCATION,
    CHANGED,
    OWNER,
    AllocationContext,
    ChangedContext,
    MetaContext,
    OwnerContext,
)
from core.session import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.engine import Volume
    from core.engine.views import ShownView, View
    from core.format.block import Readable

PREFERRED_BYTES_MIN: Final = 4096


class Export(Protocol):
    """One export, as a session drives it. Ranges it is given are checked already.

    Attributes:
        id: Of the view; see ``core.engine.views.ShownView``.
        size_bytes: Of the view, when the client chose it.
        preferred_bytes: Block size that costs least; a power of two.
        is_read_only, can_discard: What the client is told, and held to.
    """

    id: int
    name: str
    description: str
    size_bytes: int
    preferred_bytes: int
    is_read_only: bool
    can_discard: bool

    def try_read(self, offset: int, target: memoryview, /) -> bool:
        """Fill ``target``; False, and it is not filled, if that would wait for a disk."""
        ...

    def read_into(self, offset: int, target: memoryview, /) -> None:
        """Fill ``target``, however long that takes."""
        ...

    def advise(self, offset: int, length: int, /) -> None:
        """Tell that a range is read soon."""
        ...

    @property
    def write(self) -> Callable[[int, memoryview], None]:
        """Write; as an attribute, because every call in between counts."""
        ...

    def trim(self, offset: int, length: int, /) -> None:
        """Make a range read as zeroes."""
        ...

    def begin_flush(self) -> Callable[[], None] | None:
        """Begin to make every accepted write durable, whoever made it.

        Returns:
            What does the rest, from any thread; None if all is done.
        """
        ...

    def context_names(self) -> list[str]:
        """Return the names of all metadata contexts."""
        ...

    def context(self, name: str) -> MetaContext | None:
        """Return the metadata context of exactly this name."""
        ...


class Listed(NamedTuple):
    """An export in the list that clients may ask for."""

    name: str
    description: str


class ExportTable(Protocol):
    """All exports at any moment."""

    def listed(self) -> list[Listed]:
        """Return all exports, once each."""
        ...

    def find(self, name: str) -> Export | None:
        """Return the export of this name; the empty one is the default export's."""
        ...

    def is_claimed(self, export: Export, /) -> bool:
        """Return whether nobody may choose this export now."""
        ...


class VolumeExports:
    """The exports of an open volume."""

    def __init__(
        self,
        volume: Volume,
        *,
        read_only: bool = False,
        is_claimed: Callable[[int], bool] = lambda _view_id: False,
    ) -> None:
        """Export ``volume``.

        Args:
            volume: Whose views are exported.
            read_only: Without any way to write to it.
            is_claimed: Whether the view of an id is just being changed as a whole.
        """
        self._volume = volume
        self._read_only = read_only
        self._is_claimed = is_claimed

    def listed(self) -> list[Listed]:
        """Return the original and all copies."""
        return [Listed(shown.name, _description(shown)) for shown in self._volume.shown_views()]

    def find(self, name: str) -> VolumeExport | None:
        """Return the export of this name; ``""`` is the original."""
        wanted = name or ORIGINAL
        for shown in self._volume.shown_views():
            if shown.name == wanted:
                return VolumeExport(self._volume, shown, read_only=self._read_only)
        return None

    def is_claimed(self, export: Export) -> bool:
        """Return whether nobody may choose this export now."""
        return self._is_claimed(export.id)


class VolumeExport:
    """The original or one copy; see ``Export``."""

    def __init__(self, volume: Volume, shown: ShownView, *, read_only: bool) -> None:
        """Export the view."""
        self._volume = volume
        self._view: View = volume.view(shown.id)
        self.id = shown.id
        self.name = shown.name
        self.description = _description(shown)
        self.size_bytes = self._view.size_bytes
        self.preferred_bytes = max(self._view.grain_bytes, PREFERRED_BYTES_MIN)
        self.is_read_only = read_only or not shown.takes_writes
        self.can_discard = not (self.is_read_only or self._view.has_portions)
        self._is_snapshot = shown.id != ORIGINAL_ID and not shown.is_clone
        self.try_read = self._view.try_read
        self.read_into = self._view.read_into
        self.advise = self._view.advise
        # The shortest way there is: a write to the original costs no call in between.
        self.write: Callable[[int, Readable], None] = (
            volume.write if shown.id == ORIGINAL_ID else self._view.write
        )
        self.trim = self._view.trim
        self.begin_flush = self._view.begin_flush

    def context_names(self) -> list[str]:
        """Return the names of all metadata contexts: two, and one for each snapshot."""
        changed = [CHANGED + shown.name for shown in self._others() if not shown.is_clone]
        return [ALLOCATION, OWNER, *changed]

    def context(self, name: str) -> MetaContext | None:
        """Return the metadata context of exactly this name."""
        if name == ALLOCATION:
            return AllocationContext(self._view, is_fixed=self._is_snapshot)
        if name == OWNER:
            return OwnerContext(self._view)
        if name.startswith(CHANGED):
            for shown in self._others():
                if name == CHANGED + shown.name:
                    return ChangedContext(self._view, name, shown.id)
        return None

    def _others(self) -> list[ShownView]:
        """Return the copies that this view may be compared with."""
        shown_views = self._volume.shown_views()
        return [shown for shown in shown_views if shown.id not in {ORIGINAL_ID, self._view.id}]


def _description(shown: ShownView) -> str:
    if shown.id == ORIGINAL_ID:
        return "the original, live"
    return "clone" if shown.is_clone else "snapshot, read-only"


def transmission_flags(export: Export, *, is_structured: bool) -> int:
    """Return what the client is told that it may do with the export."""
    flags = nbd.HAS_FLAGS | nbd.SEND_FLUSH | nbd.SEND_FUA | nbd.CAN_MULTI_CONN | nbd.SEND_CACHE
    if export.is_read_only:
        flags |= nbd.READ_ONLY
    if export.can_discard:
        flags |= nbd.SEND_TRIM | nbd.SEND_WRITE_ZEROES | nbd.SEND_FAST_ZERO
    return flags | nbd.SEND_DF if is_structured else flags
