# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Files of a copy by the command, with the volume open nowhere or in an engine process."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.engine import open_volume
from core.service.client import connect
from core.service.launcher import connect_or_start
from tests.cli.conftest import Cli
from tests.cli.warmcommand import ROOT
from tests.files.conftest import debugfs, make_ext4

SIZE_BYTES = 8 << 20
PATIENCE_S = 30


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An ext4 with a few files, one of them named to fool a terminal."""
    source = tmp_path / "source"
    (source / "etc").mkdir(parents=True)
    (source / "etc" / "fstab").write_bytes(b"# none\n" * 1000)
    (source / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    (source / "etc" / "steer\x1b[31m").write_text("x")
    (source / "etc" / "own").symlink_to("fstab")
    os.mkfifo(source / "pipe")
    for path in source.rglob("*"):
        os.utime(path, (10**9, 10**9), follow_symlinks=False)
    make_ext4(tmp_path / "disk.img", source, SIZE_BYTES, "-b", "4096")
    return tmp_path / "disk.img"


def change(image: Path, *requests: str) -> None:
    """Change the file system by hand, and write what that changes to the volume."""
    other = image.with_name("other.img")
    with open_volume_of(image) as volume:
        other.write_bytes(volume.read(0, SIZE_BYTES))
        debugfs(other, *requests)
        content = other.read_bytes()
        for at in range(0, SIZE_BYTES, 4096):
            if volume.read(at, 4096) != content[at : at + 4096]:
                volume.write(at, content[at : at + 4096])
    other.unlink()


def open_volume_of(image: Path):
    from core.service.launcher import connect_or_open

    return connect_or_open(image, open_volume)


def test_a_folder_is_listed(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "monday")
    change(image, "rm /etc/fstab")
    rows = cli.text("files", image, "--copy", "monday", "/etc").splitlines()
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(10**9))
    assert rows == [
        f"-rw-r--r--  7000  {when}  fstab",
        f"-rw-r--r--    20  {when}  hosts",
        f"lrwxrwxrwx     5  {when}  own → fstab",
        f"-rw-r--r--     1  {when}  steer\\x1b[31m",
    ]
    assert "  fstab\n" not in cli.text("files", image, "/etc")
    assert cli.text("files", image, "etc/hosts").endswith("  hosts\n")
    assert [copy["name"] for copy in cli.json("list", image)["copies"]] == ["monday"]


def test_the_keys_of_a_listing_stay(cli: Cli, image: Path) -> None:
    told = cli.json("files", image, "/etc/")
    system = told.pop("file_system")
    assert system == {
        "kind": "ext4", "partition": 0, "start": 0, "length": SIZE_BYTES, "block": 4096,
        "replayed": 0, "notice": "",
    }  # fmt: skip
    entries = told.pop("entries")
    assert told == {"image": str(image), "copy": "original", "path": "/etc/"}
    inode = entries[0].pop("inode")
    assert inode > 10
    assert entries[0] == {
        "name": "fstab", "type": "file", "mode": "0644", "size": 7000, "modified": 1e9,
        "uid": os.getuid(), "gid": os.getgid(), "links": 1, "target": "", "readable": True,
    }  # fmt: skip
    assert [(entry["name"], entry["type"]) for entry in entries[1:]] == [
        ("hosts", "file"),
        ("own", "link"),
        ("steer\x1b[31m", "file"),
    ]


def test_a_file_is_put_out(cli: Cli, image: Path, tmp_path: Path) -> None:
    whole = (tmp_path / "source" / "etc" / "fstab").read_bytes()
    cli.text("snapshot", image, "monday")
    change(image, "rm /etc/fstab")
    said = cli.text("files", image, "--copy", "monday", "/etc/own", "--out", "fstab")
    assert said == "monday: /etc/own → fstab: 1 file, 6.8 KiB of data\n"
    assert (tmp_path / "fstab").read_bytes() == whole
    assert (tmp_path / "fstab").stat().st_mtime == 10**9
    sentence = cli.complaint("files", image, "/etc/hosts", "--out", "fstab")
    assert sentence == "'fstab' exists already; nothing is replaced, choose another name."
    assert (tmp_path / "fstab").read_bytes() == whole
    assert cli.run("files", image, "--copy", "monday", "/etc/fstab", "--out", "-").stdout == whole


def test_a_folder_is_put_out(cli: Cli, image: Path, tmp_path: Path) -> None:
    done = cli.run("files", image, "/", "--out", "all")
    assert done.stdout.decode() == (
        "original: / → all: 3 files, 2 folders, 1 link, 6.9 KiB of data\n"
    )
    assert done.stderr == b"rangepair: 1 name left out:\n  pipe: it is a pipe\n"
    assert (tmp_path / "all" / "etc" / "own").readlink() == Path("fstab")
    told = cli.run("files", image, "/etc", "--out", "etc", "--json").stdout
    assert told == (
        b'{"copy":"original","path":"/etc","out":"etc","files":3,"folders":0,"links":1,'
        b'"bytes":7021,"skipped":[]}\n'
    )
    assert "is not empty" in cli.complaint("files", image, "/", "--out", "all")
    assert "is a folder; name a folder" in cli.complaint("files", image, "/etc", "--out", "-")
    assert "is a pipe; only files" in cli.complaint("files", image, "/pipe", "--out", "p")


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["/nix"], 1, "There is no 'nix' in '/'; check the path, or look into another copy."),
        (["--copy", "x"], 1, "There is no copy named 'x'; 'rangepair list --all' shows them all."),
        (["--partition", "2"], 1, "There is no partition 2; the volume has none."),
        (
            ["/etc", "--owner", "0"],
            64,
            "'--owner' finds a PATH and takes none; leave one of them out.",
        ),
        (
            ["--owner", "1TiB"],
            1,
            (
                "The range of 1 byte at 1099511627776 passes the end of the volume's 8388608"
                " bytes; choose one within them."
            ),
        ),
        (["a", "b"], 64, "Not understood: b; see 'rangepair files --help'."),
    ],
)
def test_mistakes_are_told(
    cli: Cli, image: Path, arguments: list[str], status: int, sentence: str
) -> None:
    assert cli.complaint("files", image, *arguments, status=status) == sentence


def test_bytes_are_told_by_their_files(cli: Cli, image: Path) -> None:
    told = cli.json("files", image, "--owner", f"0:{SIZE_BYTES}")["ranges"]
    fstab = next(part for part in told if part["paths"] == ["/etc/fstab"])
    assert fstab == {
        "start": fstab["start"], "length": 8192, "role": "file", "paths": ["/etc/fstab"],
        "inode": fstab["inode"], "file_offset": 0,
    }  # fmt: skip
    rows = cli.text("files", image, "--owner", str(fstab["start"] + 4097)).splitlines()
    assert rows[1].split(maxsplit=3) == [
        str(fstab["start"] + 4096), "4096", "file", "/etc/fstab, from its byte 4096",
    ]  # fmt: skip


def test_changes_are_told_by_files(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "monday")
    assert cli.text("diff", image, "monday", "--files") == "monday and original are equal\n"
    change(image, "rm /etc/hosts", "ln /etc/fstab /moved", "unlink /etc/fstab")
    rows = [line.split() for line in cli.text("diff", image, "monday", "--files").splitlines()]
    assert rows[1] == ["removed", "20", "B", "/etc/hosts"]
    assert rows[2] == ["moved", "6.8", "KiB", "/etc/fstab", "→", "/moved"]
    assert " ".join(rows[4]).startswith("monday and original may differ in 2 files and folders, ")
    assert " ".join(rows[5]).startswith("the file system's own: ")
    told = cli.json("diff", image, "monday", "--files", "--exact")
    assert told["exact"] is True
    assert told.keys() == {
        "from", "to", "exact", "bytes", "file_systems", "files", "own", "unread",
    }  # fmt: skip
    assert told["bytes"] == sum(told["own"].values())
    assert told["files"][0] == {
        "path": "/etc/hosts", "change": "removed", "type": "file", "bytes": 0, "size": 20,
        "size_before": 20, "was": "", "aspects": [], "inode": told["files"][0]["inode"],
    }  # fmt: skip
    back = cli.json("diff", image, "original", "monday", "--files")["files"]
    assert [(change["change"], change["path"]) for change in back] == [
        ("moved", "/etc/fstab"),
        ("added", "/etc/hosts"),
    ]
    assert cli.complaint("diff", image, "monday", "--partition", "1", status=64) == (
        "'--partition' goes with --files."
    )


def test_an_interrupt_leaves_nothing(image: Path, tmp_path: Path) -> None:
    holder = connect_or_start(image)
    process = subprocess.Popen(
        [sys.executable, "-m", "core.cli", "files", str(image), "/", "--out", str(tmp_path / "o")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    try:
        # Its reader is stopped in the midst, so that there is a midst.
        reader = child_of(process.pid)
        os.kill(reader, signal.SIGSTOP)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()
        holder.close()
    with connect(image) as volume:
        assert volume.info().copies == []
        volume.shutdown()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".o", "o"))]


def child_of(pid: int) -> int:
    """Return the reader that a process has started, once it has."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in task.read_text().split():
                if b"core.files.reader" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
        time.sleep(0.01)
    raise AssertionError("no reader was started")


def test_a_terminal_is_not_steered_by_content(image: Path, tmp_path: Path) -> None:
    source = tmp_path / "source" / "etc" / "hosts"
    other = tmp_path / "second.img"
    source.write_bytes(b"plain\ttext\n\x1b[31mred\xff\n")
    make_ext4(other, tmp_path / "source", SIZE_BYTES)
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "core.cli", "files", str(other), "/etc/hosts", "--out", "-"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=theirs,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0
    assert os.read(ours, 1000) == b"plain\ttext\r\n\\x1b[31mred\\xff\r\n"
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    "words", [["list"], ["read", "--offset", "0", "--length", "512"], ["files"]]
)
def test_the_library_is_loaded_by_no_command(image: Path, words: list[str]) -> None:
    """Not even by that which needs it: only by the process that reads file systems."""
    name, *rest = words
    script = (
        "import sys\n"
        "from core.cli.main import main\n"
        "main(sys.argv[1:])\n"
        "found = {'pytsk3', 'core.files.library'} & set(sys.modules)\n"
        "if sys.argv[1] != 'files': found |= {m for m in sys.modules if 'core.files' in m}\n"
        "sys.exit(f'{found}' if found else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, name, str(image), *rest],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
