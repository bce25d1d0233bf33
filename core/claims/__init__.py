# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The claims of the mechanism, shown by the real engine on small volumes and measured.

``scenarios`` are tables: acts, and the state after each. ``board`` acts, and then looks at the two
files. ``verdict`` compares. ``witness`` writes down which of the three groups of instructions ran.
``matrix`` says for each claim what was measured.
"""
