# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a user reads when one of the two files does not take a write."""

from __future__ import annotations

from typing import Final

from core.errors import DeviceFailedError

AREA_FULL: Final = "The additional area is full; purge copies or free space on its disk."
IMAGE_DISK_FULL: Final = (
    "The disk that holds the image is full, so the write was refused; free space there and try "
    "again."
)


def write_failure(error: OSError) -> DeviceFailedError:
    """Return what a user reads when a write or sync failed."""
    reason = error.strerror or str(error)
    return DeviceFailedError(
        f"Writing failed ({reason}), so the volume takes no more writes; what was flushed is "
        "safe: mend the cause and open the volume again."
    )
