# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The bytes under the engine: files, block devices and memory behind one small protocol."""

from __future__ import annotations
