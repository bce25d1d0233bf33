# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What whoever reads a copy must know of the volume, beside the answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from core.cli.terminal import Terminal

if TYPE_CHECKING:
    from core.answers import VolumeInfo


def tell_volume_notice(info: VolumeInfo) -> None:
    """Tell it on standard error, if there is anything: that the image was changed outside."""
    if info.notice:
        Terminal(sys.stderr).line(f"note: {info.notice}")
