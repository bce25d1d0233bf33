# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The way to the engine and back: calls out, answers and events in, never a wait."""

from __future__ import annotations
