# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a volume does: receive, instant copy, write; take, read, delete; open, fold, close."""

from __future__ import annotations
