# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Take, rename, mark and purge copies.

Taking one moves no data: a single range pair stands for everything.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from core.errors import (
    CopyInUseError,
    InvalidNameError,
    NameTakenError,
    NoSuchCopyError,
    TooManyCopiesError,
)
from core.events import EventFlag, EventKind
from core.format.catalog import (
    Change,
    CopyRecord,
    Dropped,
    Marked,
    PolicyRecord,
    PolicySet,
    Purged,
    Renamed,
    Took,
    pack_change,
)
from core.mapping.grainset import GrainSet
from core.session import ORIGINAL
from core.volume import handdown
from core.volume.catalog import COPIES_MAX
from core.volume.naming import check_wording
from core.volume.recover import active_grains_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.mapping.pointerrun import PointerRun
    from core.volume.state import VolumeState


def check_name(state: VolumeState, name: str) -> None:
    """See to it that ``name`` may be given to a copy.

    Raises:
        InvalidNameError: It may not, and why.
    """
    check_wording(name)
    taken = state.catalog.find(name)
    if taken is not None:
        hint = (
            "a deleted copy; purge or undelete that first, or choose another"
            if taken.deleted
            else "another copy; choose another"
        )
        raise NameTakenError(f"{name!r} is the name of {hint}.")


def check_room(state: VolumeState, name: str) -> None:
    """See to it that one more copy, called ``name``, may be taken.

    Raises:
        RangepairError: It may not, and why.
    """
    check_name(state, name)
    if len(state.catalog.copies) >= COPIES_MAX:
        raise TooManyCopiesError(f"A volume can have {COPIES_MAX} copies; purge some first.")


def take(state: VolumeState, name: str, source: str, *, writable: bool) -> CopyRecord:
    """Take an instant copy; durable on return.

    Raises:
        RangepairError: It was not taken; nothing has changed.
    """
    origin = state.copy_named(source)
    check_room(state, name)
    if origin is None and state.restore is not None and state.journal is not None:
        state.journal.checkpoint()  # see the head of core.volume.restore
    commit(
        state,
        Took(
            name=name,
            writable=writable,
            source_id=0 if origin is None else origin.id,
            created=time.time(),
        ),
    )
    if origin is None:
        state.preserved = GrainSet(state.grain_bytes)
    tell_taken(state, of_original=origin is None)
    copy = state.catalog.find(name)
    assert copy is not None
    return copy


def rename(state: VolumeState, name: str, new_name: str) -> None:
    """Give a copy another name."""
    copy = _existing(state, name)
    if new_name == name:
        return
    check_name(state, new_name)
    commit(state, Renamed(id=copy.id, name=new_name))
    _tell(state)


def mark(
    state: VolumeState,
    names: Sequence[str],
    *,
    locked: bool | None = None,
    deleted: bool | None = None,
) -> None:
    """Lock, unlock, soft-delete or undelete copies, all or none of them."""
    copies = [_existing(state, name) for name in dict.fromkeys(names)]
    if deleted:
        _refuse_kept(state, copies)
    if copies:
        ids = [copy.id for copy in copies]
        commit(state, Marked(ids=ids, locked=locked, deleted=deleted))
        _tell(state)


def purge(state: VolumeState, names: Sequence[str], *, hidden_only: bool = True) -> None:
    """Remove copies for good, soft-deleted ones if ``hidden_only``; all or none of them.

    Needs no free space and moves no data.
    """
    copies = [_existing(state, name) for name in dict.fromkeys(names)]
    _refuse_kept(state, copies)
    for copy in copies:
        if hidden_only and not copy.deleted:
            raise CopyInUseError(f"{copy.name!r} is not deleted; delete it first, then purge it.")
    if not copies:
        return
    _remove(state, Purged(ids=[copy.id for copy in copies]))


def drop(state: VolumeState, copy: CopyRecord) -> int:
    """Remove a copy because the additional area is full; return the bytes that this freed."""
    freed_bytes = _remove(state, Dropped(id=copy.id, when=time.time()))
    state.stats.dropped_copies += 1
    state.publish(EventKind.COPY_DROPPED, copy_id=copy.id, moved=freed_bytes)
    return freed_bytes


def set_policy(state: VolumeState, policy: PolicyRecord) -> None:
    """Let another policy for a full area hold from now on; durable on return."""
    assert state.area is not None
    commit(state, PolicySet(policy=policy))
    state.area.allocator.storage.limit_bytes = policy.area_limit_bytes
    _tell(state)


def _remove(state: VolumeState, change: Purged | Dropped) -> int:
    """Make a change durable that removes copies; return the bytes that are free now."""
    active = state.catalog.active
    freed_bytes = release(state, commit(state, change))
    if state.catalog.active is not active:  # else it has what it had: only older layers inherit
        active_grains_of(state)
    _tell(state)
    return freed_bytes


def release(state: VolumeState, freed: list[PointerRun]) -> int:
    """Free what a durable change left without a pointer; return the bytes."""
    assert state.area is not None
    starts, lengths = handdown.extents_of(freed)
    state.release(starts, lengths)
    state.area.allocator.commit_releases()
    return int(lengths.sum())


def _existing(state: VolumeState, name: str) -> CopyRecord:
    copy = state.catalog.find(name)
    if name == ORIGINAL:
        raise InvalidNameError(
            f"{ORIGINAL!r} is the live volume itself and no copy; name a copy instead."
        )
    if copy is None:
        raise NoSuchCopyError.named(name)
    return copy


def why_kept(state: VolumeState, copy: CopyRecord) -> str:
    """Return the sentence that says why a copy may not be removed; empty if it may."""
    if copy.locked:
        return f"{copy.name!r} is locked against deletion; unlock it first."
    restoring = state.catalog.restoring
    if restoring is not None and copy.id in {restoring.source_id, restoring.safety_id}:
        act = "restore" if restoring.safety_id else "separation"
        return f"{copy.name!r} is needed until the {act} under way is done; delete it then."
    return ""


def _refuse_kept(state: VolumeState, copies: Sequence[CopyRecord]) -> None:
    for copy in copies:
        if reason := why_kept(state, copy):
            raise CopyInUseError(reason)


def commit(state: VolumeState, change: Change) -> list[PointerRun]:
    """Make a change durable, then make it happen."""
    assert state.journal is not None
    state.journal.write_change(pack_change(change), makes_room=_makes_room(state, change))
    freed = state.catalog.apply(change)
    state.structure += 1
    if not isinstance(change, Took | Renamed | Marked | PolicySet):
        state.chain_edition += 1
    return freed


def _makes_room(state: VolumeState, change: Change) -> bool:
    """Return whether a change removes copies, begins to, or sets another limit of the area."""
    match change:
        case Purged() | Dropped():
            return True
        case Marked(deleted=True):
            assert state.journal is not None
            return not state.journal.log.is_left_to_removers
        case PolicySet(policy=policy):
            return policy.area_limit_bytes != state.catalog.policy.area_limit_bytes
        case _:
            return False


def tell_taken(state: VolumeState, *, of_original: bool = True) -> None:
    """Publish that a copy was taken."""
    _tell(state, EventFlag.FIRST_COPY if of_original else 0)


def _tell(state: VolumeState, flags: int = 0) -> None:
    state.publish(EventKind.CATALOG_CHANGED, flags=flags, moved=state.catalog.generation)
