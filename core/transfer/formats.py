# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a view can be put out as, by name. Imports nothing, for the help of the command line."""

from __future__ import annotations

from typing import Final

RAW: Final = "raw"
DIFF: Final = "rbd-diff"
FOREIGN: Final = ("qcow2", "vmdk", "vdi", "vhdx")
"""Those that ``qemu-img`` writes."""
FORMATS: Final = (RAW, *FOREIGN, DIFF)
