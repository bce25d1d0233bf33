# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What can be done about each kind of error."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Final

from core.errors import (
    EngineGoneError,
    ImageChangedError,
    ImageError,
    RangepairError,
    VolumeBusyError,
)
from gui.views.banner import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

GONE_CODE: Final = EngineGoneError.code
UNEXPECTED_CODE: Final = "unexpected"


def _sentence(error: RangepairError) -> str:
    """Return the message with a capital, unless it begins with the name of a file, and a stop."""
    first, space, rest = error.message.partition(" ")
    words = f"{first[:1].upper()}{first[1:]}{space}{rest}" if first.isalpha() else error.message
    return words if words.endswith((".", "!", "?")) else f"{words}."


def of_refusal(error: RangepairError | str) -> Trouble:
    """An act the engine refused, or one that cannot be taken back any more."""
    if isinstance(error, str):
        return Trouble(error, "refused", "warning")
    return Trouble(_sentence(error), error.code)


def of_opening(
    path: str,
    error: RangepairError,
    reopen: Callable[[bool], None],
    choose: Callable[[], None],
) -> Trouble:
    """An image that could not be opened; ``reopen(accept_changes)`` tries once more."""
    actions: list[tuple[str, Callable[[], None]]] = []
    if isinstance(error, ImageChangedError):
        actions.append(("Open it as it is now", lambda: reopen(True)))
    if isinstance(error, (VolumeBusyError, EngineGoneError)):
        actions.append(("Try again", lambda: reopen(False)))
    if isinstance(error, ImageError):
        actions.append(("Open another…", choose))
    return Trouble(
        _sentence(error),
        error.code,
        actions=tuple(actions),
        details=f"image: {path}",
        topic="opening",
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
