# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Methods of ``core.service.client.RemoteVolume`` about which area a view has its data in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from core.service import messages as ask
from core.session import ORIGINAL

if TYPE_CHECKING:
    from core.answers import Mechanism
    from core.longwork import Promotion, SeparationPlan
    from core.service.client import RemoteVolume


def choose_mechanism(self: RemoteVolume, mechanism: Mechanism) -> None:
    """Choose where new data of the original goes from now on."""
    self._ask(ask.ChooseMechanism(mechanism))


def plan_separation(self: RemoteVolume, view: str = ORIGINAL) -> SeparationPlan:
    """Return what bringing a view's new data home would move, from pointers alone."""
    return cast("SeparationPlan", self._ask(ask.PlanSeparation(view)))


def separate(self: RemoteVolume, view: str = ORIGINAL) -> SeparationPlan:
    """Bring new data of ``view`` home to the initial area; what others read there is kept."""
    return cast("SeparationPlan", self._ask(ask.Separate(view)))


def promote(self: RemoteVolume, copy: str) -> Promotion:
    """Copy the next batch of what ``copy`` still reads from the initial area."""
    return cast("Promotion", self._ask(ask.Promote(copy)))
