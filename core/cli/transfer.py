# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Bytes out of a volume to standard output, and from standard input into it."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, BinaryIO, Final

from core.cli import portions
from core.cli.cancelling import read_patiently
from core.cli.opening import open_for
from core.cli.parsing import add_copy, add_image, size
from core.cli.progress import Progress
from core.cli.terminal import told_name
from core.errors import EXIT_DONE, InvalidRangeError, UsageError
from core.units import MIB, SECTOR_BYTES, format_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.session import VolumeSession

CHUNK_BYTES: Final = 4 * MIB
_DUMP_ROW_BYTES: Final = 16


def _declare_read(parser: CommandParser) -> None:
    add_image(parser)
    add_copy(parser)
    portions.add_place(parser)
    parser.add_argument("--length", metavar="N", type=size, help="bytes, after --offset")
    parser.add_argument(
        "--hex", action="store_true", help="as a hex dump; a terminal always gets one"
    )


def _read(options: argparse.Namespace, terminal: Terminal) -> int:
    if (options.length is None) is (options.portion is None):
        raise UsageError("'--offset' goes with --length, '--portion' without it.")
    with (
        open_for(options, read_only=True) as volume,
        Progress(f"reading {told_name(options.copy)}", options.length) as progress,
    ):
        if options.portion is not None:
            options.offset, options.length = portions.place_of(volume, options)
        # The whole range is refused before the first byte of it is put out.
        _check_range(volume, options.copy, options.offset, options.length)
        for offset, length in _chunks(options.offset, options.length):
            piece = volume.read(offset, length, options.copy)
            if options.hex or terminal.is_tty:
                _print_hex(offset, piece, terminal)
            else:
                sys.stdout.buffer.write(piece)
            progress.add(length)
    return EXIT_DONE


def _check_range(volume: VolumeSession, copy: str, offset: int, length: int) -> None:
    """Refuse a range that passes the end.

    Raises:
        InvalidRangeError: It does.
    """
    view_bytes = volume.info().size_of(copy)
    if offset + length > view_bytes:
        raise InvalidRangeError.outside(offset, length, view_bytes)


def _chunks(offset: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) of the pieces to be moved one by one; one even if there is nothing."""
    stop = offset + length
    yield offset, min(CHUNK_BYTES, length)
    for start in range(offset + CHUNK_BYTES, stop, CHUNK_BYTES):
        yield start, min(CHUNK_BYTES, stop - start)


def _print_hex(offset: int, piece: bytes, terminal: Terminal) -> None:
    """Print rows of 16 bytes; rows equal to the one before are told as one star."""
    before = b""
    is_starred = False
    for at in range(0, len(piece), _DUMP_ROW_BYTES):
        row = piece[at : at + _DUMP_ROW_BYTES]
        if row == before:
            if not is_starred:
                terminal.line(terminal.paint("*", "grey"))
            is_starred = True
            continue
        before, is_starred = row, False
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        place = terminal.paint(f"{offset + at:012x}", "grey")
        terminal.line(f"{place}  {row[:8].hex(' ')}  {row[8:].hex(' ')}  |{text}|")
    terminal.line(terminal.paint(f"{offset + len(piece):012x}", "grey"))


def _declare_write(parser: CommandParser) -> None:
    add_image(parser)
    add_copy(parser)
    portions.add_place(parser)


def _write(options: argparse.Namespace, terminal: Terminal) -> int:
    source = sys.stdin.buffer
    expected = _bytes_left(source)
    with open_for(options) as volume:
        if options.portion is not None:
            return portions.write_portion(volume, source, options, terminal)
        if expected is not None:
            # What is known to fail is refused before the first byte is written.
            _check_sectors(expected, 0)
            _check_range(volume, options.copy, options.offset, expected)
        with Progress(f"writing {told_name(options.copy)}", expected) as progress:
            written = _pour(source, volume, options, progress)
        volume.flush()
    terminal.line(
        f"{format_bytes(written)} written to {told_name(options.copy)} at {options.offset}"
    )
    return EXIT_DONE


def _pour(
    source: BinaryIO, volume: VolumeSession, options: argparse.Namespace, progress: Progress
) -> int:
    """Write all of ``source``; return the number of bytes.

    Raises:
        InvalidRangeError: It passes the end of the volume, or ends within a sector.
    """
    written = 0
    while True:
        piece = read_patiently(source, CHUNK_BYTES)
        if not piece:
            return written
        _check_sectors(len(piece), written)
        try:
            volume.write(options.offset + written, piece, options.copy)
        except InvalidRangeError as error:
            raise InvalidRangeError(_with_remainder(error.message, written)) from error
        written += len(piece)
        progress.add(len(piece))


def _check_sectors(length: int, written: int) -> None:
    """Refuse input that ends within a sector.

    Raises:
        InvalidRangeError: It does.
    """
    if length % SECTOR_BYTES:
        message = (
            f"The input has {_bytes(written + length)}, which is not a multiple of {SECTOR_BYTES};"
            " pad it to whole sectors."
        )
        raise InvalidRangeError(_with_remainder(message, written))


def _bytes(count: int) -> str:
    return f"{count} byte{'s' * (count != 1)}"


def _with_remainder(message: str, written: int) -> str:
    """Return the sentence with what has been written before it came to this."""
    return f"{message} ({format_bytes(written)} before it were written.)" if written else message


def _bytes_left(source: BinaryIO) -> int | None:
    """Return how many bytes a regular file still has; None for a pipe or terminal."""
    status = os.fstat(source.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    return max(0, status.st_size - os.lseek(source.fileno(), 0, os.SEEK_CUR))


COMMANDS: Final[dict[str, Command]] = {
    "read": (_declare_read, _read),
    "write": (_declare_write, _write),
}
