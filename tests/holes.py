# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How much of a file is data, told by its holes.

Not by `st_blocks`: that counts the blocks of the file's own extent tree too, which come and go
with the state of the disk.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def data_bytes(path: Path) -> int:
    """Return how many bytes of a file its file system stores."""
    total = end = 0
    file = os.open(path, os.O_RDONLY)
    try:
        while True:
            try:
                start = os.lseek(file, end, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return total
            end = os.lseek(file, start, os.SEEK_HOLE)
            total += end - start
    finally:
        os.close(file)
