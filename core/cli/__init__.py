# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: one file a group of commands, each of which is imported only when it is run."""

from __future__ import annotations
