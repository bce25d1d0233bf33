# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The window. It shows what the engine tells and never computes what only the engine can know."""

from __future__ import annotations
