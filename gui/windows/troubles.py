# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What can be done about each kind of error."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Final

from core.errors import (
    EngineGoneError,
    FingerprintError,
    ImageChangedError,
    RangepairError,
    VolumeBusyError,
)
from gui.models.integrity import ranges_told
from gui.views.banner import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.answers import VolumeInfo

GONE_CODE: Final = EngineGoneError.code
UNEXPECTED_CODE: Final = "unexpected"
OPENING: Final = "opening"
ACT: Final = "act"
STATE: Final = "state"
WORKLOAD: Final = "workload"
_ACCEPT: Final = "Open it as it is now"
_ANOTHER: Final = "Open another…"


def _sentence(error: RangepairError) -> str:
    """Return the message with a capital, unless it begins with the name of a file, and a stop."""
    first, space, rest = error.message.partition(" ")
    words = f"{first[:1].upper()}{first[1:]}{space}{rest}" if first.isalpha() else error.message
    return words if words.endswith((".", "!", "?")) else f"{words}."


def of_refusal(error: RangepairError | str, topic: str = "") -> Trouble:
    """An act the engine refused, or one that cannot be taken back any more."""
    if isinstance(error, str):
        return Trouble(error, "refused", "warning", topic=topic)
    return Trouble(_sentence(error), error.code, topic=topic)


def of_state(info: VolumeInfo, accept: Callable[[], None]) -> Trouble | None:
    """Why an open volume takes no writes; ``accept`` goes on with an image others changed."""
    if not info.read_only and not info.notice:
        return None
    if not info.notice:
        words = "The volume is read-only; what it holds can be looked at, not changed."
        return Trouble(words, "read-only", "warning", topic=STATE)
    sentence = _sentence(RangepairError(info.notice))
    if not info.read_only:
        return Trouble(sentence, "device-failed", topic=STATE)
    actions = ((_ACCEPT, accept),)
    return Trouble(
        sentence,
        ImageChangedError.code,
        "warning",
        actions=actions,
        details=_suspects(info),
        topic=STATE,
    )


def _suspects(info: VolumeInfo) -> str:
    """Return every place that was changed, and which copies read there, a line each."""
    lines = []
    if info.changed_ranges:
        lines.append(f"changed: {ranges_told(info.changed_ranges, len(info.changed_ranges))}")
    lines += [
        f"{copy.name}: {ranges_told(copy.suspect_ranges, len(copy.suspect_ranges))}"
        for copy in info.copies
        if copy.suspect_ranges
    ]
    return "\n".join(lines)


def of_drop(sentence: str, choose: Callable[[], None]) -> Trouble:
    """Something was dropped that is no image."""
    return Trouble(sentence, "drop", "warning", actions=((_ANOTHER, choose),), topic=OPENING)


def of_opening(
    path: str,
    error: RangepairError,
    reopen: Callable[[bool], None],
    choose: Callable[[], None],
) -> Trouble:
    """An image that could not be opened; ``reopen(accept_changes)`` tries once more."""
    actions: list[tuple[str, Callable[[], None]]] = []
    if isinstance(error, FingerprintError) or type(error) is ImageChangedError:
        actions.append((_ACCEPT, lambda: reopen(True)))
    if isinstance(error, (VolumeBusyError, EngineGoneError)):
        actions.append(("Try again", lambda: reopen(False)))
    actions.append((_ANOTHER, choose))
    return Trouble(
        _sentence(error),
        error.code,
        actions=tuple(actions),
        details=f"image: {path}",
        topic=OPENING,
    )


def of_gone_engine(error: RangepairError, restart: Callable[[], None]) -> Trouble:
    """The engine process ended by itself."""
    return Trouble(_sentence(error), GONE_CODE, actions=(("Restart the engine", restart),))


def of_unexpected(error: BaseException) -> Trouble:
    """A fault of the window's own."""
    return Trouble(
        "Something in the window failed; your volume is not affected. Copy the details for a "
        f"report: {type(error).__name__}: {error}",
        UNEXPECTED_CODE,
        details="".join(traceback.format_exception(error)),
    )
