# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Built-in writers: they write to a volume, so that its copies have something to keep."""

from __future__ import annotations
