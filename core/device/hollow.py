# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An additional area of which only the structures are there; all data reads as zeroes."""

from __future__ import annotations

from core.device.memory import MemoryDevice


class HollowDevice(MemoryDevice):
    """The structures of an additional area, in memory; of data nothing can be verified."""
