# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Requests and replies, once an export is chosen: bytes in, bytes out.

Who drives this asks for ``space``, puts received bytes there, and says how many. Every request that
is there as a whole is carried out at once, in order, and all replies leave together: at a queue
depth of 32 that is one receive and one send for 32 requests. A long write is carried out in pieces
as it comes, and a long read is sent in pieces, so that no client makes this hold more than a few
MiB; the protocol lets a write that fails be done in part.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from core.errors import RangepairError
from core.nbd import protocol as nbd
from core.nbd.longwrite import LongWrite
from core.nbd.metacontexts import EXTENTS_MAX, extents
from core.nbd.refusal import RefusedError, check_flags
from core.nbd.replies import Replies, packed_done, packed_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.nbd.exports import Export
    from core.nbd.metacontexts import MetaContext

    AnswerLater = Callable[[Callable[[], bytes]], object]

RECEIVE_BYTES: Final = 512 << 10
INLINE_BYTES_MAX: Final = 64 << 10
"""A longer write whose end has not come yet is taken in pieces."""
READ_BYTES_MAX: Final = 1 << 20
"""A longer read is answered in pieces."""
TRIM_BYTES_MAX: Final = 64 << 20
"""A longer discard lets other clients in between."""
CACHE_BYTES_MAX: Final = 32 << 20
AHEAD_MAX: Final = 64
"""Reads that the disk is told of while the first of them waits for it."""

_HEAD: Final = nbd.REQUEST.size
_ZEROES: Final = memoryview(bytes(1 << 20))
assert 2 * (INLINE_BYTES_MAX + _HEAD) < RECEIVE_BYTES


class Transmission:
    """The requests of one client.

    Attributes:
        is_over: The client has said that it leaves.
    """

    def __init__(
        self,
        export: Export,
        contexts: Mapping[int, MetaContext],
        send: Callable[[memoryview], object],
        *,
        is_structured: bool,
        answer_later: AnswerLater | None = None,
    ) -> None:
        """Serve ``export``; ``send`` takes replies, and has used them when it returns.

        What a flush waits for is left to ``answer_later``, if there is one, with what returns the
        reply; requests behind it are answered meanwhile.
        """
        self._export = export
        self._size_bytes = export.size_bytes
        self._try_read = export.try_read
        self._contexts = contexts
        self._is_structured = is_structured
        self._replies = Replies(send, is_structured=is_structured)
        self._answer_later = answer_later
        self._buffer = bytearray(RECEIVE_BYTES)
        self._view = memoryview(self._buffer)
        self._at = 0
        self._end = 0
        self._advised_to = 0
        self._long: LongWrite | None = None
        self.is_over = False

    def space(self) -> memoryview:
        """Return where the next bytes go; never empty."""
        return self._view[self._end :] if self._long is None else self._long.space()

    def received(self, count: int) -> None:
        """Carry out what has come to be complete with ``count`` more bytes in ``space``.

        Raises:
            BrokenProtocolError: The connection must end.
        """
        if self._long is not None:
            if not self._long.received(count):
                return
            self._end_long(self._long)
        else:
            self._end += count
        self._take_requests()
        self._replies.send()
        self._tidy()

    def _tidy(self) -> None:
        """Let the receive buffer begin at its front again."""
        at, end = self._at, self._end
        if at == end:
            self._at = self._end = self._advised_to = 0
        elif at > RECEIVE_BYTES // 2:
            self._buffer[: end - at] = self._buffer[at:end]
            self._at, self._end, self._advised_to = 0, end - at, 0

    # -- the most frequent -------------------------------------------------------------------

    def _take_requests(self) -> None:
        buffer, view, end = self._buffer, self._view, self._end
        unpack, write, replies = nbd.REQUEST.unpack_from, self._export.write, self._replies
        takes_writes = not self._export.is_read_only
        while end - self._at >= _HEAD and not self.is_over:
            at = self._at
            magic, flags, command, cookie, offset, length = unpack(buffer, at)
            if magic != nbd.REQUEST_MAGIC:
                raise nbd.BrokenProtocolError("a request has the wrong magic")
            self._at = after = at + _HEAD
            if command != nbd.CMD_WRITE:
                self._carry_out(flags, command, cookie, offset, length)
                continue
            if end - after < length:
                if length > INLINE_BYTES_MAX:
                    self._begin_long(flags, cookie, offset, length)
                else:
                    self._at = at  # the rest will come
                return
            self._at = after + length
            if flags or not takes_writes:
                self._write(flags, cookie, offset, view[after : self._at])
                continue
            try:
                write(offset, view[after : self._at])
            except RangepairError as error:
                self._fail(cookie, self._of_write(error, offset, length))
            else:
                replies.done(cookie)

    def _read(self, cookie: int, offset: int, length: int) -> None:
        replies = self._replies
        target = replies.data_space(length)
        if not self._try_read(offset, target):
            self._advise_ahead(offset, length)
            self._export.read_into(offset, target)
        replies.data(cookie, offset, length)

    def _advise_ahead(self, offset: int, length: int) -> None:
        """Let the disk begin with this read and with those behind it that have come already."""
        if self._at <= self._advised_to:
            return
        self._export.advise(offset, length)
        at = self._at
        for _ in range(AHEAD_MAX):
            if self._end - at < _HEAD:
                break
            _, _, command, _, offset, length = nbd.REQUEST.unpack_from(self._buffer, at)
            if command != nbd.CMD_READ or self._is_outside(offset, length):
                break
            at += _HEAD
            self._export.advise(offset, min(length, nbd.PAYLOAD_BYTES_MAX))
        self._advised_to = at

    # -- everything else ---------------------------------------------------------------------

    def _carry_out(self, flags: int, command: int, cookie: int, offset: int, length: int) -> None:
        try:
            if command == nbd.CMD_READ and not flags and 0 < length <= READ_BYTES_MAX:
                if (offset | length) & 511 or offset + length > self._size_bytes:
                    self._check_range(offset, length)
                self._read(cookie, offset, length)
            elif command == nbd.CMD_DISC:
                self.is_over = True
            else:
                self._carry_out_others(flags, command, cookie, offset, length)
        except (RangepairError, RefusedError) as error:
            self._fail(cookie, error)

    def _carry_out_others(
        self, flags: int, command: int, cookie: int, offset: int, length: int
    ) -> None:
        check_flags(command, flags)
        if command != nbd.CMD_FLUSH:
            self._check_range(offset, length)
        match command:
            case nbd.CMD_READ:
                self._read_in_pieces(flags, cookie, offset, length)
                return
            case nbd.CMD_BLOCK_STATUS:
                self._block_status(flags, cookie, offset, length)
                return
            case nbd.CMD_FLUSH:
                self._flush(cookie)
                return
            case nbd.CMD_CACHE:
                self._export.advise(offset, min(length, CACHE_BYTES_MAX))
            case _:
                self._discard(command, flags, offset, length)
        self._settle(flags, cookie)

    def _write(self, flags: int, cookie: int, offset: int, payload: memoryview) -> None:
        try:
            self._check_write(flags, nbd.CMD_WRITE)
            self._export.write(offset, payload)
            self._settle(flags, cookie)
        except (RangepairError, RefusedError) as error:
            self._fail(cookie, self._of_write(error, offset, len(payload)))

    def _begin_long(self, flags: int, cookie: int, offset: int, length: int) -> None:
        """Take what has come of a long write, and what comes until its end."""
        refusal: RefusedError | RangepairError | None = None
        try:
            self._check_long(flags, offset, length)
        except (RangepairError, RefusedError) as error:
            refusal = error
        self._long = LongWrite(self._export.write, flags, cookie, offset, length)
        self._long.refusal = refusal
        self._long.take(self._view[self._at : self._end])
        self._at = self._end

    def _end_long(self, long: LongWrite) -> None:
        self._long = None
        try:
            if long.refusal is not None:
                raise long.refusal
            self._settle(long.flags, long.cookie)
        except (RangepairError, RefusedError) as error:
            self._fail(long.cookie, error)

    def _read_in_pieces(self, flags: int, cookie: int, offset: int, length: int) -> None:
        if not 0 < length <= nbd.PAYLOAD_BYTES_MAX:
            raise RefusedError(nbd.EINVAL, f"{length} bytes cannot be read at once")
        is_whole = flags & nbd.FLAG_DF
        if is_whole and length > nbd.UNFRAGMENTED_BYTES_MAX:
            raise RefusedError(nbd.EOVERFLOW, f"{length} bytes do not come in one piece")
        replies, export, stop = self._replies, self._export, offset + length
        for start in range(offset, stop, READ_BYTES_MAX):
            size = min(READ_BYTES_MAX, stop - start)
            is_first, is_last = start == offset, start + size == stop
            target = replies.data_space(size, is_first=is_first)
            try:
                export.read_into(start, target)
            except RangepairError as error:
                if is_first or self._is_structured:
                    raise
                raise nbd.BrokenProtocolError(f"a read failed halfway: {error}") from error
            if is_first and not self._is_structured:
                replies.begin_data(cookie)
            replies.data_piece(cookie, start, size, is_last=is_last)

    def _discard(self, command: int, flags: int, offset: int, length: int) -> None:
        """Make a range read as zeroes, by writing them if it shall keep its storage."""
        self._check_write(flags, command)
        if not self._export.can_discard:
            raise RefusedError(nbd.EINVAL, "this volume has nothing to discard")
        stop = offset + length
        if flags & nbd.FLAG_NO_HOLE:
            if flags & nbd.FLAG_FAST_ZERO:
                raise RefusedError(nbd.ENOTSUP, "zeroes with storage must be written")
            for start in range(offset, stop, len(_ZEROES)):
                self._export.write(start, _ZEROES[: stop - start])
        else:
            for start in range(offset, stop, TRIM_BYTES_MAX):
                self._export.trim(start, min(TRIM_BYTES_MAX, stop - start))

    # -- durability ----------------------------------------------------------------------------

    def _settle(self, flags: int, cookie: int) -> None:
        """Answer what was carried out; with FUA, when it is durable."""
        if flags & nbd.FLAG_FUA:
            self._flush(cookie)
        else:
            self._replies.done(cookie)

    def _flush(self, cookie: int) -> None:
        finish = self._export.begin_flush()
        if finish is None:
            self._replies.done(cookie)
        elif self._answer_later is None:
            finish()
            self._replies.done(cookie)
        else:
            self._answer_later(partial(self._reply_of, cookie, finish))

    def _reply_of(self, cookie: int, finish: Callable[[], None]) -> bytes:
        """Finish a flush and return its reply; called in another thread."""
        try:
            finish()
        except RangepairError as error:
            number = nbd.error_number(error.errno)
            return packed_failure(cookie, number, str(error), is_structured=self._is_structured)
        return packed_done(cookie)

    def _block_status(self, flags: int, cookie: int, offset: int, length: int) -> None:
        if not self._contexts or not length:
            raise RefusedError(nbd.EINVAL, "no metadata context was chosen, or nothing asked about")
        count_max = 1 if flags & nbd.FLAG_REQ_ONE else EXTENTS_MAX
        found = [
            (number, extents(context.states(offset, offset + length), offset, length, count_max))
            for number, context in self._contexts.items()
        ]
        for number, runs in found:
            self._replies.status(cookie, number, runs, is_last=number == found[-1][0])

    # -- checks ------------------------------------------------------------------------------

    def _is_outside(self, offset: int, length: int) -> bool:
        return offset + length > self._size_bytes

    def _check_range(self, offset: int, length: int) -> None:
        if self._is_outside(offset, length):
            raise RefusedError(nbd.EINVAL, "the range passes the end of the export")
        if (offset | length) % nbd.BLOCK_BYTES_MIN:
            raise RefusedError(nbd.EINVAL, "the range is no multiple of 512 bytes")

    def _check_write(self, flags: int, command: int) -> None:
        check_flags(command, flags)
        if self._export.is_read_only:
            raise RefusedError(nbd.EPERM, "the export is read-only")

    def _check_long(self, flags: int, offset: int, length: int) -> None:
        self._check_write(flags, nbd.CMD_WRITE)
        if length > nbd.PAYLOAD_BYTES_MAX:
            raise RefusedError(nbd.EINVAL, "a write is too long")
        if self._is_outside(offset, length):
            raise RefusedError(nbd.ENOSPC, "a write goes past the end")
        self._check_range(offset, length)

    # -- refusals ----------------------------------------------------------------------------

    def _of_write(
        self, error: RangepairError | RefusedError, offset: int, length: int
    ) -> RangepairError | RefusedError:
        """Return the refusal of a write: one past the end has a number of its own."""
        if isinstance(error, RangepairError) and self._is_outside(offset, length):
            return RefusedError(nbd.ENOSPC, error.message)
        return error

    def _fail(self, cookie: int, error: RangepairError | RefusedError) -> None:
        number = error.number if isinstance(error, RefusedError) else nbd.error_number(error.errno)
        self._replies.failed(cookie, number, str(error))
