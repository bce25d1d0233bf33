# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of the README, measured here and now: ratios, interleaved, medians."""

from __future__ import annotations
