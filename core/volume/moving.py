# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Move what is restored into the image, a step a call.

Why no power cut breaks it is said at the head of ``core.volume.restore``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.events import EventKind
from core.session import ORIGINAL
from core.units import GRAIN_BYTES_MAX, MIB
from core.volume.read import read_initial
from core.volume.trim import trim
from core.volume.write import CHUNK_BYTES, write

if TYPE_CHECKING:
    from core.journal.writer import Journal
    from core.volume.restore import Restore
    from core.volume.state import VolumeState

PROGRESS_BYTES: Final = 64 * MIB
"""After so much is moved, that is made durable, so that a cut costs little work twice."""
_PIECE_BYTES: Final = GRAIN_BYTES_MAX
_PUNCHED_PIECES_MIN: Final = 4
"""So many pieces of zeroes are given back to the disk; for fewer a discard costs too much."""


def step(state: VolumeState, bytes_max: int = CHUNK_BYTES) -> bool:
    """Move the next range that is left; return whether there is more to do.

    Raises:
        RangepairError: It cannot be moved now; what was moved stays moved.
    """
    restore, journal = state.restore, state.journal
    if restore is None or journal is None:
        return False
    grains = restore.next_grains(max(bytes_max >> state.grain_shift, 1))
    if grains is None:
        journal.checkpoint()
        return False
    start = grains[0] << state.grain_shift
    length = min(grains[1] << state.grain_shift, state.size_bytes) - start
    content = restore.read(start, length)
    parts = [(0, length, False)]  # a separation moves what was told beforehand, to the byte
    if restore.restoring.safety_id:
        parts = _parts(content, read_initial(state, start, length), restore)
    for low, high, is_there in parts:
        part = (start + low >> state.grain_shift, (start + high - 1 >> state.grain_shift) + 1)
        if is_there:
            restore.note_moved(*part)
        elif restore.has_newer:
            _move(state, journal, part, content[low:high])
        else:
            _write(state, start + low, content[low:high])
    state.publish(EventKind.MOVED, start=start, length=length, moved=restore.left_bytes)
    if restore.undurable_grains << state.grain_shift >= PROGRESS_BYTES:
        journal.checkpoint()
    return True


def _parts(content: bytes, held: bytes, restore: Restore) -> list[tuple[int, int, bool]]:
    """Cut what is restored where the image ``held`` the same already: start, stop, is the same."""
    grain, parts = restore.left.grain_bytes, list[tuple[int, int, bool]]()
    if content == held:
        return [(0, len(content), True)]
    for low in range(0, len(content), grain):
        high = min(low + grain, len(content))
        is_there = content[low:high] == held[low:high]
        if parts and parts[-1][2] is is_there:
            parts[-1] = (parts[-1][0], high, is_there)
        else:
            parts.append((low, high, is_there))
    return parts


def _write(state: VolumeState, start: int, content: bytes) -> None:
    """Write what is restored as a client would; long zeroes are discarded."""
    done = 0
    while done < len(content):
        length, is_zero = _leading(content[done:])
        if is_zero:
            trim(state, start + done, length, ORIGINAL)
        else:
            write(state, start + done, content[done : done + length], ORIGINAL)
        done += length


def _leading(content: bytes) -> tuple[int, bool]:
    """Return how much of the beginning is to be moved in one way, and whether it is all zeroes."""
    starts = range(0, len(content), _PIECE_BYTES)
    zeroes = [content.count(0, at, at + _PIECE_BYTES) == _PIECE_BYTES for at in starts]
    lead = next((at for at, is_zero in enumerate(zeroes) if not is_zero), len(zeroes))
    if lead >= _PUNCHED_PIECES_MIN:
        return lead * _PIECE_BYTES, True
    for at in range(1, len(zeroes) - _PUNCHED_PIECES_MIN + 1):
        if all(zeroes[at : at + _PUNCHED_PIECES_MIN]):
            return at * _PIECE_BYTES, False
    return len(content), False


def _move(state: VolumeState, journal: Journal, grains: tuple[int, int], content: bytes) -> None:
    """Put what is restored in place; copies taken meanwhile read the same as before."""
    restore = state.restore
    assert restore is not None
    state.find_room(*grains)
    restore.keep(*grains, is_move=True)
    journal.put(*grains, content)
    journal.barrier()
    restore.note_moved(*grains)
    state.stats.writes += 1
    state.stats.written_bytes += len(content)
