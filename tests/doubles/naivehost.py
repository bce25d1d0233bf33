# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A real engine process with the naive twin in it: ``python -m tests.doubles.naivehost IMAGE``."""

from __future__ import annotations

import sys

from core.service.host import serve_image
from tests.doubles.naivesession import open_volume

if __name__ == "__main__":
    sys.exit(serve_image(None, open_volume))
