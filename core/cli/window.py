# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``rangepair [IMAGE]``: the window, or why there is none."""

from __future__ import annotations

import difflib
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.directory import ENTRIES
from core.errors import RangepairError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def open_window(arguments: Sequence[str]) -> int:
    """Open the window on the image named, if one is; return its exit status.

    Raises:
        UsageError: The arguments are a command that does not exist.
        RangepairError: There is no screen, or the window is not installed.
    """
    image = [argument for argument in arguments if argument]
    if image and image[0] == "--":
        image = image[1:]
    elif image and image[0].startswith("-"):
        raise UsageError(f"There is no option {image[0]!r}; see 'rangepair --help'.")
    if len(image) > 1 or (image and _is_mistyped_command(image[0])):
        raise UsageError(_no_such_command(image[0], is_lone=len(image) == 1))
    if not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))):
        raise RangepairError(
            "There is no screen to open the window on (neither DISPLAY nor WAYLAND_DISPLAY is set);"
            " use a command instead, see 'rangepair --help'."
        )
    try:
        # By name: the core knows of the window only that there may be one.
        run: Callable[[list[str]], int] = importlib.import_module("gui.app").main
    except ImportError as error:
        raise RangepairError(
            f"The window is not installed completely ({error}); install 'rangepair' with its"
            " dependencies, or use a command, see 'rangepair --help'."
        ) from error
    return run(image)


def _is_mistyped_command(word: str) -> bool:
    """Return whether a lone word is more likely a command than a path."""
    return word.isalpha() and not Path(word).exists()


def _no_such_command(word: str, *, is_lone: bool) -> str:
    """Return the sentence for a command that does not exist."""
    close = _close_to(word)
    if close:
        return f"There is no command {word!r}; did you mean {close[0]!r}?"
    what = "neither a command nor an image" if is_lone else "no command"
    return f"There is {what} {word!r}; see 'rangepair --help'."


def _close_to(word: str) -> list[str]:
    return difflib.get_close_matches(word, ENTRIES, n=1)
