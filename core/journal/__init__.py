# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The order in which bytes reach the two files, and why no power loss can break a copy.

Terms. An *original* is what a grain of the initial area (I) held when the newest copy was taken. It
is *staged* when it lies in a group in memory, *durable* when the permanent group that holds it has
returned from its durable write to the additional area (A), or from a sync of A after its long
originals were cloned rather than written (``core.journal.cloning`` argues why that is the same).
New data of the original *waits* in an overlay until it is written *in place*. New data of clones is
staged like an original. A *flight* is a group that is sealed together with the overlay that waits
for it. The ring holds new data only: what waited, and what was staged for clones, since the flush
before.

Invariants.
  I1  If any byte of a grain in I may be new on stable storage, its original and the pointer to it
      are durable already.
  I2  No durable pointer names bytes that are not durable.
  I3  When ``flush`` returns, everything accepted before it is durable.
  I4  A copy that was taken is durable, and holds exactly what was accepted before it.

How they are kept.
  I1  Originals are staged in the open group; the caller then ``put``s the new data into the current
      overlay, never in place. An overlay is drained in two places only: by its flight or who
      collects it, after the flight's group has returned from its durable write, flights one after
      the other; and by ``advance``, when no flight and nothing staged is left. ``write_in_place``
      is for grains without a staged original: ``may_write_in_place`` says so. The ring may have
      new data long before the original is durable. After a loss of power I still holds that
      original, for nothing was drained; so recovery stages it from there before it drains what the
      ring has. Where the original is durable it is found in the log, and not staged again: I may
      be torn there. A ring group older than the newest copy needs nothing staged, because
      ``write_change`` made all originals durable: the change names the last such group.
  I2  Pointer and bytes travel in one group: the ring group has one checksum over both, the
      permanent group's records carry the checksum of their bytes, and a group has returned before
      the next one is written. A ring group that has something staged is written when no flight is
      under way, so that the place it names lies right behind the durable log.
  I3  ``flush`` either writes one ring group with everything that waits or is staged for clones and
      is not in the ring yet, or goes through ``checkpoint``: barrier, sync of I. The short way is
      taken only if nothing has left memory that neither a live ring group nor a sync covers
      (``_has_uncovered``). A ring group that was begun lands before anything else goes to either
      file. While ring groups live, no write goes around the overlay, and a flush
      by sync kills the ring before it returns: else replaying the ring would bring back data older
      than what was acknowledged. Ring groups die in ``checkpoint`` only, after the sync.
  I4  ``write_change`` flushes, waits for all flights, and only then writes the change, durably.

States of the ring and the function of each arrow::

    empty --begin_flush--> live --begin_flush--> live --checkpoint--> empty
    empty --advance--> empty, uncovered --checkpoint--> empty

A failed write or sync of either file is never tried again (the kernel may have dropped the dirty
state): the journal stays failed and every later write is refused.

Threads. All methods are called under the volume's lock, but for ``carry_out`` of the write to the
ring that ``begin_flush`` returns: ``core.journal.flushing`` argues why that is safe. The groups of
flights are written by a thread of its own, which takes no lock: it only writes, and says when it is
done. What it changes in I are grains that an overlay on its way holds, so a reader of the original
patches them anyway, and a reader of a copy does not look for them in I. Who holds the lock collects
finished flights.
"""

from __future__ import annotations
