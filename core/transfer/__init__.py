# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Whole views, and the difference between two of them, out of volumes and into them."""

from __future__ import annotations
