# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Figures, measured here and now: what copies cost beside a plain file and beside other programs.

How everything is measured, so that a ratio means something: cases that are compared run in turns
within one run, each round in the other order, so that whatever else the machine does meets all of
them; the median of the rounds counts. Files are warmed alike: ext4 fills the cache with large
folios when it reads ahead, and a 4 KiB write into one costs ten times that into a cache filled by
small reads. Files and processes of a measurement are gone when it ends, however it ends.
"""

from __future__ import annotations
