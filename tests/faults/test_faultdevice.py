# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The failing device fails as told, and short transfers are finished by the loops of the house."""

from __future__ import annotations

import errno

import pytest

from core.device.base import read_exactly, read_into, write_all, writev_all
from core.device.memory import MemoryDevice
from core.errors import AreaFullError
from tests.doubles.faultdevice import OPERATIONS, FaultDevice

ACTS = {
    "pread": lambda device: device.pread(8, 0),
    "preadv": lambda device: device.preadv([bytearray(8)], 0),
    "pwrite": lambda device: device.pwrite(b"x" * 8, 0),
    "pwritev": lambda device: device.pwritev([b"x" * 8], 0),
    "pwritev_durable": lambda device: device.pwritev_durable([b"x" * 8], 0),
    "sync": lambda device: device.sync(),
    "allocate": lambda device: device.allocate(0, 8192),
    "punch": lambda device: device.punch(0, 8),
    "discard": lambda device: device.discard(0, 4096),
    "zero": lambda device: device.zero(0, 8),
    "resize": lambda device: device.resize(8192),
    "clone": lambda device: device.clone(MemoryDevice.from_bytes(b"n" * 4096), 0, 4096, 0),
}


@pytest.fixture
def device():
    device = MemoryDevice(4096)
    device.pwrite(b"o" * 4096, 0)
    return FaultDevice(device)


def test_every_operation_can_fail():
    assert set(ACTS) == OPERATIONS


@pytest.mark.parametrize("operation", ACTS)
def test_only_the_nth_call_fails_and_changes_nothing(device, operation):
    held = device._device
    device.fail(operation, 2, errno.EIO)
    ACTS[operation](device)
    after_first = held.size, held.pread(8192, 0)
    with pytest.raises(OSError, match="Input/output error") as caught:
        ACTS[operation](device)
    assert caught.value.errno == errno.EIO
    assert (held.size, held.pread(8192, 0)) == after_first
    ACTS[operation](device)
    assert device.calls[operation] == 3


@pytest.mark.parametrize("operation", ACTS)
def test_a_lasting_fault_lasts_until_it_is_healed(device, operation):
    device.fail(operation, for_ever=True)
    for _ in range(3):
        with pytest.raises(OSError, match="Input/output"):
            ACTS[operation](device)
    device.heal()
    ACTS[operation](device)


def test_a_full_disk_speaks_as_the_contract_says(device):
    device.fail("allocate", code=errno.ENOSPC)
    with pytest.raises(AreaFullError):
        device.allocate(0, 8192)
    device.fail("pwrite", code=errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        device.pwrite(b"x", 0)
    assert device.size == 4096


@pytest.mark.parametrize("operation", ["pwritev_durable", "sync", "trim"])
def test_what_cannot_be_short_is_refused(device, operation):
    with pytest.raises(ValueError, match=operation):
        device.shorten(operation, 1)


def test_a_call_that_is_past_is_refused(device):
    with pytest.raises(ValueError, match="no call 0 of sync"):
        device.fail("sync", 0)


@pytest.mark.parametrize("done", [1, 511, 512, 700, 1024])
def test_short_writes_are_finished(device, done):
    device.shorten("pwritev", done)
    assert writev_all(device.pwritev, [b"a" * 512, b"", b"b" * 512], 100) == 1024
    assert device.calls["pwritev"] == (1 if done == 1024 else 2)
    assert device.pread(1025, 100) == b"a" * 512 + b"b" * 512 + b"o"


@pytest.mark.parametrize("operation", ["pread", "preadv"])
def test_short_reads_are_finished(device, operation):
    device.shorten("pread", 100)
    device.shorten("preadv", 7)
    device.shorten("preadv", 1, nth=2)
    if operation == "pread":
        assert read_exactly(device, 4096, 0) == b"o" * 4096
        return
    buffer = bytearray(4096)
    read_into(device, buffer, 0)
    assert buffer == b"o" * 4096


def test_a_short_pwrite_says_so(device):
    device.shorten("pwrite", 3)
    assert device.pwrite(b"abcdef", 0) == 3
    assert device.pread(6, 0) == b"abcooo"


def test_a_device_that_takes_nothing_is_an_error(device):
    device.shorten("pwritev", 0)
    with pytest.raises(OSError, match="nothing could be written") as caught:
        write_all(device, b"x", 0)
    assert caught.value.errno == errno.EIO
