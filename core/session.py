# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What can be done with an open volume, whoever holds it.

Two bodies keep this promise: ``core.engine.Volume``, in this process, and ``core.service.client``,
over the control socket of an engine process. The command line and the window are written against
this page alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from core.answers import (
        CopyInfo,
        Finding,
        MapAnswer,
        Mechanism,
        Ranges,
        Stats,
        TableAnswer,
        Usage,
        VolumeInfo,
    )
    from core.arrangement import Arrangement, InitialAnswer, PortionInfo, Rearranged
    from core.longwork import Promotion, Resized, RestorePlan, ScrubStep, SeparationPlan
    from core.spaceanswers import CompactStep, Holding, Policy, WhenFull

ORIGINAL = "original"
"""The reserved name of the live volume."""


class VolumeSession(Protocol):
    """An open volume. Every method may raise a ``core.errors.RangepairError`` and nothing else.

    ``copy`` is a copy's name, or ``"original"``. Offsets and lengths are bytes, multiples of 512,
    within the volume. A write returns when it is accepted, as a disk with a volatile cache accepts
    it; ``flush`` makes everything accepted so far durable.
    """

    def info(self) -> VolumeInfo:
        """Return the volume and its copies, soft-deleted ones included."""
        ...

    def read(self, offset: int, length: int, copy: str = ORIGINAL) -> bytes:
        """Return ``length`` bytes of ``copy`` at ``offset``."""
        ...

    def write(self, offset: int, payload: bytes, copy: str = ORIGINAL) -> None:
        """Write to the original or to a clone."""
        ...

    def trim(self, offset: int, length: int, copy: str = ORIGINAL) -> None:
        """Make a range read as zeroes; snapshots keep what it held."""
        ...

    def flush(self) -> None:
        """Make every accepted write durable."""
        ...

    def snapshot(self, name: str, of: str = ORIGINAL) -> CopyInfo:
        """Take a read-only instant copy of the original or of a clone. Durable on return."""
        ...

    def clone(self, name: str, of: str = ORIGINAL) -> CopyInfo:
        """Take a writable instant copy of the original, a snapshot or a clone; durable."""
        ...

    def rename(self, name: str, new_name: str) -> None:
        """Give a copy another name."""
        ...

    def delete(self, names: Sequence[str], *, now: bool = False) -> None:
        """Hide copies, to be purged later; ``now`` also purges them."""
        ...

    def undelete(self, names: Sequence[str]) -> None:
        """Show soft-deleted copies again."""
        ...

    def purge(self, names: Sequence[str]) -> None:
        """Remove soft-deleted copies for good; their pointers are handed down or freed."""
        ...

    def lock(self, names: Sequence[str], *, locked: bool = True) -> None:
        """Forbid (or allow again) deletion."""
        ...

    def compact_step(self) -> CompactStep:
        """Move data of the additional area nearer to its beginning, for a fraction of a second.

        Ask again until it is done. The volume takes writes meanwhile; to stop, ask no more.
        """
        ...

    def policy(self) -> Policy:
        """Return what happens to a write that the additional area has no room for."""
        ...

    def set_policy(
        self,
        *,
        when_full: WhenFull | None = None,
        timeout_s: float | None = None,
        area_limit_bytes: int | None = None,
        expendable: Sequence[str] | None = None,
    ) -> Policy:
        """Change that; what is None stays as it is. Durable on return."""

    def plan_restore(self, copy: str, safety: str = "") -> RestorePlan:
        """Return what restoring ``copy`` to the original would do, from pointers alone."""
        ...

    def restore(self, copy: str, safety: str = "") -> RestorePlan:
        """Make the original read as ``copy`` from now on; durable.

        A snapshot of the original is taken first, named ``safety`` or, if that is empty, as the
        answer says; where nothing differs nothing is done. What differs is moved in the background,
        as ``info().restoring`` tells. A restore still under way is finished first. The original
        gets the size of the copy, too.
        """
        ...

    def choose_mechanism(self, mechanism: Mechanism) -> None:
        """Choose where new data of the original goes from now on; durable.

        Back to copy-on-write it goes without more only while there is no new data in the
        additional area; else ``separate`` does that.
        """
        ...

    def plan_separation(self, view: str = ORIGINAL) -> SeparationPlan:
        """Return what bringing a view's new data home would move, from pointers alone."""
        ...

    def separate(self, view: str = ORIGINAL) -> SeparationPlan:
        """Bring new data of ``view`` home to the initial area; what others read there is kept.

        Every view reads as before from the first moment, durably; the data is moved in the
        background, as ``info().restoring`` tells. The original's is copied on write from then on.
        """
        ...

    def promote(self, copy: str) -> Promotion:
        """Copy the next batch of what ``copy`` still reads from the initial area.

        When the answer says that nothing is left, the copy needs the initial area no more, durably.
        """
        ...

    def resize(self, size_bytes: int, *, shrinks: bool = False) -> Resized:
        """Give the original another size; durable. Copies keep the size that they have.

        What is new reads as zeroes. With fewer bytes the original loses its end, for which
        ``shrinks`` must be true; what copies need of that is preserved.
        """
        ...

    def table(self, copy: str, start: int = 0, stop: int | None = None) -> TableAnswer:
        """Return the resolved pointer table of ``copy``, deleted or not, in ``[start, stop)``."""
        ...

    def map(self) -> MapAnswer:
        """Return what lies where in both areas."""
        ...

    def initial(self) -> InitialAnswer:
        """Return where in the image each range of the volume lies."""
        ...

    def rearrange(
        self, arrangement: Arrangement, start: int = 0, length: int | None = None, place: int = 0
    ) -> Rearranged:
        """Move one batch of the initial area; call it again until nothing is left.

        ``start`` and ``length`` name a range of the volume (to its end if left out), ``place`` a
        byte of the image; not every arrangement needs them. Durable on return.
        """
        ...

    def portions(self, copy: str = ORIGINAL) -> list[PortionInfo]:
        """Return all portions as ``copy`` has them; none if this is a volume of bytes."""
        ...

    def write_portion(self, number: int, payload: bytes, copy: str = ORIGINAL) -> None:
        """Write a portion as a whole. One of the original may get another size, durably then."""
        ...

    def diff(self, source: str, target: str = ORIGINAL) -> Ranges:
        """Return the ranges in which two views may differ, from pointers alone."""
        ...

    def allocation(self, copy: str = ORIGINAL) -> Ranges:
        """Return ranges outside of which ``copy`` reads as zeroes, from pointers and holes."""
        ...

    def holdings(self, offset: int, length: int) -> list[Holding]:
        """Return what lies in a range of the additional area, and which copies read it."""
        ...

    def usage(self, if_deleted: Sequence[str] = ()) -> Usage:
        """Return the space used, and what deleting copies would free, exactly."""
        ...

    def stats(self) -> Stats:
        """Return the live counters."""
        ...

    def check(self, *, structures: bool = False) -> list[Finding]:
        """Verify every invariant and checksum, or all but data; empty if the volume is clean."""
        ...

    def scrub_step(self, run: int = 0) -> ScrubStep:
        """Verify the next few MiB of what is kept for copies, while writes go on.

        Args:
            run: 0 begins a scrub; then the number that the answer names goes on with it. Who wants
                no more just stops asking. With the last step each copy has its result, durable
                where the volume may be written.
        """
        ...

    def dump(self) -> dict[str, object]:
        """Return superblock, catalog, layers and journal as plain values (for ``dump``)."""
        ...

    def pack(self, *, hides_names: bool = False) -> bytes:
        """Return the structures of the additional area, without data, as a bundle (for ``pack``).

        ``hides_names`` puts digests in the place of the names of copies and of the image.
        """
        ...

    def close(self) -> None:
        """Settle everything, mark the sidecar clean, release the locks. May be called twice."""
        ...

    def __enter__(self) -> Self:
        """Return self."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        ...
