# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The bytes of the additional area, format 1: pack and unpack, pure, side by side."""

from __future__ import annotations
