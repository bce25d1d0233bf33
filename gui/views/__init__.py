# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the window paints. A view shows its models and asks nobody else."""

from __future__ import annotations
