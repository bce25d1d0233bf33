# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A device whose durable writes and syncs wait until they are let through."""

from __future__ import annotations

import threading

from tests.doubles.faultdevice import FaultDevice


class GatedDevice(FaultDevice):
    """Begins with the gate open.

    Attributes:
        gate: Clear it, and whoever makes something durable waits.
        reached: Set once somebody stands before it.
    """

    def __init__(self, device):
        super().__init__(device)
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()

    def pwritev_durable(self, buffers, offset, /):
        self._pass()
        return super().pwritev_durable(buffers, offset)

    def sync(self):
        self._pass()
        super().sync()

    def _pass(self):
        self.reached.set()
        assert self.gate.wait(60)

    def shut(self):
        """Shut the gate, and forget who stood there."""
        self.reached.clear()
        self.gate.clear()
