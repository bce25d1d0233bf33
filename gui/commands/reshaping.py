# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Acts on the volume as a whole: its size, where new data goes, what happens when it is full."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from typing_extensions import override

from core.errors import RangepairError
from core.session import ORIGINAL
from core.units import format_bytes
from gui.commands.catalog import CatalogStep
from gui.commands.resizing import GrowStep, ShrinkStep, outlook

if TYPE_CHECKING:
    from core.answers import Mechanism
    from core.longwork import Resized, SeparationPlan
    from core.session import VolumeSession
    from core.spaceanswers import Policy
    from gui.bridge.link import EngineLink
    from gui.commands.acts import Acts


@dataclass(frozen=True, slots=True)
class SeparationOffer:
    """What bringing a view's new data home would move, before anybody agrees to it."""

    plan: SeparationPlan

    @property
    def question(self) -> str:
        """The dialog's bold line."""
        whose = "the original" if self.plan.view == ORIGINAL else f"'{self.plan.view}'"
        return f"Bring new data of {whose} home?"

    @property
    def consequence(self) -> str:
        """The dialog's text."""
        home, kept = format_bytes(self.plan.home_bytes), format_bytes(self.plan.kept_bytes)
        what = f"{home} go to the image; of what is there, {kept} are kept for others first."
        then = "The image is the original again, and from then on it is copied on write."
        if self.plan.view != ORIGINAL:
            then = (
                f"The image is '{self.plan.view}' then; the original is read through the additional"
                " area, as before."
            )
        rest = f" The others still read {format_bytes(self.plan.rest_bytes)} of the image."
        return f"{what} {then} Every view reads as it does now, from the first moment.{rest}"


class MechanismStep(CatalogStep):
    """New data of the original goes elsewhere. The way back works until there is some."""

    def __init__(self, text: str, ways: tuple[Mechanism, Mechanism], doer: Acts) -> None:
        super().__init__(text, (), doer)
        self._before, self._after = ways

    @override
    def forward(self, session: VolumeSession, names: list[str]) -> None:
        session.choose_mechanism(self._after)

    @override
    def backward(self, session: VolumeSession, names: list[str]) -> None:
        session.choose_mechanism(self._before)


class PolicyStep(CatalogStep):
    """Another thing happens when the area is full. Copies purged meanwhile are left out."""

    def __init__(self, text: str, policies: tuple[Policy, Policy], doer: Acts) -> None:
        super().__init__(text, (), doer)
        self._before, self._after = policies

    @override
    def forward(self, session: VolumeSession, names: list[str]) -> None:
        put(session, self._after)

    @override
    def backward(self, session: VolumeSession, names: list[str]) -> None:
        put(session, self._before)


def put(session: VolumeSession, policy: Policy) -> Policy:
    """Put a policy in force, with the expendable copies that are still there."""
    there = {copy.name for copy in session.info().copies}
    return session.set_policy(
        when_full=policy.when_full,
        timeout_s=policy.timeout_s,
        area_limit_bytes=policy.area_limit_bytes,
        expendable=[name for name in policy.expendable if name in there],
    )


class Reshaper(QObject):
    """Asks the engine, makes it undoable where there is a way back, and tells; see ``Acts``."""

    resize_planned = Signal(object)
    """ResizeOutlook: ask, then call ``resize``."""
    separation_planned = Signal(object)
    """SeparationOffer: ask, then call ``separate``."""

    def __init__(self, link: EngineLink, acts: Acts) -> None:
        """Use the undo stack of ``acts``."""
        super().__init__(acts)
        self._link = link
        self._acts = acts

    def plan_resize(self) -> None:
        """Find out how the volume is; ``resize_planned`` brings the answer."""
        self._link.query(outlook, self.resize_planned.emit, self._acts.refused.emit)

    def resize(self, before_bytes: int, size_bytes: int, *, is_safe: bool = True) -> None:
        """Give the volume another size; a smaller one after a snapshot, if it is to be safe."""
        is_smaller = size_bytes < before_bytes
        safety = self._acts.free_name("before-resize") if is_smaller and is_safe else ""

        def work(session: VolumeSession) -> tuple[Resized, int]:
            if not safety:
                return session.resize(size_bytes, shrinks=is_smaller), 0
            taken = session.snapshot(safety)
            try:
                return session.resize(size_bytes, shrinks=True), taken.id
            except RangepairError:
                with contextlib.suppress(RangepairError):  # the reason is told, not this
                    session.delete([safety], now=True)
                raise

        def done(answer: object) -> None:
            told: tuple[Resized, int] = answer  # type: ignore[assignment]
            self._resized(told[0], safety, told[1])

        self._link.act(work, done, self._acts.refused.emit)

    def _resized(self, resized: Resized, safety: str, safety_id: int) -> None:
        before, size = resized.before_bytes, resized.size_bytes
        told = f"The volume has {format_bytes(size)} now, {format_bytes(before)} before"
        step: CatalogStep | None = None
        if size > before:
            step = GrowStep(f"Resize to {format_bytes(size)}", (before, size), self._acts)
        elif safety:
            told += f"; '{safety}' keeps what was"
            step = ShrinkStep(f"Resize to {format_bytes(size)}", size, safety_id, self._acts)
        if step is not None:
            self._acts.stack.push(step)
        self._acts.done.emit(told, step is not None)

    def choose_mechanism(self, before: Mechanism, after: Mechanism) -> None:
        """Send new data of the original elsewhere from now on."""

        def done(_answer: object) -> None:
            step = MechanismStep(f"Change to {after}", (before, after), self._acts)
            self._acts.stack.push(step)
            self._acts.done.emit(f"New data of the original: {after} from now on", True)

        self._link.act(lambda session: session.choose_mechanism(after), done, self._refuse)

    def plan_separation(self, view: str) -> None:
        """Find out what bringing a view home would move; ``separation_planned`` answers."""
        self._link.query(
            lambda session: SeparationOffer(session.plan_separation(view)),
            self.separation_planned.emit,
            self._refuse,
        )

    def separate(self, offer: SeparationOffer) -> None:
        """Begin to bring a view's new data home; the status bar tells how far it is."""
        view = offer.plan.view
        whose = "the original" if view == ORIGINAL else f"'{view}'"

        def done(_answer: object) -> None:
            self._acts.done.emit(f"New data of {whose} goes home", False)

        self._link.act(lambda session: session.separate(view), done, self._refuse)

    def set_policy(self, policy: Policy) -> None:
        """Change what happens when the additional area is full."""

        def work(session: VolumeSession) -> tuple[Policy, Policy]:
            return session.policy(), put(session, policy)

        def done(answer: object) -> None:
            policies: tuple[Policy, Policy] = answer  # type: ignore[assignment]
            self._acts.stack.push(PolicyStep("Change policy", policies, self._acts))
            self._acts.done.emit("The policy for a full area is changed", True)

        self._link.act(work, done, self._refuse)

    def _refuse(self, error: RangepairError) -> None:
        self._acts.refused.emit(error)
