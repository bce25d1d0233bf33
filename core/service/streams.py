# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The standard streams of a process whose starter left some of them closed.

The first file opened then takes the number of a stream, and whatever the interpreter or a library
prints there ends up inside it. That file must never be an image.
"""

from __future__ import annotations

import os
import sys
from typing import Final

_WRONG_WAY_ROUND: Final = (os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)
"""Input that cannot be read and output that cannot be written fail instead of passing for empty;
what is complained about goes nowhere."""


def fill_streams() -> None:
    """Open what is closed of descriptors 0 to 2, and give ``sys`` the streams it lacks for it."""
    for number, flags in enumerate(_WRONG_WAY_ROUND):
        try:
            os.fstat(number)
        except OSError:
            found = os.open(os.devnull, flags)
            if found != number:
                os.dup2(found, number, inheritable=False)
                os.close(found)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
