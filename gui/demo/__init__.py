# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The guided demonstration: half a minute of the real engine on eight portions."""

from __future__ import annotations
