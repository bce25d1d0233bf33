# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Make a new additional area of what is left of a damaged one, or of its structures in words.

Nothing is ever written to the old one. What is saved goes through the same functions as at any
other time - groups are read by ``core.volume.recover``, tables and catalog are written by
``core.volume.fold`` - so what comes out is an additional area like any other.
"""
