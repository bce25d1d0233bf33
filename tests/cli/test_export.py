# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Putting views out and streams in, by the command."""

from __future__ import annotations

import contextlib
import filecmp
import os
import pty
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from core.service.client import connect
from core.service.launcher import connect_or_start
from tests.cli.conftest import IMAGE_BYTES
from tests.cli.warmcommand import ROOT
from tests.doubles import cephdiff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli

PATIENCE_S = 30


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "core.cli", *map(str, words)]


def surroundings() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def test_copies_and_the_original_come_out_whole(cli: Cli, image: Path, tmp_path: Path) -> None:
    before = image.read_bytes()
    cli.text("snapshot", image, "monday")
    cli.text("write", image, "--offset", "4KiB", stdin=b"n" * 8192)
    said = cli.text("export", image, "--copy", "monday", tmp_path / "out.raw")
    assert said == f"monday → {tmp_path}/out.raw: raw, 1 MiB of data\n"
    assert (tmp_path / "out.raw").read_bytes() == before
    after = before[:4096] + b"n" * 8192 + before[12288:]
    cli.text("export", image, tmp_path / "now.raw")
    assert (tmp_path / "now.raw").read_bytes() == after
    assert cli.run("export", image, "-").stdout == after
    assert [copy["name"] for copy in cli.json("list", image)["copies"]] == ["monday"]
    assert cli.run("export", image, "--copy", "monday", "-").stdout == before
    sentence = cli.complaint("export", image, tmp_path / "now.raw")
    assert "exists already; choose another name, or replace it by --force." in sentence
    cli.text("export", image, "--copy", "monday", "--force", tmp_path / "now.raw")
    assert (tmp_path / "now.raw").read_bytes() == before


def test_a_chain_of_streams_arrives(cli: Cli, image: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.img"
    other.write_bytes(random.Random(1).randbytes(IMAGE_BYTES))
    cli.text("snapshot", image, "monday")
    cli.text("export", image, "--copy", "monday", "--format", "rbd-diff", tmp_path / "0.diff")
    cli.text("write", image, "--offset", "64KiB", stdin=b"n" * 8192 + bytes(8192))
    cli.text("snapshot", image, "tuesday")
    said = cli.text("export", image, "--copy", "tuesday", "--since", "monday", tmp_path / "1.diff")
    assert "monday, rbd-diff, 8 KiB of data" in said
    found = cephdiff.parse((tmp_path / "1.diff").read_bytes())
    assert (found.source, found.target, found.size) == ("monday", "tuesday", IMAGE_BYTES)
    assert [record[:3] for record in found.records] == [("w", 65536, 8192), ("z", 73728, 8192)]
    lines = cli.text("apply", other, tmp_path / "0.diff").splitlines()
    assert lines[0] == "original: from nothing to monday, 1 MiB of data written"
    assert lines[1] == "monday: snapshot of original as it is now"
    assert "what the original held before; purge it when it is not needed" in lines[2]
    piped = cli.run("apply", other, "-", stdin=(tmp_path / "1.diff").read_bytes())
    assert b"original: from monday to tuesday, 8 KiB of data written\n" in piped.stdout
    for name in ("original", "tuesday", "monday"):
        here = cli.run("export", image, "--copy", name, "-").stdout
        assert here == cli.run("export", other, "--copy", name, "-").stdout
    kept = [copy["name"] for copy in cli.json("list", other)["copies"]]
    assert kept[0].startswith("before-apply-")
    assert kept[1:] == ["monday", "tuesday"]
    assert cli.json("check", other)["clean"]


def test_streams_that_do_not_fit_are_refused(cli: Cli, image: Path, tmp_path: Path) -> None:
    cli.text("snapshot", image, "monday")
    cli.text("write", image, "--offset", "64KiB", stdin=b"n" * 8192)
    cli.text("export", image, "--since", "monday", tmp_path / "1.diff")
    stream = (tmp_path / "1.diff").read_bytes()
    assert "written to since 'monday'" in cli.complaint("apply", image, tmp_path / "1.diff")
    assert "breaks off after 100 bytes" in cli.complaint("apply", image, "-", stdin=stream[:100])
    assert "does not begin" in cli.complaint("apply", image, image)
    assert "cannot be read (No such file" in cli.complaint("apply", image, tmp_path / "none")
    assert "cannot be read (Is a directory" in cli.complaint("apply", image, tmp_path)
    said = cli.text("apply", image, tmp_path / "1.diff", "--to", "test")
    assert said == "test: from monday, 8 KiB of data written\n"
    kinds = {copy["name"]: copy["kind"] for copy in cli.json("list", image)["copies"]}
    assert kinds == {"monday": "snapshot", "test": "clone"}


def test_a_stream_of_a_volume_of_another_size_is_told_so(
    bare_cli: Cli, image: Path, tmp_path: Path
) -> None:
    bare_cli.text("export", image, "--format", "rbd-diff", tmp_path / "whole.diff")
    size = image.stat().st_size
    for other_size in (size // 2, size * 2):
        other = tmp_path / f"{other_size}.img"
        other.write_bytes(bytes(other_size))
        sentence = bare_cli.complaint("apply", other, tmp_path / "whole.diff")
        assert f"is of a volume of {size} bytes, and this one has {other_size};" in sentence


def test_what_makes_no_sense_is_refused(bare_cli: Cli, image: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for words, sentence in (
        (("--since", "monday", "--format", "qcow2", out), "which qcow2 is not; leave one out"),
        (("--format", "vmdk", "-"), "Vmdk cannot be put out piece by piece"),
        (("--format", "zip", out), "invalid choice: 'zip'"),
    ):
        assert sentence in bare_cli.complaint("export", image, *words, status=64)
    assert "belongs to the volume itself" in bare_cli.complaint("export", image, "--force", image)
    bare_cli.text("snapshot", image, "monday")
    area = f"{image}.rangepair"
    assert "belongs to the volume" in bare_cli.complaint("export", image, "--force", area)
    assert "'nobody'" in bare_cli.complaint("export", image, "--copy", "nobody", out)
    assert not out.exists()


def test_a_terminal_gets_no_image(image: Path) -> None:
    leader, follower = pty.openpty()
    try:
        for words in (("export", image, "-"), ("apply", image, "-")):
            done = subprocess.run(
                command(*words), stdin=follower, stdout=follower, stderr=subprocess.PIPE,
                env=surroundings(), check=False, timeout=PATIENCE_S,
            )  # fmt: skip
            assert done.returncode == 64
            assert b"A terminal" in done.stderr
    finally:
        os.close(leader)
        os.close(follower)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """An image that takes a while."""
    path = tmp_path / "large.img"
    path.write_bytes(random.Random(2).randbytes(1 << 20) * 64)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_an_export_that_is_ended_leaves_no_file(
    large: Path, tmp_path: Path, number: signal.Signals, image_format: str
) -> None:
    target = tmp_path / "out"
    for delay_s in (0.3, 0.6, 1.0):
        with subprocess.Popen(
            command("export", large, target, "--format", image_format),
            env=surroundings(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(delay_s)
            process.send_signal(number)
            status = process.wait(PATIENCE_S)
        if status == 0:  # it was quicker
            target.unlink()
            continue
        if target.exists():  # ended after it was whole
            assert image_format != "raw" or filecmp.cmp(target, large, shallow=False)
            target.unlink()
        if status in {130, 1}:
            assert [path.name for path in tmp_path.iterdir()] == ["large.img"]


@pytest.mark.slow
def test_an_apply_that_is_interrupted_is_undone_in_an_engine_process(image: Path) -> None:
    before = image.read_bytes()
    holder = connect_or_start(image)
    try:
        with applying(image) as process:
            wait_until(lambda: holder.read(0, 512) == b"x" * 512)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 130
        assert holder.read(0, IMAGE_BYTES) == before
        assert holder.info().copies == []
    finally:
        holder.close()
        connect(image).shutdown()


@pytest.mark.slow
def test_an_apply_that_is_killed_leaves_a_snapshot_with_all_that_was(
    bare_cli: Cli, image: Path
) -> None:
    before = image.read_bytes()
    holder = connect_or_start(image)
    try:
        with applying(image) as process:
            wait_until(lambda: holder.read(0, 512) == b"x" * 512)
            process.kill()
    finally:
        holder.close()
        connect(image).shutdown()
    (safety,) = bare_cli.json("list", image)["copies"]
    assert safety["name"].startswith("before-apply-")
    assert bare_cli.run("export", image, "--copy", safety["name"], "-").stdout == before
    assert bare_cli.json("check", image)["clean"]


@contextlib.contextmanager
def applying(image: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Lend a process that has applied half a mebibyte and waits for more."""
    stream = b"rbd diff v1\nw" + bytes(8) + (1 << 19).to_bytes(8, "little") + b"x" * (1 << 19)
    with subprocess.Popen(
        command("apply", image, "-"), env=surroundings(), stdin=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(stream)
        process.stdin.flush()
        yield process


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
