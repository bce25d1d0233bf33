# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What makes copies survive power loss: staging, the log, the ring, their order, and recovery."""

from __future__ import annotations
