# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.cli.conftest import IMAGE_BYTES
from tests.cli.warmcommand import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


def read(cli: Cli, image: Path, offset: int, length: int, copy: str = "original") -> bytes:
    arguments = ("--offset", str(offset), "--length", str(length), "--copy", copy)
    return cli.run("read", image, *arguments).stdout


def test_what_is_written_is_read_and_the_snapshot_keeps_what_was(cli: Cli, image: Path) -> None:
    before = image.read_bytes()
    payload = random.Random(3).randbytes(8192)
    cli.text("snapshot", image, "monday")
    said = cli.text("write", image, "--offset", "4KiB", stdin=payload)
    assert said == "8 KiB written to original at 4096\n"
    assert read(cli, image, 0, IMAGE_BYTES) == before[:4096] + payload + before[12288:]
    assert read(cli, image, 0, IMAGE_BYTES, "monday") == before


def test_a_clone_is_written_alone(cli: Cli, image: Path) -> None:
    before = image.read_bytes()
    cli.text("snapshot", image, "monday")
    cli.text("clone", image, "monday", "test")
    cli.text("write", image, "--copy", "test", "--offset", "512", stdin=b"c" * 512)
    assert read(cli, image, 0, 1024, "test") == before[:512] + b"c" * 512
    assert read(cli, image, 0, 1024) == before[:1024]
    assert read(cli, image, 0, 1024, "monday") == before[:1024]


def test_a_snapshot_takes_no_writes(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "monday")
    sentence = cli.complaint("write", image, "--copy", "monday", "--offset", "0", stdin=bytes(512))
    assert "monday" in sentence


def test_ranges_off_the_sector_or_the_end_are_refused(cli: Cli, image: Path) -> None:
    for offset, length in (("1", "512"), ("0", "511"), ("512", "1")):
        sentence = cli.complaint("read", image, "--offset", offset, "--length", length)
        assert "multiple" in sentence
    for offset, length in (
        ("1MiB", "512"), ("1048064", "1024"), ("0", "2MiB"), ("1EiB", "512"), ("100EiB", "512"),
    ):  # fmt: skip
        sentence = cli.complaint("read", image, "--offset", offset, "--length", length)
        assert "passes the end of the volume's 1048576 bytes; choose one within them." in sentence


def test_input_that_does_not_fit_is_refused(cli: Cli, image: Path) -> None:
    before = image.read_bytes()
    for offset, length, reason in (
        ("0", 100, "multiple"),
        ("256", 512, "multiple"),
        ("1MiB", 512, "512 bytes at 1048576 passes the end of the volume's 1048576 bytes"),
        ("1048064", 1024, "1024 bytes at 1048064 passes the end of the volume's 1048576 bytes"),
    ):
        sentence = cli.complaint("write", image, "--offset", offset, stdin=bytes(length))
        assert reason in sentence
    assert read(cli, image, 0, IMAGE_BYTES) == before


def test_a_file_that_does_not_fit_is_refused_before_the_first_byte(
    cli: Cli, image: Path, tmp_path: Path
) -> None:
    long = tmp_path / "long"
    long.write_bytes(b"x" * (IMAGE_BYTES + 512))
    before = image.read_bytes()
    with long.open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", "write", str(image), "--offset", "0"],
            cwd=ROOT, stdin=file, capture_output=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert b"passes the end" in done.stderr
    assert read(cli, image, 0, IMAGE_BYTES) == before


def test_a_pipe_in_pieces_is_written_whole(cli: Cli, image: Path) -> None:
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "core.cli", "write", str(image), "--offset", "0"],
        cwd=ROOT, stdin=reading, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        for number in range(64):
            pipe.write(bytes([number]) * 100)  # pieces that end within sectors
    assert process.wait(timeout=50) == 1  # 6400 bytes are 12.5 sectors
    with_padding = b"".join(bytes([number]) * 100 for number in range(64)) + bytes(256)
    cli.text("write", image, "--offset", "0", stdin=with_padding)
    assert read(cli, image, 0, 6656) == with_padding


def test_an_interrupt_is_quiet(cli: Cli, image: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "core.cli", "write", str(image), "--offset", "0"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(bytes(1 << 19))  # a pipe holds 64 KiB: now the command reads
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=50) == (b"", b"")
    assert process.returncode == 130
    assert cli.json("list", image)["size"] == IMAGE_BYTES  # and nobody holds the volume any more


def test_nothing_is_read_and_written_without_a_fuss(cli: Cli, image: Path) -> None:
    assert read(cli, image, 0, 0) == b""
    assert cli.text("write", image, "--offset", "0") == "0 B written to original at 0\n"
