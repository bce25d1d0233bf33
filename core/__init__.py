# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The copy-on-write engine and its command line. Nothing in here knows the window."""

from __future__ import annotations

__version__ = "0.1.0"
