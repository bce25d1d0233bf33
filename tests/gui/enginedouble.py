# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A naive engine in memory: a real catalog, one pointer per 4 KiB grain, real events.

Slow and obvious on purpose. It keeps the promises of ``core.session`` that the window relies on and
lets a test hold an answer back, break a call or end the engine at will.
"""

from __future__ import annotations

import itertools
import threading
import time

import msgspec
import numpy as np

from core.answers import (
    AreaExtents,
    AreaState,
    CopyInfo,
    MapAnswer,
    PointerColumns,
    PointerKind,
    Ranges,
    Stats,
    TableAnswer,
    Usage,
    VolumeInfo,
)
from core.attached import AttachedView
from core.errors import (
    CopyInUseError,
    EngineGoneError,
    InvalidNameError,
    NameTakenError,
    NoSuchCopyError,
    UsageError,
)
from core.events import EVENT_DTYPE, EventFlag, EventKind
from core.longwork import Promotion, Resized, RestorePlan, ScrubStep, SeparationPlan
from core.serving import Serving
from core.spaceanswers import CompactStep, Policy
from core.units import MIB

GRAIN = 4096
AREA_HEAD = 64 << 10


class SessionDouble:
    """Both sessions and the connection in one."""

    def __init__(self, image="/images/disk.img", size=4 * MIB):
        self.image = image
        self.size = size
        self.mutex = threading.RLock()
        self.copies = {}
        self.order = []
        self.tables = {}  # copy id -> {grain: (area offset, PointerKind)}
        self.ids = itertools.count(1)
        self.seq = 0
        self.generation = 0
        self.next_offset = AREA_HEAD
        self.pending = []
        self.lost = 0
        self.alive = True
        self.read_only = False
        self.notice = ""
        self.closed = 0
        self.refuse_next = None
        self.gate = None  # threading.Event: calls wait for it
        self.workload = None
        self.needs_consent = None
        self.phase = ""
        self.calls = []
        self.counters = Stats()
        self.known = {}  # copy id -> fields of CopyInfo that a scrub or a change from outside sets
        self.changed_ranges = []
        self.damage = {}  # copy id -> ranges that the next scrub finds
        self.scrub_steps = 3
        self.servings = []
        self.views = []
        self.wishes = []  # what was asked of the connection
        self.kept_policy = Policy(
            when_full="refuse", timeout_s=30.0, area_limit_bytes=0, expendable=[], dropped=[]
        )
        self.mechanism = "copy-on-write"
        self.new_bytes = 0  # new data of the original in the additional area
        self.data = [(0, 1 * MIB)]  # where the original is not all zeroes
        self.promoted = []
        self.room_bytes = 1 << 40
        self.full_in_seconds = None
        self.compactions = 0
        self.is_kept = False
        self.restoring = None
        self.restored = []  # names of copies, in the order in which the original was made so

    # -- connection -----------------------------------------------------------------------

    acts = property(lambda self: self)
    queries = property(lambda self: self)

    def drain(self):
        with self.mutex:
            events = (
                np.array(self.pending, EVENT_DTYPE) if self.pending else np.empty(0, EVENT_DTYPE)
            )
            self.pending.clear()
            lost, self.lost = self.lost, 0
        return events, lost

    def start_workload(self, kind, rate, params):
        self._enter("start_workload")
        if self.needs_consent is not None and not params.get("allow_overwrite"):
            raise self.needs_consent
        self.workload = (kind, rate, dict(params))

    def stop_workload(self):
        self._enter("stop_workload")
        self.workload = None

    def workload_status(self):
        self._enter("workload_status")
        if self.workload is None:
            return None
        return {"kind": self.workload[0], "running": True, "error": None, "phase": self.phase}

    def serve(self, wish):
        self._enter("serve")
        uri = "nbd+unix:///?socket=/run/disk.nbd"
        if wish.host:
            uri = f"nbd{'s' * bool(wish.tls)}://{wish.host}:{wish.port}/"
        self.servings.append(
            Serving(
                uri=uri, read_only=wish.read_only, tls=bool(wish.tls), stays=False, clients=[]
            )
        )  # fmt: skip
        self.wishes.append(wish)
        return self.servings[-1]

    def serving(self):
        self._enter("serving")
        return list(self.servings)

    def stop_serving(self, uri=""):
        self._enter("stop_serving")
        self.servings[:] = [each for each in self.servings if uri not in {"", each.uri}]

    def attach(self, wish):
        self._enter("attach")
        self.wishes.append(wish)
        copy, mount = wish.copy, wish.mount
        self.views.append(
            AttachedView(
                image=self.image, copy=copy, way=["fuse", "loop"], file=f"/run/{copy}",
                loop="/dev/loop7", mount=mount, filesystem="ext4" * bool(mount),
                read_only=copy != "original" or wish.read_only, notices=["A notice."] * bool(mount),
            )
        )  # fmt: skip

    def attached(self):
        self._enter("attached")
        return list(self.views)

    def detach(self, copy):
        self._enter("detach")
        self.views[:] = [view for view in self.views if copy not in {None, view.copy}]

    def keep_serving(self):
        self._enter("keep_serving")
        self.is_kept = True

    def is_alive(self):
        return self.alive

    def close(self):
        self.closed += 1

    # -- session --------------------------------------------------------------------------

    def _enter(self, call):
        self.calls.append(call)
        if self.gate is not None:
            assert self.gate.wait(10)
        if not self.alive:
            raise EngineGoneError("The engine process ended; open the volume again.")
        error, self.refuse_next = self.refuse_next, None
        if error is not None:
            raise error

    def _publish(self, kind, copy_id=0, start=0, length=0, moved=0, offset=0, flags=0):
        self.seq += 1
        row = (self.seq, kind, flags, copy_id, start, length, moved, offset, time.time_ns(), 0)
        self.pending.append(row)

    def _catalog_changed(self, flags=0):
        self.generation += 1
        self._publish(EventKind.CATALOG_CHANGED, moved=self.generation, flags=flags)

    def info(self):
        self._enter("info")
        with self.mutex:
            return VolumeInfo(
                image=self.image, size=self.size, grain=GRAIN, thin=False,
                area=self.image + ".rangepair", uuid="u", read_only=self.read_only,
                generation=self.generation, event_seq=self.seq,
                copies=[self._copy_info(copy_id) for copy_id in self.order], notice=self.notice,
                changed_ranges=self.changed_ranges,
                restoring=self.restoring, mechanism=self.mechanism, original=self._original(),
            )  # fmt: skip

    def _original(self):
        if self.mechanism != "always-additional":
            return None
        return CopyInfo(
            name="original", id=0, kind="original", parent="", created=0.0, locked=False,
            own_bytes=self.new_bytes, shared_bytes=self.size, pointers=0, range_pairs=1,
        )  # fmt: skip

    def _copy_info(self, copy_id):
        kept = self.copies[copy_id]
        count = len(self.tables[copy_id])
        return CopyInfo(
            **kept, id=copy_id, own_bytes=count * GRAIN, shared_bytes=self.size - count * GRAIN,
            pointers=count, range_pairs=count + 1, **self.known.get(copy_id, {}),
        )  # fmt: skip

    def _id(self, name):
        for copy_id, kept in self.copies.items():
            if kept["name"] == name:
                return copy_id
        raise NoSuchCopyError(f"No copy is called '{name}'; see the list of copies.")

    def _take(self, kind, name, of):
        self._enter(kind)
        with self.mutex:
            if any(kept["name"] == name for kept in self.copies.values()):
                raise NameTakenError(f"A copy called '{name}' exists; choose another name.")
            copy_id = next(self.ids)
            parent_table = self.tables[self._id(of)] if of != "original" else {}
            self.copies[copy_id] = {
                "name": name, "kind": kind, "parent": of, "created": time.time(),
                "locked": False, "deleted": False,
            }  # fmt: skip
            self.tables[copy_id] = dict(parent_table)
            self.order.append(copy_id)
            self._catalog_changed(EventFlag.FIRST_COPY)
            return self._copy_info(copy_id)

    def snapshot(self, name, of="original"):
        return self._take("snapshot", name, of)

    def clone(self, name, of="original"):
        return self._take("clone", name, of)

    def rename(self, name, new_name):
        self._enter("rename")
        with self.mutex:
            copy_id = self._id(name)
            if not new_name:
                raise InvalidNameError(
                    "A copy's name must not be empty or begin or end with a space."
                )
            if len(new_name) > 128:
                raise InvalidNameError(
                    f"The name has {len(new_name)} characters; a copy's name may have 128."
                )
            if any(kept["name"] == new_name for kept in self.copies.values()):
                raise NameTakenError(f"A copy called '{new_name}' exists; choose another name.")
            self.copies[copy_id]["name"] = new_name
            for kept in self.copies.values():
                if kept["parent"] == name:
                    kept["parent"] = new_name
            self._catalog_changed()

    def _mark(self, call, names, **marks):
        self._enter(call)
        with self.mutex:
            ids = [self._id(name) for name in names]
            for copy_id in ids:
                if "deleted" in marks and self.copies[copy_id]["locked"]:
                    name = self.copies[copy_id]["name"]
                    raise CopyInUseError(f"'{name}' is locked; unlock it first.")
            for copy_id in ids:
                self.copies[copy_id].update(marks)
            self._catalog_changed()

    def delete(self, names, *, now=False):
        self._mark("delete", names, deleted=True)
        if now:
            self.purge(names)

    def undelete(self, names):
        self._mark("undelete", names, deleted=False)

    def lock(self, names, *, locked=True):
        self._mark("lock", names, locked=locked)

    def purge(self, names):
        self._enter("purge")
        with self.mutex:
            for copy_id in [self._id(name) for name in names]:
                del self.copies[copy_id], self.tables[copy_id]
                self.order.remove(copy_id)
            self._catalog_changed()

    def plan_restore(self, copy, safety=""):
        self._enter("plan_restore")
        with self.mutex:
            grains = sorted(self.tables[self._id(copy)])
            number = 1 + sum(k["name"].startswith("before-") for k in self.copies.values())
            return RestorePlan(
                source=copy,
                safety=safety or f"before-restore-{number}",
                ranges=sum(grain - 1 not in grains for grain in grains),
                bytes=len(grains) * GRAIN,
            )

    def restore(self, copy, safety=""):
        plan = self.plan_restore(copy, safety)
        self._enter("restore")
        with self.mutex:
            grains = list(self.tables[self._id(copy)])
            taken = self._take("snapshot", plan.safety, "original")
            for grain in grains:
                self._point(grain, 0)
            self.restored.append(copy)
            return msgspec.structs.replace(plan, safety_id=taken.id)

    def write(self, offset, payload, copy="original"):
        self._enter("write")
        with self.mutex:
            moved = 0
            copy_id = 0 if copy == "original" else self._id(copy)
            for grain in range(offset // GRAIN, -(-(offset + len(payload)) // GRAIN)):
                moved += self._point(grain, copy_id)
            self.counters.writes += 1
            self.counters.written_bytes += len(payload)
            if copy_id == 0:
                self.counters.preserved_bytes += moved
            self._publish(EventKind.WRITTEN, copy_id, offset, len(payload), moved)

    def _point(self, grain, copy_id):
        tables = [self.tables[copy_id]] if copy_id else list(self.tables.values())
        needy = [table for table in tables if grain not in table]
        if not needy:
            return 0
        offset, self.next_offset = self.next_offset, self.next_offset + GRAIN
        kind = PointerKind.NEW if copy_id else PointerKind.ORIGINAL
        for table in needy:
            table[grain] = (offset, kind)
        told = EventKind.REDIRECTED if copy_id else EventKind.PRESERVED
        self._publish(told, copy_id or max(self.tables), grain * GRAIN, GRAIN, GRAIN, offset)
        return GRAIN

    def read(self, offset, length, copy="original"):
        self._enter("read")
        return bytes(length)

    def allocation(self, copy="original"):
        self._enter("allocation")
        starts, stops = zip(*self.data, strict=True)
        return Ranges(
            starts=np.array(starts, np.int64), lengths=np.array(stops, np.int64) - np.array(starts)
        )

    def resize(self, size_bytes, *, shrinks=False):
        self._enter("resize")
        with self.mutex:
            if size_bytes < self.size and not shrinks:
                raise UsageError("The original would lose its end.")
            for kept in self.copies.values():
                kept.setdefault("size", self.size)
            before, self.size = self.size, size_bytes
            self._catalog_changed(EventFlag.RESIZED)
            return Resized(before_bytes=before, size_bytes=size_bytes, kept_bytes=0)

    def policy(self):
        self._enter("policy")
        return self.kept_policy

    def set_policy(self, **wishes):
        self._enter("set_policy")
        given = {name: wish for name, wish in wishes.items() if wish is not None}
        self.kept_policy = msgspec.structs.replace(self.kept_policy, **given)
        self._catalog_changed()
        return self.kept_policy

    def choose_mechanism(self, mechanism):
        self._enter("choose_mechanism")
        if self.new_bytes and mechanism == "copy-on-write":
            raise CopyInUseError("The original has new data in the additional area.")
        self.mechanism = mechanism
        self._catalog_changed()

    def plan_separation(self, view="original"):
        self._enter("plan_separation")
        return SeparationPlan(
            view=view, home_bytes=self.new_bytes, kept_bytes=GRAIN, rest_bytes=2 * GRAIN
        )

    def separate(self, view="original"):
        plan = self.plan_separation(view)
        self.new_bytes, self.mechanism = 0, "copy-on-write"
        self._catalog_changed()
        return plan

    def promote(self, copy):
        self._enter("promote")
        self._id(copy)
        self.promoted.append(copy)
        left = max(self.size - len(self.promoted) * MIB, 0)
        return Promotion(copied_bytes=MIB, left_bytes=left)

    def compact_step(self):
        self._enter("compact_step")
        self.compactions += 1
        return CompactStep(
            moved_bytes=GRAIN, remaining_bytes=GRAIN, area_bytes=0, host_bytes=0,
            is_done=self.compactions >= 3,
        )  # fmt: skip

    def flush(self):
        self._enter("flush")

    def usage(self, if_deleted=()):
        self._enter("usage")
        freed = sum(len(self.tables[self._id(name)]) * GRAIN for name in if_deleted)
        used = self.next_offset
        return Usage(
            area_bytes=used, used_bytes=used, free_bytes=0, metadata_bytes=AREA_HEAD,
            reclaimable_bytes=0, copies=[], freed_bytes=freed, room_bytes=self.room_bytes,
            full_in_seconds=self.full_in_seconds,
        )  # fmt: skip

    def scrub_step(self, run=0):
        self._enter("scrub_step")
        with self.mutex:
            run += 1  # the double's number is how far it is
            if run >= self.scrub_steps:
                for copy_id in self.order:
                    ranges = self.damage.get(copy_id, [])
                    self.known[copy_id] = {
                        "integrity": "damaged" if ranges else "intact",
                        "damaged_ranges": ranges, "scrubbed": 1e9,
                    }  # fmt: skip
                self._catalog_changed()
            return ScrubStep(
                run=run, done_bytes=run * GRAIN, total_bytes=self.scrub_steps * GRAIN,
                damaged_bytes=sum(r.length for each in self.damage.values() for r in each),
                unverified_bytes=0, is_done=run >= self.scrub_steps, is_remembered=True,
            )  # fmt: skip

    def stats(self):
        self._enter("stats")
        self.counters.area_bytes = self.counters.area_used_bytes = self.next_offset
        return self.counters

    def table(self, copy, start=0, stop=None):
        self._enter("table")
        with self.mutex:
            copy_id = 0 if copy == "original" else self._id(copy)
            rows = sorted(self.tables.get(copy_id, {}).items())
            columns = PointerColumns(
                np.array([grain * GRAIN for grain, _ in rows], np.int64),
                np.full(len(rows), GRAIN, np.int64),
                np.array([offset for _, (offset, _) in rows], np.int64),
                np.array([kind for _, (_, kind) in rows], np.uint8),
                np.zeros(len(rows), np.uint64),
            )
            return TableAnswer(
                copy_id=copy_id, start=start, stop=stop or self.size, event_seq=self.seq,
                columns=columns,
            )  # fmt: skip

    def map(self):
        self._enter("map")
        with self.mutex:
            preserved = sorted({
                grain for table in self.tables.values() for grain, (_, kind) in table.items()
                if kind == PointerKind.ORIGINAL
            })  # fmt: skip
            starts = np.array(preserved, np.int64) * GRAIN
            rest = AreaState.SHARED if self.copies else AreaState.ORIGINAL_ONLY
            initial = _extents(self.size, starts, AreaState.PRESERVED, rest)
            offsets = {
                offset: AreaState.NEW if kind == PointerKind.NEW else AreaState.PRESERVED
                for table in self.tables.values() for offset, kind in table.values()
            }  # fmt: skip
            additional = _area(max(self.next_offset, 1 * MIB), offsets)
            return MapAnswer(
                event_seq=self.seq, generation=self.generation, initial=initial,
                additional=additional,
            )  # fmt: skip


def _extents(size, starts, state, rest):
    states = np.full(len(starts), state, np.uint8)
    return AreaExtents(
        size=size, used=size, starts=starts, stops=starts + GRAIN, states=states, rest=rest
    )


def _area(size, offsets):
    starts = np.array([0, *sorted(offsets)], np.int64)
    stops = np.array([AREA_HEAD, *(offset + GRAIN for offset in sorted(offsets))], np.int64)
    states = np.array([AreaState.METADATA, *(offsets[o] for o in sorted(offsets))], np.uint8)
    used = int((stops - starts).sum())
    return AreaExtents(
        size=size, used=used, starts=starts, stops=stops, states=states, rest=AreaState.FREE
    )
