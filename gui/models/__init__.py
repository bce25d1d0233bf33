# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the window knows: answers and events of an engine, kept in the shape a picture needs."""

from __future__ import annotations
