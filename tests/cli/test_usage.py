# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli.directory import ENTRIES
from tests.cli.conftest import Cli
from tests.cli.warmcommand import ROOT


@pytest.fixture
def bare_cli(tmp_path: Path) -> Cli:
    """The command as the interpreter starts it, nothing loaded."""
    return Cli(tmp_path, None)


def test_the_help_names_every_command(bare_cli: Cli) -> None:
    page = bare_cli.text("--help")
    for name, entry in ENTRIES.items():
        assert f"{name} " in page
        assert entry.summary in page
    assert bare_cli.text("help") == page


@pytest.mark.parametrize("name", ENTRIES)
def test_every_command_has_a_page(bare_cli: Cli, name: str) -> None:
    page = bare_cli.text(name, "--help")
    assert f"usage: rangepair {name}" in page
    assert ENTRIES[name].summary.lower() in page.lower()


def test_the_version_is_told(bare_cli: Cli) -> None:
    assert bare_cli.text("--version").startswith("rangepair 0.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["lst", "disk.img"], "There is no command 'lst'; did you mean 'list'?"),
        (["snapsho"], "There is no command 'snapsho'; did you mean 'snapshot'?"),
        (["qqq", "disk.img"], "There is no command 'qqq'; see 'rangepair --help'."),
        (["qqq"], "There is neither a command nor an image 'qqq'; see 'rangepair --help'."),
        (["help", "qqq"], "There is no command 'qqq'; see 'rangepair --help'."),
        (["--nonsense"], "There is no option '--nonsense'; see 'rangepair --help'."),
        (["list"], "Missing IMAGE; see 'rangepair list --help'."),
        (["snapshot", "disk.img"], "Missing NAME; see 'rangepair snapshot --help'."),
        (
            ["snapshot", "disk.img", "-x"],
            (
                "Missing NAME; a name that begins with a dash goes after two, as in -- -x;"
                " see 'rangepair snapshot --help'."
            ),
        ),
        (["snapshot", "disk.img", "--json"], "Missing NAME; see 'rangepair snapshot --help'."),
        (["delete", "disk.img", "--"], "Missing NAME; see 'rangepair delete --help'."),
        (["list", "disk.img", "x"], "Not understood: x; see 'rangepair list --help'."),
        (["list", "disk.img", "--jso"], "Not understood: --jso; see 'rangepair list --help'."),
        (
            ["read", "disk.img", "--offset", "0", "--length", "many"],
            (
                "--length: 'many' is not a size; write it like 512, 4KiB or 1.5GiB;"
                " see 'rangepair read --help'."
            ),
        ),
        (
            ["read", "disk.img", "--offset", "-512", "--length", "512"],
            (
                "--offset: '-512' is not a size; write it like 512, 4KiB or 1.5GiB;"
                " see 'rangepair read --help'."
            ),
        ),
        (
            ["create", "new.img", "--size", "0.3KiB"],
            "--size: '0.3KiB' is not a whole number of bytes; see 'rangepair create --help'.",
        ),
        (["create", "new.img"], "Missing --size or --portions; see 'rangepair create --help'."),
        (
            ["create", "new.img", "--size", "\N{ARABIC-INDIC DIGIT THREE}"],
            (
                "--size: '\N{ARABIC-INDIC DIGIT THREE}' is not a size; write it like 512, 4KiB or"
                " 1.5GiB; see 'rangepair create --help'."
            ),
        ),
        (
            ["create", "new.img", "--size", "1" * 5000],
            (
                f"--size: '{'1' * 64}' is not a size; write it like 512, 4KiB or 1.5GiB;"
                " see 'rangepair create --help'."
            ),
        ),
    ],
)
def test_wrong_usage_is_one_sentence_and_64(
    bare_cli: Cli, arguments: list[str], sentence: str
) -> None:
    assert bare_cli.complaint(*arguments, status=64) == sentence


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["export", "disk.img", ""], "OUT"),
        (["pack", "disk.img", ""], "OUT"),
        (["apply", "disk.img", ""], "STREAM"),
        (["load", "", "disk.img"], "DUMP"),
        (["load", "dump.json", "disk.img", "--data", ""], "--data"),
        (["check", "disk.img", "--repair", ""], "--repair"),
        (["list", "disk.img", "--area", ""], "--area"),
        (["create", "disk.img", "--size", "1MiB", "--area", ""], "--area"),
    ],
)
def test_an_empty_path_is_told(bare_cli: Cli, arguments: list[str], what: str) -> None:
    assert bare_cli.complaint(*arguments, status=64) == (
        f"{what}: the path is empty; name a file; see 'rangepair {arguments[0]} --help'."
    )


def test_without_a_screen_the_window_is_refused_with_a_way_out(bare_cli: Cli) -> None:
    bare = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": ""}
    done = bare_cli.run("disk.img", status=1, **bare)
    assert b"no screen to open the window on" in done.stderr
    assert b"rangepair --help" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["list", "--help"], ["lst", "x"]])
def test_what_needs_no_volume_loads_no_engine(bare_cli: Cli, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "core.cli", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "core.cli.main" in loaded
    assert not loaded & {"numpy", "msgspec", "core.engine", "core.service.client", "PySide6"}


def test_a_reader_that_leaves_is_no_error(bare_cli: Cli) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "core.cli", "--help"],
        cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_output_that_finds_no_room_is_told(bare_cli: Cli) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", "--help"],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "rangepair: There is no room left where the output goes; free some space."
    ]


@pytest.mark.parametrize(
    ("closed", "arguments", "status"),
    [
        (">&-", ["list", "disk.img"], 1),
        ("<&-", ["write", "disk.img", "--offset", "0"], 1),
        ("<&-", ["list", "disk.img"], 0),
        ("<&- >&- 2>&-", ["snapshot", "disk.img", "monday"], 1),
        ("2>&-", ["snapshot", "disk.img", "tuesday"], 0),
        ("2>&-", ["list", "nosuch.img"], 1),
    ],
)
def test_closed_streams_are_told_and_never_an_image(
    bare_cli: Cli, image: Path, closed: str, arguments: list[str], status: int
) -> None:
    before = image.read_bytes()
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m core.cli "$@" {closed}', sys.executable, *arguments],
        cwd=bare_cli.folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == status
    told = "rangepair: Standard input or output is closed; open it or name a file for it.\n"
    assert done.stderr.decode() == (told if status and "2" not in closed else "")
    assert image.read_bytes() == before


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """Return what a terminal would get."""
    leader, follower = pty.openpty()
    clean = {name: text for name, text in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "core.cli", *arguments],
        cwd=ROOT,
        env=clean | {"TERM": "xterm", "LC_ALL": "C.UTF-8"} | environment,
        stdout=follower,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(follower)
    pieces = []
    while True:
        try:
            piece = os.read(leader, 4096)
        except OSError:  # EIO: the last writer has closed its end
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(leader)
    assert process.wait(timeout=50) == 0
    return b"".join(pieces).decode().replace("\r\n", "\n")


def test_colour_is_for_terminals_that_want_it(bare_cli: Cli) -> None:
    plain = bare_cli.text("--help")
    assert "\x1b" not in plain
    assert "\x1b[1;36mrangepair\x1b[0m" in on_a_terminal("--help")
    assert on_a_terminal("--help", NO_COLOR="1") == plain
    assert on_a_terminal("--help", TERM="dumb") == plain


def test_a_terminal_gets_a_hex_dump_instead_of_raw_bytes(cli: Cli, image: Path) -> None:
    raw = image.read_bytes()[:512]
    shown = on_a_terminal(
        "read", str(image), "--offset", "0", "--length", "512", NO_COLOR="1", TERM="dumb"
    )
    rows = [line.split("  ") for line in shown.splitlines()]
    assert bytes.fromhex("".join(row[1] + row[2] for row in rows[:-1])) == raw
    assert rows[-1] == ["000000000200"]
    done = cli.run("read", image, "--offset", "0", "--length", "512", "--hex")
    assert done.stdout.decode() == shown
