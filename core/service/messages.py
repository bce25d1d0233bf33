# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What clients ask an engine process, and what it answers: one typed struct each.

Every request that mirrors a method of ``core.session.VolumeSession`` carries the method's name and
parameters, so both ends stay one generic line. Requests are validated as they are decoded: a wrong
type, an unknown field or an unknown request never reaches the engine.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from core import answers, longwork, spaceanswers
from core.service.attaching import Attach, Detach, ListAttached
from core.service.hosting import (
    Hello,
    KeepServing,
    Shutdown,
    StartWorkload,
    StopWorkload,
    Subscribe,
    WorkloadStatus,
)
from core.service.mapmessages import Initial, Portions, Rearrange, WritePortion
from core.service.request import Bulk, Request
from core.service.servingmessages import ServingStatus, StartServing, StayServing, StopServing

PROTOCOL_VERSION: Final = 5
CHUNK_BYTES_MAX: Final = 4 << 20
"""Longest read or write in one request; clients cut longer ones."""


class Info(Request, tag="info"):
    """The volume and its copies."""

    method = "info"
    answer = answers.VolumeInfo


class Read(Request, tag="read"):
    """Bytes of a view."""

    method = "read"
    answer = Bulk
    offset: int
    length: Annotated[int, msgspec.Meta(le=CHUNK_BYTES_MAX)]
    copy: str


class Write(Request, tag="write"):
    """Bytes for the original or a clone."""

    method = "write"
    offset: int
    payload: Bulk
    copy: str


class Trim(Request, tag="trim"):
    """A range that shall read as zeroes."""

    method = "trim"
    offset: int
    length: int
    copy: str


class Flush(Request, tag="flush"):
    """Make everything accepted durable."""

    method = "flush"


class Snapshot(Request, tag="snapshot"):
    """Take a read-only copy."""

    method = "snapshot"
    answer = answers.CopyInfo
    name: str
    of: str


class Clone(Request, tag="clone"):
    """Take a writable copy."""

    method = "clone"
    answer = answers.CopyInfo
    name: str
    of: str


class Rename(Request, tag="rename"):
    """Give a copy another name."""

    method = "rename"
    name: str
    new_name: str


class Delete(Request, tag="delete"):
    """Hide copies; with ``now`` remove them."""

    method = "delete"
    names: list[str]
    now: bool


class Undelete(Request, tag="undelete"):
    """Show hidden copies again."""

    method = "undelete"
    names: list[str]


class Purge(Request, tag="purge"):
    """Remove hidden copies."""

    method = "purge"
    names: list[str]


class Lock(Request, tag="lock"):
    """Forbid or allow deletion."""

    method = "lock"
    names: list[str]
    locked: bool


class CompactStep(Request, tag="compact-step"):
    """Compact the additional area for a fraction of a second."""

    method = "compact_step"
    answer = spaceanswers.CompactStep


class Policy(Request, tag="policy"):
    """What happens when the additional area is full."""

    method = "policy"
    answer = spaceanswers.Policy


class SetPolicy(Request, tag="set-policy"):
    """Change that; None leaves a part as it is."""

    method = "set_policy"
    answer = spaceanswers.Policy
    when_full: spaceanswers.WhenFull | None
    timeout_s: float | None
    area_limit_bytes: int | None
    expendable: list[str] | None


class PlanRestore(Request, tag="plan-restore"):
    """What restoring a copy would do."""

    method = "plan_restore"
    answer = longwork.RestorePlan
    copy: str
    safety: str


class Restore(Request, tag="restore"):
    """Make the original equal to a copy."""

    method = "restore"
    answer = longwork.RestorePlan
    copy: str
    safety: str


class ChooseMechanism(Request, tag="choose-mechanism"):
    """Where new data of the original goes."""

    method = "choose_mechanism"
    mechanism: answers.Mechanism


class PlanSeparation(Request, tag="plan-separation"):
    """What bringing a view's new data home would move."""

    method = "plan_separation"
    answer = longwork.SeparationPlan
    view: str


class Separate(Request, tag="separate"):
    """Bring a view's new data home."""

    method = "separate"
    answer = longwork.SeparationPlan
    view: str


class Promote(Request, tag="promote"):
    """Make a copy a little more independent of the initial area."""

    method = "promote"
    answer = longwork.Promotion
    copy: str


class Resize(Request, tag="resize"):
    """Give the original another size."""

    method = "resize"
    answer = longwork.Resized
    size_bytes: int
    shrinks: bool


class Table(Request, tag="table"):
    """A copy's pointers within a range."""

    method = "table"
    answer = answers.TableAnswer
    copy: str
    start: int
    stop: int | None


class Map(Request, tag="map"):
    """Both areas."""

    method = "map"
    answer = answers.MapAnswer


class Diff(Request, tag="diff"):
    """Ranges in which two views may differ."""

    method = "diff"
    answer = answers.Ranges
    source: str
    target: str


class Allocation(Request, tag="allocation"):
    """Ranges outside of which a view reads as zeroes."""

    method = "allocation"
    answer = answers.Ranges
    copy: str


class Holdings(Request, tag="holdings"):
    """Who reads a range of the additional area."""

    method = "holdings"
    answer = list[spaceanswers.Holding]
    offset: int
    length: int


class Usage(Request, tag="usage"):
    """Space, and what deleting would free."""

    method = "usage"
    answer = answers.Usage
    if_deleted: list[str]


class Stats(Request, tag="stats"):
    """The live counters."""

    method = "stats"
    answer = answers.Stats


class Check(Request, tag="check"):
    """Verify everything, or all but data."""

    method = "check"
    answer = list[answers.Finding]
    structures: bool


class ScrubStep(Request, tag="scrub-step"):
    """Verify some more of what is kept for copies; ``run`` 0 begins anew."""

    method = "scrub_step"
    answer = longwork.ScrubStep
    run: int


class Dump(Request, tag="dump"):
    """The sidecar's structures as plain values."""

    method = "dump"
    answer = dict[str, Any]


class Pack(Request, tag="pack"):
    """The sidecar's structures as a bundle."""

    method = "pack"
    answer = bytes
    hides_names: bool


AnyRequest = (
    Info | Read | Write | Trim | Flush | Snapshot | Clone | Rename | Delete | Undelete | Purge
    | Lock | CompactStep | Policy | SetPolicy | PlanRestore | Restore | Promote | Resize
    | ChooseMechanism | PlanSeparation | Separate
    | Table | Map | Initial | Rearrange | Portions | WritePortion
    | Diff | Allocation | Holdings | Usage | Stats | Check | ScrubStep | Dump | Pack
    | Attach | Detach | ListAttached
    | Hello | Subscribe | KeepServing | StartWorkload | StopWorkload | WorkloadStatus | Shutdown
    | StartServing | StayServing | StopServing | ServingStatus
)  # fmt: skip


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The request was carried out."""

    value: msgspec.Raw


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The request was refused: a code of ``core.errors`` and the sentence for the user."""

    code: str
    message: str
