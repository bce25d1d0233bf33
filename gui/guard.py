# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The one net under every method that Qt calls.

An exception that leaves a virtual override surfaces inside whichever Qt call happened to be
running, and can take the interpreter down with it. So every override and slot wears ``guarded``:
what goes wrong is told to one reporter, and Qt gets a harmless answer.
"""

from __future__ import annotations

import functools
import logging
import sys
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger(__name__)


def _tell_excepthook(error: Exception) -> None:
    sys.excepthook(type(error), error, error.__traceback__)


_reporter: list[Callable[[Exception], None]] = [_tell_excepthook]


def set_reporter(reporter: Callable[[Exception], None] | None) -> None:
    """Send caught exceptions to ``reporter``; ``None`` sends them to ``sys.excepthook``."""
    _reporter[0] = reporter or _tell_excepthook


def guarded(method: Callable[P, R]) -> Callable[P, R]:
    """Wrap an override or slot that returns nothing."""
    return guarded_or(None)(method)


def guarded_or(fallback: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Wrap an override that must return a value; ``fallback`` is returned when it fails."""

    def wrap(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - told, then kept from Qt
                _log.exception("%s failed", method.__qualname__)
                _reporter[0](error)
                answer: R = fallback
                return answer

        return call

    return wrap
