# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Acts on a volume and on its full copy alike, for Hypothesis to choose from and to shrink."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from core.engine import restores
from core.errors import CopyInUseError, InvalidRangeError, UsageError
from core.usage import data_bytes
from core.volume.fold import fold
from tests.doubles.oracle import ORIGINAL, SECTOR, Oracle

GRAINS = (512, 1024, 4096, 16384, 65536)
SECTORS_MAX = 240

names = st.integers(0, 1 << 30)
places = st.tuples(st.integers(0, SECTORS_MAX), st.integers(1, SECTORS_MAX))


class VolumeMachine(RuleBasedStateMachine):
    """A volume and its oracle; subclasses say where the volume lies."""

    def __init__(self):
        super().__init__()
        self.volume = None
        self.oracle = Oracle(b"")
        self.number = 0

    # -- where it lies -------------------------------------------------------------------------

    def make(self, content, grain, thin):
        """Return an open volume that holds ``content``, which is nothing but zeroes if ``thin``."""
        raise NotImplementedError

    def open_again(self):
        """Return the volume, opened by a new process."""
        raise NotImplementedError

    def drop(self):
        """Lose the process: nothing is closed in order."""

    # -- beginning -----------------------------------------------------------------------------

    @initialize(
        grain=st.sampled_from(GRAINS),
        sectors=st.integers(1, SECTORS_MAX),
        zeroes=st.integers(0, SECTORS_MAX),
        thin=st.booleans(),
    )
    def begin(self, grain, sectors, zeroes, thin):
        content = b"".join(
            bytes(SECTOR) if thin or at < zeroes else b"i%7d" % at * 64 for at in range(sectors)
        )
        self.oracle = Oracle(content)
        self.volume = self.make(content, grain, thin)

    def teardown(self):
        if self.volume is not None:
            self.volume.close()

    # -- choosing ------------------------------------------------------------------------------

    def among(self, known, number):
        return sorted(known)[number % len(known)]

    def place(self, place, name=ORIGINAL):
        sectors = self.oracle.size_of(name) // SECTOR
        first = place[0] % sectors
        return first * SECTOR, min(place[1], sectors - first) * SECTOR

    def payload(self, length):
        self.number += 1
        return b"".join(
            (b"%04d-%07d-" % (at, self.number) * 40)[:SECTOR] for at in range(length // SECTOR)
        )

    def written_to(self, number):
        return self.among([ORIGINAL, ORIGINAL, *self.oracle.names(writable=True)], number)

    # -- bytes ---------------------------------------------------------------------------------

    @rule(name=names, place=places, is_zero=st.booleans())
    def write(self, name, place, is_zero):
        name = self.written_to(name)
        offset, length = self.place(place, name)
        payload = bytes(length) if is_zero and length > SECTOR else self.payload(length)
        self.oracle.view(name).write(offset, payload)
        self.volume.write(offset, payload, name)

    @rule(name=names)
    def write_all(self, name):
        name = self.written_to(name)
        payload = self.payload(self.oracle.size_of(name))
        self.oracle.view(name).write(0, payload)
        self.volume.write(0, payload, name)

    @rule(batch=st.lists(places, max_size=4))
    def write_batch(self, batch):
        pieces = []
        for place in batch:
            offset, length = self.place(place)
            pieces.append((offset, self.payload(length)))
            self.oracle.original.write(*pieces[-1])
        self.volume.write_batch(pieces)

    @rule(name=names, place=places)
    def trim(self, name, place):
        name = self.written_to(name)
        offset, length = self.place(place, name)
        self.oracle.view(name).write(offset, bytes(length))
        self.volume.trim(offset, length, name)

    @rule(name=names, place=places)
    def read(self, name, place):
        name = self.among([ORIGINAL, *self.oracle.names()], name)
        offset, length = self.place(place, name)
        expected = self.oracle.view(name).now[offset : offset + length]
        assert self.volume.read(offset, length, name) == expected
        target = bytearray(b"\xee" * length)
        self.volume.read_into(offset, target, name)
        assert target == expected

    # -- the initial area's map ------------------------------------------------------------------

    @rule(
        how=st.sampled_from(("full-pointer", "load-point", "relocate", "compact", "identity")),
        place=places,
        sector=st.integers(0, 2 * SECTORS_MAX),
        batches=st.sampled_from((1, 2, 1000)),
    )
    def rearrange(self, how, place, sector, batches):
        offset, length = self.place(place)
        try:
            while batches and self.volume.rearrange(how, offset, length, sector * SECTOR).left:
                batches -= 1
        except InvalidRangeError:
            assert how in {"relocate", "load-point"}

    @rule()
    def ask_for_the_map(self):
        answer = self.volume.initial()
        at = 0
        for extent in answer.extents:
            assert extent.start >= at
            at = extent.start + extent.length
        assert at <= answer.size == self.oracle.size
        assert answer.mapped_bytes == sum(extent.length for extent in answer.extents)
        info = self.volume.info()
        is_the_original = info.original is None and info.restoring is None
        assert answer.identity == info.plain or not (info.plain or is_the_original)

    # -- durability ----------------------------------------------------------------------------

    @rule()
    def flush(self):
        self.volume.flush()
        self.oracle.flush()

    @rule(is_ended=st.booleans())
    def begin_flush(self, is_ended):
        """Others may go on before it is done, or nobody may ever do the rest."""
        finish = self.volume.begin_flush()
        if finish is None:
            self.oracle.flush()
            return
        self.oracle.begin_flush()
        if is_ended:
            finish()
            self.oracle.end_flush()

    @rule(how=st.sampled_from(("barrier", "checkpoint", "advance", "settle")))
    def put_down(self, how):
        journal = self.volume._state.journal
        if journal is None:
            return
        if how == "settle":
            journal.settle(0)
        else:
            getattr(journal, how)()

    @rule()
    def fold(self):
        if self.volume._state.area is not None:
            assert fold(self.volume._state)

    @rule(at_rest=st.booleans())
    def give_back(self, at_rest):
        area = self.volume._state.area
        if area is None:
            return
        self.volume._keeper._prepared().run(at_rest=at_rest)
        storage = area.allocator.storage
        assert storage.capacity == area.device.size
        assert area.device.stored_bytes >= storage.held_bytes

    @rule(to_the_end=st.booleans())
    def compact(self, to_the_end):
        """Move everything together; no view changes, and the file ends no later."""
        if self.volume._state.area is None:
            return
        before = self.volume.usage().used_bytes
        step = self.volume.compact_step()
        while to_the_end and not step.is_done:
            step = self.volume.compact_step()
        assert self.volume.check() == []
        if step.is_done:
            assert self.volume.usage().used_bytes <= before + 64 * 1024

    @rule()
    def prepare_ring(self):
        if self.volume._state.journal is not None:
            self.volume._state.journal.ring.prepare_step()

    @rule()
    def close_and_open(self):
        self.volume.close()
        self.oracle.flush()
        self.volume = self.open_again()
        assert not self.volume.info().read_only

    @rule()
    def kill_and_open(self):
        self.drop()
        self.volume = self.open_again()
        assert self.oracle.settle_on(self.volume) == []

    # -- copies --------------------------------------------------------------------------------

    @rule(source=names, writable=st.booleans())
    def take(self, source, writable):
        source = self.among([ORIGINAL, *self.oracle.names()], source)
        self.number += 1
        name = f"copy {self.number}"
        self.oracle.take(name, source, writable=writable)
        info = (self.volume.clone if writable else self.volume.snapshot)(name, source)
        assert (info.name, info.parent) == (name, source)
        self.oracle.commit()

    @precondition(lambda self: self.oracle.names())
    @rule(source=names, safety=st.booleans())
    def restore(self, source, safety):
        """Make the original equal to a copy, a restore under way being finished first."""
        source = self.among(self.oracle.names(), source)
        self.number += 1
        plan = self.volume.plan_restore(source, f"safe {self.number}" if safety else "")
        size = self.oracle.size_of(source)
        ends = [(part.start, part.start + part.length) for part in self.volume.diff(source)]
        told = sum(min(stop, size) - start for start, stop in ends if start < size)
        assert plan.bytes == told
        assert bool(plan.ranges) == bool(told)
        assert plan.size_bytes == (0 if size == self.oracle.size else size)
        if len(self.oracle.copies) > 12:
            return
        done = self.volume.restore(source, f"safe {self.number}" if safety else "")
        if done.bytes or done.size_bytes:
            self.oracle.restore(source, done.safety)
            self.oracle.commit()

    @precondition(lambda self: self.oracle.names())
    @rule(name=names, sectors=places)
    def promote(self, name, sectors):
        """Give a copy pointers of its own; when none are missing, it has no range pair."""
        self.finish()
        name = self.among(self.oracle.names(), name)
        before = self.table_gaps(name)
        told = self.volume.promote(name, sectors[1] * SECTOR)
        assert told.copied_bytes + told.left_bytes == before
        assert told.left_bytes == self.table_gaps(name)
        assert told.copied_bytes > 0 or not before

    def table_gaps(self, name):
        """Return the bytes that a copy reads from the initial area."""
        return self.oracle.size_of(name) - int(self.volume.table(name).columns.lengths.sum())

    @rule(sectors=places)
    def move(self, sectors):
        restores.take_step(self.volume, sectors[1] * SECTOR)

    @rule(sectors=st.integers(1, SECTORS_MAX), copy=names, is_of_copy=st.booleans())
    def resize(self, sectors, copy, is_of_copy):
        """Give the volume any size, or that of a copy; no copy notices."""
        self.finish()
        size = sectors * SECTOR
        if is_of_copy and self.oracle.names():
            size = self.oracle.size_of(self.among(self.oracle.names(), copy))
        if self.volume.info().original is not None:
            with pytest.raises(CopyInUseError, match="rangepair separate"):
                self.volume.resize(size, shrinks=True)
            return
        if size < self.oracle.size:
            with pytest.raises(UsageError, match="--shrink"):
                self.volume.resize(size)
        done = self.volume.resize(size, shrinks=True)
        assert (done.before_bytes, done.size_bytes) == (self.oracle.size, size)
        if size != self.oracle.size:
            self.oracle.resize(size)
            self.oracle.commit()

    def finish(self):
        while restores.take_step(self.volume):
            continue

    # -- where new data of the original goes -----------------------------------------------------

    @rule(
        mechanism=st.sampled_from(("always-additional", "copy-on-write", "redirect-on-write")),
        is_mapped=st.booleans(),
    )
    def choose_mechanism(self, mechanism, is_mapped):
        """Choose one; back it goes without more only if there is nothing to bring home."""
        self.finish()
        if mechanism == "redirect-on-write" and is_mapped:
            self.volume.rearrange("full-pointer")
        original = self.volume.info().original
        if mechanism == "redirect-on-write" and self.volume.initial().identity:
            with pytest.raises(InvalidRangeError, match="convert it first with"):
                self.volume.choose_mechanism(mechanism)
            return
        if mechanism != "always-additional" and original is not None and original.pointers:
            assert self.volume.plan_separation().home_bytes > 0
            with pytest.raises(CopyInUseError):
                self.volume.choose_mechanism(mechanism)
            return
        sizes = {self.oracle.size_of(name) for name in self.oracle.copies}
        if mechanism == "always-additional" and sizes - {self.oracle.size}:
            with pytest.raises(InvalidRangeError, match="other sizes"):
                self.volume.choose_mechanism(mechanism)
            return
        self.volume.choose_mechanism(mechanism)
        if mechanism == "redirect-on-write" and original is not None:
            assert self.volume.info().restoring is None
        assert self.volume.info().mechanism == mechanism

    @precondition(lambda self: self.volume.info().original is not None)
    @rule(view=names, to_the_end=st.booleans())
    def separate(self, view, to_the_end):
        """Bring one view's new data home; what was foretold to be moved and kept is."""
        self.finish()
        view = self.among([ORIGINAL, ORIGINAL, *self.oracle.names()], view)
        before, plan = self.volume.stats(), self.volume.plan_separation(view)
        assert self.volume.separate(view) == plan
        assert self.volume.stats().restoring_bytes == plan.home_bytes
        if not to_the_end:
            return
        self.finish()
        after, info = self.volume.stats(), self.volume.info()
        kept_bytes = after.preserved_bytes - before.preserved_bytes
        assert kept_bytes + after.zero_bytes - before.zero_bytes == plan.kept_bytes
        assert info.restoring is None
        others = [ORIGINAL] if view != ORIGINAL else []
        others += [name for name in self.oracle.copies if name != view]
        hidden = [name for name in others if name not in {ORIGINAL, *self.oracle.names()}]
        if not hidden:
            assert sum(map(self.table_gaps, others)) == plan.rest_bytes
        if view == ORIGINAL:
            assert (info.mechanism, info.original) == ("copy-on-write", None)
        else:
            assert self.table_gaps(view) == self.oracle.size
        assert self.volume.check() == []

    def has_copies(self):
        return bool(self.oracle.copies)

    @precondition(has_copies)
    @rule(name=names)
    def rename(self, name):
        name = self.among(self.oracle.copies, name)
        self.number += 1
        self.oracle.rename(name, f"renamed {self.number}")
        self.volume.rename(name, f"renamed {self.number}")
        self.oracle.commit()

    @precondition(has_copies)
    @rule(name=names, locked=st.booleans())
    def lock(self, name, locked):
        name = self.among(self.oracle.copies, name)
        self.oracle.mark([name], is_locked=locked)
        self.volume.lock([name], locked=locked)
        self.oracle.commit()

    @precondition(lambda self: self.oracle.names(deleted=True))
    @rule(name=names)
    def undelete(self, name):
        name = self.among(self.oracle.names(deleted=True), name)
        self.oracle.mark([name], is_deleted=False)
        self.volume.undelete([name])
        self.oracle.commit()

    def unlocked(self):
        return [name for name, twin in self.oracle.copies.items() if not twin.is_locked]

    @precondition(unlocked)
    @rule(name=names)
    def delete(self, name):
        self.finish()
        name = self.among(self.unlocked(), name)
        self.oracle.mark([name], is_deleted=True)
        self.volume.delete([name])
        self.oracle.commit()

    @precondition(unlocked)
    @rule(first=names, second=names)
    def purge(self, first, second):
        """Purge one or two copies; what was foretold to be freed is freed."""
        self.finish()
        chosen = {self.among(self.unlocked(), first), self.among(self.unlocked(), second)}
        foretold = self.volume.usage(sorted(chosen)).freed_bytes
        own = {copy.name: copy.own_bytes for copy in self.volume.info().copies}
        if len(chosen) == 1:
            assert foretold == own[next(iter(chosen))]
        before = self.kept_bytes()
        self.volume.delete(sorted(chosen), now=True)
        self.oracle.purge(chosen)
        self.oracle.commit()
        assert before - self.kept_bytes() == foretold

    def kept_bytes(self):
        layers = self.volume._state.catalog.layers.values()
        return sum(data_bytes(layer.map.flatten()) for layer in layers)

    # -- what always holds ---------------------------------------------------------------------

    @rule()
    def check(self):
        assert self.volume.check() == []

    @rule()
    def scrub(self):
        step = self.volume.scrub_step()
        while not step.is_done:
            step = self.volume.scrub_step(step.run)
        assert step.damaged_bytes == 0
        assert all(copy.integrity == "intact" for copy in self.volume.info().copies)

    @invariant()
    def views_equal_the_oracle(self):
        if self.volume is not None:
            assert self.oracle.differences(self.volume) == []

    @rule(source=names, against=names)
    def diff(self, source, against):
        """See that every difference is told, and that what is told is in order."""
        known = [ORIGINAL, *self.oracle.names()]
        source, against = self.among(known, source), self.among(known, against)
        one, other = self.oracle.view(source).now, self.oracle.view(against).now
        at = 0
        for part in self.volume.diff(source, against):
            assert part.start >= at
            assert part.length > 0
            assert one[at : part.start] == other[at : part.start]
            at = part.start + part.length
        assert at <= max(len(one), len(other))
        assert one[at:] == other[at:]

    @rule(name=names)
    def allocation(self, name):
        """See that a view is zero outside of what is told to be allocated."""
        name = self.among([ORIGINAL, *self.oracle.names()], name)
        content, at = self.oracle.view(name).now, 0
        for part in self.volume.allocation(name):
            assert part.start >= at
            assert not any(content[at : part.start])
            at = part.start + part.length
        assert at <= len(content)
        assert not any(content[at:])
