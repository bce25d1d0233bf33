# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Requests about how the initial area lies in the image."""

from __future__ import annotations

from core import arrangement as laid
from core.service.request import Bulk, Request


class Initial(Request, tag="initial"):
    """The map of the initial area."""

    method = "initial"
    answer = laid.InitialAnswer


class Rearrange(Request, tag="rearrange"):
    """Move one batch of the initial area."""

    method = "rearrange"
    answer = laid.Rearranged
    arrangement: laid.Arrangement
    start: int
    length: int | None
    place: int


class Portions(Request, tag="portions"):
    """The portions of a view."""

    method = "portions"
    answer = list[laid.PortionInfo]
    copy: str


class WritePortion(Request, tag="write-portion"):
    """A portion as a whole, perhaps of another size."""

    method = "write_portion"
    number: int
    payload: Bulk
    copy: str
