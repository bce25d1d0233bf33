# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Messages to bytes and back: msgpack for the small things, bulks for arrays and data.

Pure: no socket. An array is written as (number of its bulk, dtype); only the three dtypes of
``core.answers`` are accepted back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from core.answers import PointerColumns
from core.errors import ERRORS_BY_CODE, InvalidNameError, InvalidRangeError, RangepairError
from core.service.frames import FrameError
from core.service.messages import AnyRequest, Done, Failed
from core.service.request import Bulk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

_DTYPES: Final = frozenset({"<i8", "<u8", "|u1"})


def pack(message: msgspec.Struct) -> tuple[bytes, list[memoryview]]:
    """Return a request's bytes and its bulks.

    Raises:
        InvalidRangeError: A number is too large for any volume.
        InvalidNameError: A name is no text.
    """
    bulks: list[memoryview] = []
    try:
        return msgspec.msgpack.encode(message, enc_hook=_putter(bulks)), bulks
    except OverflowError as error:
        raise InvalidRangeError(
            "The offset or length is larger than any volume; choose a range within the volume."
        ) from error
    except UnicodeEncodeError as error:
        raise InvalidNameError(
            f"The name {error.object!r} is not valid UTF-8; write it in UTF-8."
        ) from error


def pack_answer(value: object) -> tuple[bytes, list[memoryview]]:
    """Return the bytes and bulks of the reply that carries ``value``."""
    bulks: list[memoryview] = []
    raw = msgspec.Raw(msgspec.msgpack.encode(value, enc_hook=_putter(bulks)))
    return msgspec.msgpack.encode(Done(raw)), bulks


def pack_error(error: RangepairError) -> tuple[bytes, list[memoryview]]:
    """Return the bytes of the reply that carries a refusal."""
    return msgspec.msgpack.encode(Failed(error.code, error.message)), []


def unpack_request(message: bytearray, bulks: Sequence[bytearray]) -> AnyRequest:
    """Return the request.

    Raises:
        FrameError: It is none, or a field is of the wrong type.
    """
    try:
        request: AnyRequest = msgspec.msgpack.decode(
            message, type=AnyRequest, dec_hook=_taker(bulks)
        )
    except (
        msgspec.MsgspecError,
        ValueError,
        TypeError,
        IndexError,
        RecursionError,  # lists in lists in lists
    ) as error:
        raise FrameError(f"The engine was sent a request it does not know: {error}.") from error
    return request


def unpack_answer(message: bytearray, bulks: Sequence[bytearray], answer: Any) -> Any:
    """Return the value of a reply, as ``answer``, a type.

    Raises:
        RangepairError: The engine refused; the class is the one it raised.
        FrameError: The reply is none.
    """
    try:
        reply = msgspec.msgpack.decode(message, type=Done | Failed)
        if isinstance(reply, Done):
            return msgspec.msgpack.decode(reply.value, type=answer, dec_hook=_taker(bulks))
    except (msgspec.MsgspecError, ValueError, TypeError, IndexError) as error:
        raise FrameError(
            f"The engine process sent an answer this program does not know ({error});"
            " it may be of another version: end it and open again."
        ) from error
    raise ERRORS_BY_CODE.get(reply.code, RangepairError)(reply.message)


def _putter(bulks: list[memoryview]) -> Callable[[Any], object]:
    """Return the hook that puts arrays and bytes aside."""

    def put(value: Any) -> object:
        if isinstance(value, Bulk):
            bulks.append(memoryview(value.content).cast("B"))
            return len(bulks) - 1
        if isinstance(value, np.ndarray):
            flat = np.ascontiguousarray(value)
            bulks.append(flat.data.cast("B"))
            return len(bulks) - 1, flat.dtype.str
        if isinstance(value, PointerColumns):
            return value.starts, value.lengths, value.offsets, value.kinds, value.checksums
        if isinstance(value, np.integer):
            return int(value)
        raise NotImplementedError(f"{type(value).__name__} does not travel")

    return put


def _taker(bulks: Sequence[bytearray]) -> Callable[[Any, Any], object]:
    """Return the hook that fetches arrays and bytes from the bulks."""

    def array(entry: Any) -> npt.NDArray[Any]:
        index, dtype = entry
        if dtype not in _DTYPES:
            raise ValueError(f"an array of {dtype}")
        return np.frombuffer(bulks[index], dtype)

    def take(kind: Any, entry: Any) -> object:
        if kind is Bulk:
            return Bulk(bulks[entry])
        if kind is PointerColumns:
            starts, lengths, offsets, kinds, checksums = map(array, entry)
            return PointerColumns(starts, lengths, offsets, kinds, checksums)
        return array(entry)

    return take
