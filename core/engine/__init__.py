# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The engine: open or create a volume; the facade of everything below."""

from __future__ import annotations

from core.engine.files import AREA_SUFFIX, create_portions, create_volume, open_volume
from core.engine.volume import Volume

__all__ = ["AREA_SUFFIX", "Volume", "create_portions", "create_volume", "open_volume"]
