# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The sentence a user reads when the operating system fails."""

from __future__ import annotations

import errno

from core.device.refusals import readable_path
from core.errors import AreaFullError, DeviceFailedError

__all__ = ["readable_path", "told"]


def told(error: OSError) -> AreaFullError | DeviceFailedError:
    """Return the error a user reads for a failure of the operating system."""
    reason = error.strerror or str(error)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return AreaFullError(f"The disk is full ({reason}); free space on it and try again.")
    return DeviceFailedError(
        f"The system refused to read or write ({reason}); check the disk and try again."
    )
