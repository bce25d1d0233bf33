# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What happens to a write that the additional area has no room for: the policy of the volume.

Taking a copy counts as a write. A refused one has changed nothing, so it can be tried again. First
what is free but scattered is given back to the disk, for then the file may grow by as much. After
that the policy counts: the write is refused; or it waits, the lock released, for somebody to make
room; or copies are dropped that were marked as expendable, in the order given, each told as an
event, counted, and remembered by name. A copy is never dropped if it is locked, or if it is the one
that is written to, or taken a copy of.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

from core.engine.guarding import guarded
from core.engine.told import told
from core.errors import (
    AdditionalAreaFullError,
    AreaFullError,
    DeviceFailedError,
    NoSuchCopyError,
    UsageError,
)
from core.format.catalog import PolicyRecord
from core.session import ORIGINAL
from core.spaceanswers import DroppedCopy, Policy
from core.volume import takecopy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.engine.spacekeeper import SpaceKeeper
    from core.engine.volume import Volume
    from core.spaceanswers import WhenFull
    from core.volume.state import VolumeState

LOOK_AGAIN_S: Final = 0.1
"""A write that waits tries again so often; room may come from outside, unheard."""
TIMEOUT_S_MAX: Final = 86400.0
WAYS: Final = ("refuse", "wait", "drop")


class FullArea:
    """Tries writes of one volume again, as its policy says."""

    def __init__(
        self,
        state: VolumeState,
        lock: threading.RLock,
        keeper: SpaceKeeper,
        begin: Callable[[], None],
    ) -> None:
        """Work on ``state`` under ``lock``; ``begin`` is called before anything is tried again.

        It raises if the volume was closed, or takes no writes any more.
        """
        self._state = state
        self._keeper = keeper
        self._begin = begin
        self._room = threading.Condition(lock)
        self.are_in_use: list[Callable[[str], object]] = []

    def carry_out(self, act: Callable[[], object], copy: str) -> None:
        """Do ``act``, under the lock; again when there is room.

        ``copy`` is what is written to, or taken a copy of; it is not dropped for that.

        Raises:
            AreaFullError: There is none, and the policy knows no way.
            RangepairError: What else ``act`` raises.
        """
        deadline: float | None = None
        while True:
            try:
                act()
            except AdditionalAreaFullError as error:
                if not self._keeper.try_give_back():
                    way = self._state.catalog.policy.when_full
                    if way == "wait" and deadline is None:
                        deadline = time.monotonic() + self._state.catalog.policy.timeout_s
                        self._state.stats.room_waits += 1
                    if not (self._drop_next(copy) if way == "drop" else self._wait(deadline)):
                        raise AreaFullError(error.message) from error  # for good
                self._begin()
            except OSError as error:
                raise told(error) from error
            except DeviceFailedError:
                self._state.tell_failure()
                raise
            else:
                return

    def _wait(self, deadline: float | None) -> bool:
        """Let others in for a moment; return False if it is too late to try again."""
        left_s = 0.0 if deadline is None else deadline - time.monotonic()
        if left_s <= 0:
            return False
        self._room.wait(min(LOOK_AGAIN_S, left_s))
        return True

    def _drop_next(self, written: str) -> bool:
        """Drop the first expendable copy that may go; return False if there is none."""
        catalog = self._state.catalog
        for copy_id in catalog.policy.expendable:
            copy = catalog.copies.get(copy_id)
            if copy is None or copy.name == written or takecopy.why_kept(self._state, copy):
                continue
            if any(is_in_use(copy.name) for is_in_use in self.are_in_use):
                continue
            with contextlib.suppress(AdditionalAreaFullError):  # not even room to say so
                takecopy.drop(self._state, copy)
                return True
        return False


@guarded
def policy(self: Volume) -> Policy:
    """Return what happens to a write that the additional area has no room for."""
    catalog = self._state.catalog
    kept = catalog.policy
    return Policy(
        when_full=next((way for way in WAYS if way == kept.when_full), "refuse"),
        timeout_s=kept.timeout_s,
        area_limit_bytes=kept.area_limit_bytes,
        expendable=[catalog.copies[id_].name for id_ in kept.expendable if id_ in catalog.copies],
        dropped=[DroppedCopy(name=copy.name, when=copy.when) for copy in kept.dropped],
    )


@guarded
def set_policy(
    self: Volume,
    *,
    when_full: WhenFull | None = None,
    timeout_s: float | None = None,
    area_limit_bytes: int | None = None,
    expendable: Sequence[str] | None = None,
) -> Policy:
    """Change the policy; what is None stays as it is. Durable on return."""
    self._begin_writing()
    _check(when_full, timeout_s, area_limit_bytes)
    if self._state.area is None:
        self.add_area()
    kept = self._state.catalog.policy
    takecopy.set_policy(
        self._state,
        PolicyRecord(
            when_full=kept.when_full if when_full is None else when_full,
            timeout_s=kept.timeout_s if timeout_s is None else float(timeout_s),
            area_limit_bytes=(
                kept.area_limit_bytes if area_limit_bytes is None else area_limit_bytes
            ),
            expendable=kept.expendable if expendable is None else _ids(self._state, expendable),
        ),
    )
    return self.policy()


def _check(
    when_full: WhenFull | None, timeout_s: float | None, area_limit_bytes: int | None
) -> None:
    if when_full is not None and when_full not in WAYS:
        raise UsageError(f"{when_full!r} is no policy for a full area; choose {' or '.join(WAYS)}.")
    if timeout_s is not None and not 0 <= timeout_s <= TIMEOUT_S_MAX:
        raise UsageError(
            f"A write cannot wait for {timeout_s} s; choose from 0 to {TIMEOUT_S_MAX:.0f} s."
        )
    if area_limit_bytes is not None and area_limit_bytes < 0:
        raise UsageError("The additional area cannot be allowed less than nothing; 0 is no limit.")


def _ids(state: VolumeState, names: Sequence[str]) -> list[int]:
    copies = {name: state.catalog.find(name) for name in dict.fromkeys(names)}
    for name, copy in copies.items():
        if name == ORIGINAL:
            raise UsageError("The original is never dropped; name copies that may be.")
        if copy is None:
            raise NoSuchCopyError.named(name)
    return [copy.id for copy in copies.values() if copy is not None]
