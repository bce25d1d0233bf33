# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Storage areas: which of their bytes are in use, and where the next ones go."""

from __future__ import annotations
