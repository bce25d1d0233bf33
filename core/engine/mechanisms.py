# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which mechanism an open volume follows, and separation; methods of ``Volume``.

Copy-on-write: new data of the original goes to the initial area, over what was copied.
Redirect-on-write: it goes beside what has a full pointer; see ``core.volume.redirecting``.
Always-additional: it goes to the additional area as a clone's does; see ``core.volume.heads``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.engine import restores
from core.engine.guarding import beside, guarded
from core.errors import CopyInUseError, InvalidRangeError, UsageError
from core.session import ORIGINAL
from core.units import format_bytes
from core.volume import mechanism as mechanisms
from core.volume.moment import moment_of

if TYPE_CHECKING:
    from core.answers import Mechanism
    from core.engine.volume import Volume
    from core.format.catalog import CopyRecord
    from core.longwork import SeparationPlan
    from core.volume.state import VolumeState


def choose_mechanism(self: Volume, mechanism: Mechanism) -> None:
    """Choose where new data of the original goes from now on; see ``core.session``.

    A restore that is still under way is finished before.
    """
    while True:
        while restores.take_step(self):
            continue
        if _choose(self, mechanism):
            return


@guarded
def _choose(self: Volume, mechanism: Mechanism) -> bool:
    """Choose, unless a restore began since the last was finished; then return False."""
    state = self._state
    if state.restore is not None:
        return False
    if mechanism != "copy-on-write":
        _refuse(state, mechanism)
    self._begin_writing()
    head = state.catalog.head
    if mechanism == "always-additional":
        if head is None:
            if state.area is None:
                self.add_area()
            mechanisms.set_redirects(state, redirects=False)
            mechanisms.redirect(state)
        return True
    if head is not None:
        _bring_home(state, head)
    if mechanism == "redirect-on-write" and state.area is None:
        self.add_area()
    mechanisms.set_redirects(state, redirects=mechanism == "redirect-on-write")
    return True


def _refuse(state: VolumeState, mechanism: Mechanism) -> None:
    """Refuse a mechanism that the volume cannot have.

    Raises:
        InvalidRangeError: It cannot, and why.
    """
    if state.portion_count:
        raise InvalidRangeError(
            "A volume of portions is always copied on write, for a portion of another size needs a "
            "place in the initial area."
        )
    if mechanism == "redirect-on-write" and state.initial is None:
        raise InvalidRangeError(
            "The image is a plain raw image, in which an original cannot be kept beside what "
            "overwrites it; convert it first with 'rangepair convert IMAGE --to full-pointer'."
        )
    if mechanism == "always-additional" and state.catalog.has_other_sizes:
        raise InvalidRangeError(
            "There are copies of other sizes than the volume's, so it must be copied on write; "
            "purge them, or give the volume their size."
        )


def _bring_home(state: VolumeState, head: CopyRecord) -> None:
    """Give up the original's head, of which nothing is to be moved.

    Raises:
        CopyInUseError: Something is.
    """
    plan = _plan(state, head)
    if plan.home_bytes:
        raise CopyInUseError(
            f"The original has {format_bytes(plan.home_bytes)} of new data in the additional "
            "area; 'rangepair separate IMAGE' brings it home, and from then on the original is "
            "copied on write."
        )
    mechanisms.separate(state, head)


@beside
def plan_separation(self: Volume, view: str = ORIGINAL) -> SeparationPlan:
    """Return what bringing a view's new data home would move, from pointers alone."""
    _, moment = self._look(lambda _: None)
    return mechanisms.plan(moment, _view(moment, view))


def separate(self: Volume, view: str = ORIGINAL) -> SeparationPlan:
    """Bring new data of ``view`` home to the initial area; see ``core.session``.

    A restore that is still under way is finished before.
    """
    while True:
        while restores.take_step(self):
            continue
        plan = _separate(self, view)
        if plan is not None:
            return plan


@guarded
def _separate(self: Volume, view: str) -> SeparationPlan | None:
    """Begin, unless a restore began since the last was finished; then return None."""
    state = self._state
    if state.restore is not None:
        return None
    record = _view(state, view)
    plan = _plan(state, record)
    self._begin_writing()
    mechanisms.separate(state, record)
    self._mover.wake()
    return plan


def _plan(state: VolumeState, view: CopyRecord) -> SeparationPlan:
    moment = moment_of(state)
    return mechanisms.plan(moment, moment.catalog.views[view.id])


def _view(state: VolumeState, name: str) -> CopyRecord:
    """Return the view of this name.

    Raises:
        RangepairError: There is none, or there is nothing to separate.
    """
    view = state.copy_named(name)
    if state.catalog.head is None or view is None:
        raise UsageError(
            "The original is copied on write, so its data is in the initial area and there is "
            "nothing to separate; 'rangepair mechanism IMAGE always-additional' chooses otherwise."
        )
    return view
