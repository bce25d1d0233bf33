# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle says what the additional area says, and nothing of what the volume holds."""

from __future__ import annotations

import lzma
import os

import msgspec
import pytest

from core.device.memory import MemoryDevice
from core.engine.bundles import open_bundle
from core.errors import CorruptAreaError, FormatError
from core.format.layout import BUNDLE_MAGIC
from core.salvage.names import Names
from core.salvage.pack import pack_bundle, unpack_bundle
from tests.engine.stills import read_only_volume
from tests.fuzz import sidecars

SIDECARS = {"clean": sidecars.make(clean=True), "dirty": sidecars.make(clean=False)}
BOTH = pytest.mark.parametrize("name", SIDECARS)


def packed(sidecar, device=None, *, hides_names=False):
    image = MemoryDevice.from_bytes(sidecar.image)
    source = device or sidecars.FlippedDevice(sidecar.area)
    return pack_bundle(image, source, "1.2.3", hides_names=hides_names)


def opened(raw, tmp_path):
    (tmp_path / "bundle").write_bytes(raw)
    return open_bundle(tmp_path / "bundle")


def facts_of(dump):
    return {key: dump[key] for key in dump.keys() - {"image", "area"}}


@BOTH
def test_it_opens_and_says_the_same(name, tmp_path):
    sidecar = SIDECARS[name]
    volume = opened(packed(sidecar), tmp_path)
    looked_at = read_only_volume(
        MemoryDevice.from_bytes(sidecar.image), MemoryDevice.from_bytes(sidecar.area)
    )
    assert facts_of(volume.dump()) == facts_of(looked_at.dump())
    assert volume.check(structures=True) == []
    assert volume.info().read_only
    volume.close()


@BOTH
@pytest.mark.parametrize("hides_names", [False, True])
def test_it_holds_nothing_that_the_volume_held(name, hides_names):
    """Data of these volumes is digits, a semicolon and filling, all of it of 16 bytes and more."""
    sidecar = SIDECARS[name]
    inner = lzma.decompress(packed(sidecar, hides_names=hides_names)[len(BUNDLE_MAGIC) :])
    held = {view[at : at + 16] for view in sidecar.views.values() for at in range(0, 65536, 512)}
    held.discard(bytes(16))
    assert len(held) > 100
    assert not any(piece in inner for piece in held)
    assert (b"first" in inner) is not hides_names
    assert (b"disk.img" in inner) is not hides_names
    assert len(inner) < 2 << 20


@BOTH
def test_names_are_hidden_and_all_else_is_the_same(name, tmp_path, monkeypatch):
    # Of a name of two letters the digest has two, too: some salt gives that very name.
    monkeypatch.setattr(os, "urandom", lambda count: b"s" * count)
    sidecar = SIDECARS[name]
    shown = opened(packed(sidecar), tmp_path).dump()
    hidden = opened(packed(sidecar, hides_names=True), tmp_path)
    assert hidden.check(structures=True) == []
    dump = hidden.dump()
    assert dump["layers"] == shown["layers"]
    names = [copy.pop("name") for copy in dump["copies"]]
    known = [copy.pop("name") for copy in shown["copies"]]
    assert dump["copies"] == shown["copies"]
    assert [len(each) for each in names] == [len(each) for each in known]
    assert not set(names) & set(known)
    assert dump["superblock"]["catalog"] == shown["superblock"]["catalog"]


@BOTH
@pytest.mark.parametrize("structure", ["catalog", "table", "free list"])
def test_damage_comes_along_and_is_told(name, structure, tmp_path):
    sidecar = SIDECARS[name]
    part = sidecar.structures[structure][0]
    device = sidecars.FlippedDevice(sidecar.area)
    device.flip(part.start + 70, 0x20)
    raw = packed(sidecar, device)
    with pytest.raises(CorruptAreaError, match=f"byte {part.start} of"):
        opened(raw, tmp_path)
    hidden = unpack_bundle(packed(sidecar, device, hides_names=True))
    if structure == "catalog":
        assert any("its names are left out" in note for note in hidden.notes)
        assert b"first" not in msgspec.msgpack.encode(hidden.pieces)


def test_a_damaged_log_comes_along_and_is_told(tmp_path):
    sidecar = SIDECARS["dirty"]
    part = sidecar.structures["log group"][1]
    device = sidecars.FlippedDevice(sidecar.area)
    device.flip(part.start + 60, 0x20)
    bundle = unpack_bundle(packed(sidecar, device))
    assert bundle.notes == [f"The group of the log at byte {part.start} is damaged."]
    with pytest.raises(CorruptAreaError, match=f"damaged at byte {part.start}"):
        opened(packed(sidecar, device), tmp_path)


@pytest.mark.parametrize(
    "raw", [BUNDLE_MAGIC, BUNDLE_MAGIC + b"x" * 100, BUNDLE_MAGIC + lzma.compress(b"\x80")]
)
def test_what_is_no_bundle_is_refused(raw, tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        opened(raw, tmp_path)


def test_a_newer_bundle_is_refused(tmp_path):
    bundle = unpack_bundle(packed(SIDECARS["clean"]))
    bundle.version = 2
    raw = BUNDLE_MAGIC + lzma.compress(msgspec.msgpack.encode(bundle))
    with pytest.raises(FormatError, match="use a newer Rangepair"):
        opened(raw, tmp_path)


def test_digests_are_as_long_and_never_two_alike():
    names = Names()
    known = ["a", "b", "before upgrade", "übermorgen", "x" * 128, *(str(n) for n in range(100))]
    given = [names.hide(name) for name in known]
    assert [len(each.encode()) for each in given] == [len(each.encode()) for each in known]
    assert len(set(given)) == len(known)
    assert [names.hide(name) for name in known] == given
    assert Names().hide("before upgrade") != names.hide("before upgrade")
    every = [names.hide(chr(code)) for code in range(33, 127)]  # more than there are digests
    assert all(len(each) == 1 for each in every)
