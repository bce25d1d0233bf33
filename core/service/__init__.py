# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The engine process of an open volume, and how command line and window reach it."""

from __future__ import annotations
