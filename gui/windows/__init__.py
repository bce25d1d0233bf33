# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The window itself: where everything is, what can be done in it, and its dialogs."""

from __future__ import annotations
