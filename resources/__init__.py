# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Files the program ships: icons, traces, texts. Read them through ``importlib.resources``."""

from __future__ import annotations
