# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Other people's clients against an engine process that serves."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.nbd.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from core.service.client import RemoteVolume

pytestmark = pytest.mark.interop
MIB = 1 << 20
SYSTEM_PYTHON = "/usr/bin/python3"


def run(*arguments: object) -> str:
    """Run a program to its end; return what it printed."""
    done = subprocess.run(
        [str(each) for each in arguments], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def of(uri: str, name: str) -> str:
    """Return the URI of one export."""
    return uri.replace("///", f"///{name}", 1)


def exports(uri: str) -> dict[str, bool]:
    """Return all exports as nbdinfo sees them: whether each is read-only."""
    told = json.loads(run("nbdinfo", "--json", "--list", uri))["exports"]
    return {each["export-name"]: each["is_read_only"] for each in told}


def test_nbdinfo_sees_copies_come_and_go(engine: RemoteVolume, uri: str) -> None:
    assert exports(uri) == {"original": False}
    engine.snapshot("monday")
    engine.clone("try out", "monday")
    assert exports(uri) == {"original": False, "monday": True, "try out": False}
    engine.rename("monday", "lundi é")
    engine.delete(["try out"])
    assert exports(uri) == {"original": False, "lundi é": True}
    engine.undelete(["try out"])
    engine.delete(["try out", "lundi é"], now=True)
    assert exports(uri) == {"original": False}


def test_nbdinfo_is_told_what_can_be_done(uri: str) -> None:
    (told,) = json.loads(run("nbdinfo", "--json", uri))["exports"]
    assert told["export-size"] == IMAGE_BYTES
    assert [told[f"block_size_{which}"] for which in ("minimum", "preferred", "maximum")] == [
        512,
        4096,
        32 * MIB,
    ]
    can = {name for name, value in told.items() if name.startswith("can_") and value}
    assert can == {
        "can_cache", "can_df", "can_fast_zero", "can_flush", "can_fua", "can_multi_conn",
        "can_trim", "can_zero",
    }  # fmt: skip


def test_nbdcopy_both_ways(engine: RemoteVolume, uri: str, image: Path, tmp_path: Path) -> None:
    before = image.read_bytes()
    run("nbdcopy", "--connections=4", "--requests=16", uri, tmp_path / "out.img")
    assert (tmp_path / "out.img").read_bytes() == before
    engine.snapshot("monday")
    after = tmp_path / "in.img"
    after.write_bytes(random.Random(8).randbytes(IMAGE_BYTES - 3 * MIB) + bytes(3 * MIB))
    run("nbdcopy", "--flush", "--connections=4", after, uri)
    assert image.read_bytes() == after.read_bytes()
    run("nbdcopy", "--connections=4", of(uri, "monday"), tmp_path / "monday.img")
    assert (tmp_path / "monday.img").read_bytes() == before
    assert engine.check() == []


def test_nbdcopy_from_server_to_server(engine: RemoteVolume, uri: str, image: Path) -> None:
    engine.clone("twin", "original")
    before = image.read_bytes()
    engine.write(0, bytes(2 * MIB))
    run("nbdcopy", "--connections=2", of(uri, "twin"), uri)
    engine.flush()
    assert image.read_bytes() == before


def test_qemu_img_converts_compares_and_maps(
    engine: RemoteVolume, uri: str, image: Path, tmp_path: Path
) -> None:
    engine.snapshot("monday")
    before = image.read_bytes()
    engine.trim(MIB, 2 * MIB)
    engine.write(5 * MIB, b"x" * 4096)
    engine.flush()
    run("qemu-img", "compare", "-f", "raw", "-F", "raw", uri, image)
    run("qemu-img", "convert", "-O", "qcow2", of(uri, "monday"), tmp_path / "m.qcow2")
    (tmp_path / "m.img").write_bytes(before)
    run("qemu-img", "compare", tmp_path / "m.qcow2", tmp_path / "m.img")
    told = json.loads(run("qemu-img", "map", "--output=json", "-f", "raw", uri))
    assert [(run["start"], run["length"], run["zero"]) for run in told] == [
        (0, MIB, False),
        (MIB, 2 * MIB, True),
        (3 * MIB, 5 * MIB, False),
    ]
    told = json.loads(run("qemu-img", "map", "--output=json", of(uri, "monday")))
    assert [(run["start"], run["length"], run["zero"]) for run in told] == [(0, IMAGE_BYTES, False)]


def test_qemu_io_writes_zeroes_discards_and_verifies(
    engine: RemoteVolume, uri: str, image: Path
) -> None:
    engine.snapshot("monday")
    before = image.read_bytes()
    told = run(
        "qemu-io", "-f", "raw", uri,
        "-c", "write -P 0x5a 1M 1M",
        "-c", "write -f -P 0x5b 1536 512",
        "-c", "write -z 1280k 64k",
        "-c", "write -z -u 1408k 64k",
        "-c", "discard 1536k 64k",
        "-c", "flush",
        "-c", "read -P 0x5a 1M 256k",
        "-c", "read -P 0 1280k 64k",
        "-c", "read -P 0 1408k 64k",
        "-c", "read -P 0 1536k 64k",
        "-c", "read -P 0x5b 1536 512",
        "-c", "aio_write -P 0x5c 3M 2M",
        "-c", "aio_write -P 0x5d 5M 2M",
        "-c", "aio_flush",
        "-c", "read -P 0x5c 3M 2M",
        "-c", "read -P 0x5d 5M 2M",
    )  # fmt: skip
    assert "verification failed" not in told
    expected = bytearray(before)
    expected[MIB : 2 * MIB] = b"\x5a" * MIB
    for start in (1280, 1408, 1536):
        expected[start * 1024 : (start + 64) * 1024] = bytes(64 * 1024)
    expected[1536:2048] = b"\x5b" * 512
    expected[3 * MIB : 7 * MIB] = b"\x5c" * (2 * MIB) + b"\x5d" * (2 * MIB)
    engine.flush()
    assert image.read_bytes() == expected
    assert engine.read(0, IMAGE_BYTES, "monday") == before
    refused = subprocess.run(
        ["qemu-io", "-f", "raw", of(uri, "monday"), "-c", "write 0 512"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Permission denied" in refused.stderr


def test_fio_verifies_while_snapshots_are_taken(engine: RemoteVolume, uri: str) -> None:
    command = [
        "fio", "--name=x", "--ioengine=nbd", f"--uri={uri}", "--rw=randwrite", "--bsrange=512-64k",
        "--iodepth=32", f"--size={IMAGE_BYTES}", "--verify=crc32c", "--verify_fatal=1",
        "--fsync=32", "--loops=3", "--randseed=3", "--number_ios=2500", "--verify_state_save=0",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as fio:
        taken = []
        while fio.poll() is None:
            taken.append((engine.snapshot(f"s{len(taken)}"), b""))
            taken[-1] = (taken[-1][0], engine.read(0, IMAGE_BYTES, taken[-1][0].name))
        assert fio.stdout is not None
        assert fio.wait() == 0, fio.stdout.read()
    assert taken
    for copy, content in taken:
        assert engine.read(0, IMAGE_BYTES, copy.name) == content
    assert engine.check() == []


LIBNBD = """
import nbd, sys
uri, name = sys.argv[1:]
one, two = nbd.NBD(), nbd.NBD()
for h in one, two:
    h.set_export_name(name)
    for context in ("base:allocation", "rangepair:changed/monday", "rangepair:owner"):
        h.add_meta_context(context)
    h.connect_unix(uri.partition("socket=")[2])
assert one.can_multi_conn() and one.get_structured_replies_negotiated()
one.pwrite(b"1" * 8192, 4096)
one.flush()
assert two.pread(8192, 4096) == b"1" * 8192
cookies = []
for i in range(200):
    h = (one, two)[i % 2]
    while h.aio_in_flight() >= 32:
        h.poll(-1)
    cookies.append((h, h.aio_pwrite(bytearray([i]) * 4096, (1 << 20) + i * 8192)))
for h, cookie in cookies:
    while not h.aio_command_completed(cookie):
        h.poll(-1)
for i in range(200):
    assert two.pread(4096, (1 << 20) + i * 8192) == bytearray([i]) * 4096
told = {}
def extent(context, offset, entries, error):
    told[context] = entries
one.block_status(16384, 0, extent)
print(told["rangepair:changed/monday"], told["rangepair:owner"], told["base:allocation"])
for bad in ("one.pread(512, 1)", "one.pwrite(b'x' * 512, one.get_size())"):
    one.set_strict_mode(0)
    try:
        eval(bad)
    except nbd.Error as error:
        print(error.errno)
one.shutdown()
two.shutdown()
"""


def test_libnbd_with_two_connections(engine: RemoteVolume, uri: str) -> None:
    engine.snapshot("monday")
    told = run(SYSTEM_PYTHON, "-c", LIBNBD, uri, "original").splitlines()
    assert told == [
        "[4096, 0, 8192, 1, 4096, 0] [16384, 0] [16384, 0]",
        "EINVAL",
        "ENOSPC",
    ]
    told = run("nbdinfo", "--map=rangepair:owner", "--json", of(uri, "monday"))
    first = [(run["offset"], run["length"], run["type"]) for run in json.loads(told)[:3]]
    assert first == [(0, 4096, 0), (4096, 8192, 1), (12288, MIB - 12288, 0)]


def test_the_command_serves_until_it_is_interrupted(
    image: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    command = [sys.executable, "-m", "core.cli", "serve", str(image), "--socket", f"{folder}/my s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        word, uri = serving.stdout.readline().split()
        assert (word, uri) == ("ready", f"nbd+unix:///?socket={folder}/my%20s")
        assert exports(uri) == {"original": False}
        serving.terminate()
        assert serving.wait(20) == 0
    assert not (folder / "my s").exists()
