# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which bytes of a copy lie where: pure columns of numbers, no I/O."""

from __future__ import annotations
