# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A volume held open by an engine process, seen from a client: the same promises as in process.

One connection carries one request at a time; threads that call at once wait for each other. Who
wants a long question (``check``) not to hold up short ones opens a second connection.
"""

from __future__ import annotations

import select
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from core.errors import EngineGoneError
from core.service import hosting, servingcalls, sidescalls
from core.service import messages as ask
from core.service.codec import pack, unpack_answer
from core.service.frames import FrameError, exchange
from core.service.mapmessages import Initial, Portions, Rearrange, WritePortion
from core.service.meetingplace import meeting_place
from core.service.request import Bulk, Request
from core.service.ring import RingReader
from core.session import ORIGINAL

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from core.answers import (
        CopyInfo,
        Finding,
        MapAnswer,
        Ranges,
        Stats,
        TableAnswer,
        Usage,
        VolumeInfo,
    )
    from core.arrangement import Arrangement, InitialAnswer, PortionInfo, Rearranged
    from core.longwork import Resized, RestorePlan, ScrubStep
    from core.spaceanswers import CompactStep, Holding, Policy, WhenFull


class RemoteVolume:
    """A ``VolumeSession`` over the control socket of an engine process.

    Attributes:
        welcome: Who serves.
    """

    def __init__(self, peer: socket.socket) -> None:
        """Greet the engine process behind a connected socket.

        Raises:
            EngineGoneError: It ended meanwhile.
            VolumeBusyError: It is of another version.
        """
        self._peer = peer
        self._lock = threading.Lock()
        self.welcome = cast("hosting.Welcome", self._ask(hosting.Hello(ask.PROTOCOL_VERSION)))

    def info(self) -> VolumeInfo:
        """Return the volume and its copies, soft-deleted ones included."""
        return cast("VolumeInfo", self._ask(ask.Info()))

    def read(self, offset: int, length: int, copy: str = ORIGINAL) -> bytes:
        """Return ``length`` bytes of ``copy`` at ``offset``; over 4 MiB, not at one moment."""
        parts = [
            self._ask(ask.Read(start, size, copy)).content for start, size in _cut(offset, length)
        ]
        return b"".join(parts)

    def write(self, offset: int, payload: bytes, copy: str = ORIGINAL) -> None:
        """Write to the original or to a clone; over 4 MiB, in several writes."""
        view = memoryview(payload)
        for start, size in _cut(offset, len(payload)):
            at = start - offset
            self._ask(ask.Write(start, Bulk(view[at : at + size]), copy))

    def trim(self, offset: int, length: int, copy: str = ORIGINAL) -> None:
        """Make a range read as zeroes; snapshots keep what it held."""
        self._ask(ask.Trim(offset, length, copy))

    def flush(self) -> None:
        """Make every accepted write durable."""
        self._ask(ask.Flush())

    def snapshot(self, name: str, of: str = ORIGINAL) -> CopyInfo:
        """Take a read-only instant copy of the original or of a clone. Durable on return."""
        return cast("CopyInfo", self._ask(ask.Snapshot(name, of)))

    def clone(self, name: str, of: str = ORIGINAL) -> CopyInfo:
        """Take a writable instant copy of the original, a snapshot or a clone; durable."""
        return cast("CopyInfo", self._ask(ask.Clone(name, of)))

    def rename(self, name: str, new_name: str) -> None:
        """Give a copy another name."""
        self._ask(ask.Rename(name, new_name))

    def delete(self, names: Sequence[str], *, now: bool = False) -> None:
        """Hide copies, to be purged later; ``now`` also purges them."""
        self._ask(ask.Delete(list(names), now))

    def undelete(self, names: Sequence[str]) -> None:
        """Show soft-deleted copies again."""
        self._ask(ask.Undelete(list(names)))

    def purge(self, names: Sequence[str]) -> None:
        """Remove soft-deleted copies for good."""
        self._ask(ask.Purge(list(names)))

    def lock(self, names: Sequence[str], *, locked: bool = True) -> None:
        """Forbid (or allow again) deletion."""
        self._ask(ask.Lock(list(names), locked))

    def compact_step(self) -> CompactStep:
        """Move data of the additional area nearer to its beginning for a fraction of a second."""
        return cast("CompactStep", self._ask(ask.CompactStep()))

    def policy(self) -> Policy:
        """Return what happens to a write that the additional area has no room for."""
        return cast("Policy", self._ask(ask.Policy()))

    def set_policy(
        self,
        *,
        when_full: WhenFull | None = None,
        timeout_s: float | None = None,
        area_limit_bytes: int | None = None,
        expendable: Sequence[str] | None = None,
    ) -> Policy:
        """Change that; what is None stays as it is. Durable on return."""
        names = None if expendable is None else list(expendable)
        request = ask.SetPolicy(when_full, timeout_s, area_limit_bytes, names)
        return cast("Policy", self._ask(request))

    def plan_restore(self, copy: str, safety: str = "") -> RestorePlan:
        """Return what restoring ``copy`` to the original would do, from pointers alone."""
        return cast("RestorePlan", self._ask(ask.PlanRestore(copy, safety)))

    def restore(self, copy: str, safety: str = "") -> RestorePlan:
        """Make the original read as ``copy`` from now on, a safety snapshot taken first."""
        return cast("RestorePlan", self._ask(ask.Restore(copy, safety)))

    choose_mechanism = sidescalls.choose_mechanism
    plan_separation = sidescalls.plan_separation
    separate = sidescalls.separate
    promote = sidescalls.promote

    def resize(self, size_bytes: int, *, shrinks: bool = False) -> Resized:
        """Give the original another size; copies keep the one that they have."""
        return cast("Resized", self._ask(ask.Resize(size_bytes, shrinks)))

    def table(self, copy: str, start: int = 0, stop: int | None = None) -> TableAnswer:
        """Return the resolved pointer table of ``copy`` in ``[start, stop)``."""
        return cast("TableAnswer", self._ask(ask.Table(copy, start, stop)))

    def map(self) -> MapAnswer:
        """Return what lies where in both areas."""
        return cast("MapAnswer", self._ask(ask.Map()))

    def initial(self) -> InitialAnswer:
        """Return where in the image each range of the volume lies."""
        return cast("InitialAnswer", self._ask(Initial()))

    def rearrange(
        self, arrangement: Arrangement, start: int = 0, length: int | None = None, place: int = 0
    ) -> Rearranged:
        """Move one batch of the initial area; call it again until nothing is left."""
        return cast("Rearranged", self._ask(Rearrange(arrangement, start, length, place)))

    def portions(self, copy: str = ORIGINAL) -> list[PortionInfo]:
        """Return all portions as ``copy`` has them; none if this is a volume of bytes."""
        return cast("list[PortionInfo]", self._ask(Portions(copy)))

    def write_portion(self, number: int, payload: bytes, copy: str = ORIGINAL) -> None:
        """Write a portion as a whole. One of the original may get another size, durably then."""
        self._ask(WritePortion(number, Bulk(payload), copy))

    def diff(self, source: str, target: str = ORIGINAL) -> Ranges:
        """Return the ranges in which two views may differ, from pointers alone."""
        return cast("Ranges", self._ask(ask.Diff(source, target)))

    def allocation(self, copy: str = ORIGINAL) -> Ranges:
        """Return ranges outside of which ``copy`` reads as zeroes, from pointers and holes."""
        return cast("Ranges", self._ask(ask.Allocation(copy)))

    def holdings(self, offset: int, length: int) -> list[Holding]:
        """Return what lies in a range of the additional area, and which copies read it."""
        return cast("list[Holding]", self._ask(ask.Holdings(offset, length)))

    def usage(self, if_deleted: Sequence[str] = ()) -> Usage:
        """Return the space used, and what deleting copies would free, exactly."""
        return cast("Usage", self._ask(ask.Usage(list(if_deleted))))

    def stats(self) -> Stats:
        """Return the live counters."""
        return cast("Stats", self._ask(ask.Stats()))

    def check(self, *, structures: bool = False) -> list[Finding]:
        """Verify every invariant and checksum, or all but data; empty if the volume is clean."""
        return cast("list[Finding]", self._ask(ask.Check(structures)))

    def scrub_step(self, run: int = 0) -> ScrubStep:
        """Verify the next few MiB of what is kept for copies."""
        return cast("ScrubStep", self._ask(ask.ScrubStep(run)))

    def dump(self) -> dict[str, object]:
        """Return superblock, catalog, layers and journal as plain values."""
        return cast("dict[str, object]", self._ask(ask.Dump()))

    def pack(self, *, hides_names: bool = False) -> bytes:
        """Return the structures of the additional area, without data, as a bundle."""
        return cast("bytes", self._ask(ask.Pack(hides_names)))

    def events(self) -> RingReader:
        """Return a reader of the event ring, starting behind the last event so far."""
        subscription = cast("hosting.Subscription", self._ask(hosting.Subscribe()))
        return RingReader(Path(subscription.ring))

    def keep_serving(self, *, keep: bool) -> None:
        """Tell the engine process whether to stay when its last client has left."""
        self._ask(hosting.KeepServing(keep))

    def start_workload(
        self, kind: str, rate_per_s: float, **params: str | float | bool | None
    ) -> None:
        """Let a built-in workload write to the volume, in place of the one that runs.

        Asked for the same again, the one that runs only changes its rate.
        """
        self._ask(hosting.StartWorkload(kind, rate_per_s, params))

    def stop_workload(self) -> None:
        """Stop the built-in workload; harmless when none runs."""
        self._ask(hosting.StopWorkload())

    def workload_status(self) -> dict[str, object] | None:
        """Return how the built-in workload does; None when there was none."""
        return cast("dict[str, object] | None", self._ask(hosting.WorkloadStatus()))

    serve, serving = servingcalls.serve, servingcalls.serving
    stop_serving, stay_serving = servingcalls.stop_serving, servingcalls.stay_serving

    def shutdown(self) -> None:
        """End the engine process, whoever else is connected; return when the volume is closed."""
        self._ask(hosting.Shutdown())
        with self._lock:
            try:
                while self._peer.recv(4096):
                    continue
            except OSError:
                return  # a reset is an end, too
            finally:
                self._peer.close()

    def is_alive(self) -> bool:
        """Return whether the engine process is there still; costs microseconds, never waits."""
        if self._peer.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(self._peer, select.POLLRDHUP)
        return not poll.poll(0)

    def close(self) -> None:
        """Leave the engine process. May be called twice."""
        self._peer.close()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the engine process."""
        self.close()

    def ask(self, request: Request) -> Any:
        """Return the answer's value to a request that has no method of its own here."""
        return self._ask(request)

    def _ask(self, request: Request) -> Any:
        """Return the answer's value.

        Raises:
            RangepairError: The engine refused.
            EngineGoneError: There is no engine any more; this object is of no use now.
        """
        message, bulks = pack(request)
        with self._lock:
            try:
                frame = exchange(self._peer, message, bulks)
            except OSError as error:
                self._peer.close()
                raise _gone() from error
            except FrameError:
                self._peer.close()
                raise
            except BaseException:
                self._peer.close()  # an answer half read would be taken for the next one's
                raise
        if frame is None:
            raise _gone()
        return unpack_answer(*frame, request.answer)


def connect(image: str | os.PathLike[str]) -> RemoteVolume:
    """Connect to the engine process that serves ``image``.

    Raises:
        ImageError: There is no such image.
        EngineGoneError: No engine process serves it.
        VolumeBusyError: One of another version does.
    """
    place = meeting_place(image)
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        peer.connect(str(place.socket))
        return RemoteVolume(peer)
    except OSError as error:
        peer.close()
        raise EngineGoneError(f"No engine process serves {image}.") from error
    except BaseException:
        peer.close()
        raise


def _cut(offset: int, length: int) -> Iterator[tuple[int, int]]:
    """Return pieces that fit a request; one even if ``length`` is 0 or less, for the refusal."""
    if length <= ask.CHUNK_BYTES_MAX:
        yield offset, length
        return
    for start in range(offset, offset + length, ask.CHUNK_BYTES_MAX):
        yield start, min(ask.CHUNK_BYTES_MAX, offset + length - start)


def _gone() -> EngineGoneError:
    return EngineGoneError(
        "The engine process ended; what was flushed is safe, open the volume again."
    )
