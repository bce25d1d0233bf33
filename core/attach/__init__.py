# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A view of a volume where other programs can use it: a file, a loop device, a mounted file system.

Each is built on the one before and undone in the reverse order, by ``detach`` as by an error half
way. What is mounted or open elsewhere is looked for before anything is undone.
"""

from __future__ import annotations
