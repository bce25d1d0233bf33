# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a person can do to the copies, and undo: one class an act."""

from __future__ import annotations
