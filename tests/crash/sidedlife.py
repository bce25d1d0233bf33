# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The life of a volume whose original's new data goes to the additional area, and home again."""

from __future__ import annotations

import contextlib
from typing import Final

from core.errors import UsageError
from tests.crash.life import ACTS, Life, Style
from tests.doubles.oracle import ORIGINAL

SIDED: Final = Style(
    acts={**ACTS, "mechanism": 10, "separate": 10, "move": 14, "flush": 20, "snapshot": 9}
)
"""New data of the original is in the additional area, or on its way home, most of the time."""


class SidedLife(Life):
    """A life in which it is chosen where new data of the original goes."""

    def _mechanism(self) -> None:
        """Let new data of the original go to the additional area."""
        self._try_change(lambda: self._volume.choose_mechanism("always-additional"))

    def _separate(self) -> None:
        """Begin to bring new data home, mostly the original's."""
        name = self._any([ORIGINAL, ORIGINAL, *self._oracle.names()])
        with contextlib.suppress(UsageError):  # there is nothing to separate
            self._try_change(lambda: self._volume.separate(name))
            self._toll.separated += 1
