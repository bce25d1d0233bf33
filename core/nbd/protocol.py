# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers and layouts of the NBD protocol, as far as they are spoken here. Pure."""

from __future__ import annotations

import errno
import struct
from typing import Final

# -- handshake -----------------------------------------------------------------------------------

GREETING_MAGIC: Final = b"NBDMAGICIHAVEOPT"
OPTION_MAGIC: Final = b"IHAVEOPT"
OPTION_REPLY_MAGIC: Final = 0x3E889045565A9

FIXED_NEWSTYLE: Final = 1 << 0
NO_ZEROES: Final = 1 << 1
GREETING: Final = struct.pack(">16sH", GREETING_MAGIC, FIXED_NEWSTYLE | NO_ZEROES)

CLIENT_FLAGS: Final = struct.Struct(">I")
OPTION: Final = struct.Struct(">8sII")
OPTION_REPLY: Final = struct.Struct(">QIII")
EXPORT_REPLY: Final = struct.Struct(">QH")
ZEROES_AFTER_EXPORT: Final = bytes(124)

OPT_EXPORT_NAME: Final = 1
OPT_ABORT: Final = 2
OPT_LIST: Final = 3
OPT_STARTTLS: Final = 5
OPT_INFO: Final = 6
OPT_GO: Final = 7
OPT_STRUCTURED_REPLY: Final = 8
OPT_LIST_META_CONTEXT: Final = 9
OPT_SET_META_CONTEXT: Final = 10

REP_ACK: Final = 1
REP_SERVER: Final = 2
REP_INFO: Final = 3
REP_META_CONTEXT: Final = 4
REP_ERR_UNSUP: Final = 1 << 31 | 1
REP_ERR_POLICY: Final = 1 << 31 | 2
REP_ERR_INVALID: Final = 1 << 31 | 3
REP_ERR_TLS_REQD: Final = 1 << 31 | 5
REP_ERR_UNKNOWN: Final = 1 << 31 | 6
REP_ERR_TOO_BIG: Final = 1 << 31 | 9

INFO_EXPORT: Final = 0
INFO_NAME: Final = 1
INFO_DESCRIPTION: Final = 2
INFO_BLOCK_SIZE: Final = 3

NAME_BYTES_MAX: Final = 4096
"""Longest string the protocol lets anyone send."""

# -- transmission --------------------------------------------------------------------------------

HAS_FLAGS: Final = 1 << 0
READ_ONLY: Final = 1 << 1
SEND_FLUSH: Final = 1 << 2
SEND_FUA: Final = 1 << 3
SEND_TRIM: Final = 1 << 5
SEND_WRITE_ZEROES: Final = 1 << 6
SEND_DF: Final = 1 << 7
CAN_MULTI_CONN: Final = 1 << 8
SEND_CACHE: Final = 1 << 10
SEND_FAST_ZERO: Final = 1 << 11

REQUEST_MAGIC: Final = 0x25609513
SIMPLE_REPLY_MAGIC: Final = 0x67446698
STRUCTURED_REPLY_MAGIC: Final = 0x668E33EF

REQUEST: Final = struct.Struct(">IHHQQI")
"""Magic, command flags, command, cookie, offset, length."""
SIMPLE_REPLY: Final = struct.Struct(">IIQ")
"""Magic, error, cookie."""
CHUNK: Final = struct.Struct(">IHHQI")
"""Magic, chunk flags, chunk type, cookie, length of what follows."""
CHUNK_OF_DATA: Final = struct.Struct(">IHHQIQ")
"""The same, and the offset of the data that follows."""
ERROR_CHUNK: Final = struct.Struct(">IH")
"""Error, length of the message that follows."""

CMD_READ: Final = 0
CMD_WRITE: Final = 1
CMD_DISC: Final = 2
CMD_FLUSH: Final = 3
CMD_TRIM: Final = 4
CMD_CACHE: Final = 5
CMD_WRITE_ZEROES: Final = 6
CMD_BLOCK_STATUS: Final = 7

FLAG_FUA: Final = 1 << 0
FLAG_NO_HOLE: Final = 1 << 1
FLAG_DF: Final = 1 << 2
FLAG_REQ_ONE: Final = 1 << 3
FLAG_FAST_ZERO: Final = 1 << 4

CHUNK_DONE: Final = 1
CHUNK_NONE: Final = 0
CHUNK_OFFSET_DATA: Final = 1
CHUNK_BLOCK_STATUS: Final = 5
CHUNK_ERROR: Final = 1 << 15 | 1

STATE_HOLE: Final = 1
STATE_ZERO: Final = 2

PAYLOAD_BYTES_MAX: Final = 32 << 20
"""Longest read or write in one request; as advertised."""
BLOCK_BYTES_MIN: Final = 512
UNFRAGMENTED_BYTES_MAX: Final = 1 << 20
"""Longest read that comes in one chunk if a client insists on it; the protocol asks for 64 KiB."""

# -- errors --------------------------------------------------------------------------------------

EPERM: Final = 1
EIO: Final = 5
EINVAL: Final = 22
ENOSPC: Final = 28
EOVERFLOW: Final = 75
ENOTSUP: Final = 95

_NUMBERS: Final = {
    errno.EPERM: EPERM,
    errno.EROFS: EPERM,
    errno.EACCES: EPERM,
    errno.EINVAL: EINVAL,
    errno.ENOSPC: ENOSPC,
    errno.EDQUOT: ENOSPC,
    errno.EOPNOTSUPP: ENOTSUP,
}


def error_number(number: int) -> int:
    """Return what the protocol calls an error of this system; EIO where it knows none."""
    return _NUMBERS.get(number, EIO)


class BrokenProtocolError(Exception):
    """The client sent what cannot be answered; its connection ends, and the log says why."""
