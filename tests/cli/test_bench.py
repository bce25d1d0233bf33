# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``rangepair bench``, as its user runs it; on little, as no figure is judged here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.cli import bench
from core.cli.figures import print_sheet, shown
from core.cli.progress import Step
from core.cli.terminal import Terminal
from core.measure import nbd, topics
from core.measure.rows import Row
from tests.cli.warmcommand import ROOT

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

BENCH = ("bench", "--quick", "--in", ".", "--rounds", "1")


def test_the_topics_that_are_told_are_those_that_there_are() -> None:
    """The command names them without loading what measures them."""
    assert tuple(topics.ALONE) == bench._ALONE
    assert set(nbd.TOPICS) == set(bench._AGAINST_QEMU)


def test_a_table_is_printed_and_nothing_left(bare_cli: Cli) -> None:
    text = bare_cli.run(*BENCH, "--topics", "takes").stdout.decode()
    versions, processor, where, how, blank, heading, head, *rows = text.splitlines()
    assert versions.startswith("rangepair ")
    assert processor.endswith(("processor", "processors"))
    assert where.startswith("in /")
    assert how == "cases in turns, medians of at least 1 round"
    assert blank == ""
    assert heading == "Taking a copy when there are none  less is better"
    assert head.split() == ["ms", "ratio", "lowest", "highest"]
    assert rows[0].split()[:4] == ["4", "KiB", "written", "and"]
    assert rows[0].split()[-3] == "x"
    assert max(map(len, text.splitlines()[3:])) <= 80
    assert list(bare_cli.folder.iterdir()) == []


def test_what_is_compared_with_nothing_has_no_ratio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    print_sheet([Row("Opening", "empty", "ms", [2.0, 1.0, 6.0])], Terminal(sys.stdout))
    assert [line.split() for line in capsys.readouterr().out.splitlines()[2:]] == [
        ["ms", "lowest", "highest"],
        ["empty", "2", "1", "6"],
    ]


def test_json_and_a_picture(bare_cli: Cli) -> None:
    done = bare_cli.run(*BENCH, "--topics", "takes", "--json", "--png", "figures.png")
    told = json.loads(done.stdout)
    assert set(told) == {"date", "machine", "versions", "rounds", "notes", "rows"}
    assert told["rounds"] == 1
    assert [row["case"] for row in told["rows"][:3]] == [
        "4 KiB written and synced",
        "Rangepair, a copy of 16 MiB",
        "Rangepair, a copy of 1 TiB",
    ]
    assert (bare_cli.folder / "figures.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [path.name for path in bare_cli.folder.iterdir()] == ["figures.png"]


@pytest.mark.interop
def test_the_comparison_tells_stalls_and_processor_time(bare_cli: Cli) -> None:
    text = bare_cli.run(*BENCH, "--against", "qemu", "--topics", "read").stdout.decode()
    head = next(line for line in text.splitlines() if "requests/s" in line)
    assert head.split() == ["requests/s", "ratio", "p99.9", "ms", "CPU", "us"]
    assert "qemu-nbd, qcow2 with snapshot" in text
    assert max(map(len, text.splitlines()[3:])) <= 80
    assert list(bare_cli.folder.iterdir()) == []


def test_without_any_tool_a_sentence_names_each(bare_cli: Cli) -> None:
    done = bare_cli.run(*BENCH, "--against", "qemu", status=1, PATH="")
    sentences = [line for line in done.stderr.decode().splitlines() if "at work" not in line]
    assert [line.split("install the package ")[1] for line in sentences] == [
        "qemu-utils.",
        "nbdkit.",
        "fio.",
    ]
    assert done.stdout == b""
    assert list(bare_cli.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--topics", "takes,foo"), "There is no topic 'foo'; choose from takes, "),
        (("--topics", "takes", "--against", "qemu"), "no topic 'takes' against qemu; choose from"),
        (("--rounds", "0"), "'0' is no number of rounds"),
        (("--against", "xen"), "invalid choice: 'xen'"),
        (("--topics", "opening", "--png", "x.png"), "Opening is compared with nothing"),
        (("disk.img",), "ot understood: disk.img"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: tuple[str, ...], sentence: str, bare_cli: Cli
) -> None:
    assert sentence in bare_cli.complaint("bench", *arguments, status=64)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--in", "nowhere"), "No scratch image can be made in nowhere (No such file"),
        (("--png", "nowhere/x.png"), "The picture cannot be written to nowhere/x.png"),
        (("--png", "."), "The picture cannot be written to ."),
    ],
)
def test_where_nothing_can_be_written_nothing_is_measured(
    arguments: tuple[str, ...], sentence: str, bare_cli: Cli
) -> None:
    assert sentence in bare_cli.complaint("bench", *arguments)
    assert list(bare_cli.folder.iterdir()) == []


def test_a_disk_that_fills_up_is_told_and_left_clean(bare_cli: Cli) -> None:
    """A bound on the length of files stands for the disk's: every write past it is refused."""
    program = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "from core.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *BENCH, "--topics", "writes"],
        cwd=bare_cli.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    sentence = done.stderr.decode().splitlines()[-1]
    assert (done.returncode, done.stdout) == (1, b"")
    assert sentence.startswith("rangepair: The measurement could not go on (File too large); free")
    assert list(bare_cli.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "begun"),
    [
        (("--topics", "writes"), "writes.img.floor"),
        pytest.param(("--against", "qemu"), "nbd.base.qcow2", marks=pytest.mark.interop),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_file_and_no_process(
    number: signal.Signals, arguments: tuple[str, ...], begun: str, bare_cli: Cli
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "core.cli", *BENCH, *arguments],
        cwd=bare_cli.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        deadline = time.monotonic() + 40
        while not list(bare_cli.folder.glob(f"*/{begun}")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, told = process.communicate(timeout=40)
    assert process.returncode == 130
    assert [line for line in told.decode().splitlines() if "at work" not in line] == []
    assert list(bare_cli.folder.iterdir()) == []
    assert running_with(str(bare_cli.folder)) == []


def running_with(text: str) -> list[str]:
    """Return the command lines of processes that name ``text``."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [line for line in lines if text in line and "pytest" not in line.split(text)[0]]


def test_figures_are_shown_with_three_digits() -> None:
    assert [shown(value) for value in (0.0123456, 7.768, 99.94, 123.4, 34_567.8)] == [
        "0.0123",
        "7.77",
        "99.9",
        "123",
        "34,568",
    ]


def test_a_step_is_told_in_one_line_that_is_wiped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Step() as step:
        step.tell("something that is longer than the line")
        step.tell("more")
    told = capsys.readouterr().err
    assert told.count("\n") == 0
    assert told.startswith("\r\x1b[K")
    assert "something t" in told
    assert "than the line" not in told
    assert told.endswith(("more\x1b[0m\r\x1b[K", "more\r\x1b[K"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with Step() as step:
        step.tell("to nobody")
    assert capsys.readouterr().err == ""
