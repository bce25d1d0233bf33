# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Names that may be shown to others, in the place of those that may not."""

from __future__ import annotations

import hashlib
import os
import string
from typing import Final

_TRIES_MAX: Final = 1000
_LETTERS: Final = string.ascii_lowercase + string.digits + string.ascii_uppercase


class Names:
    """Digests in place of names: as many bytes long, the same for the same name, never two alike.

    The salt is forgotten, so nobody can find out a name by trying.
    """

    def __init__(self) -> None:
        """Choose a salt."""
        self._salt = os.urandom(16)
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def hide(self, name: str) -> str:
        """Return what stands for ``name``."""
        if name not in self._given:
            length, number = len(name.encode()), 0
            while (
                digest := self._digest(name, number, length)
            ) in self._taken and number < _TRIES_MAX:  # of one letter there are not enough
                number += 1
            self._taken.add(digest)
            self._given[name] = digest
        return self._given[name]

    def _digest(self, name: str, number: int, length: int) -> str:
        seed = f"{number}:{name}".encode()
        stream = hashlib.shake_256(self._salt + seed).digest(length)
        return "".join(_LETTERS[byte % len(_LETTERS)] for byte in stream)
