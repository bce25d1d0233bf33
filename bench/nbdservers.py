# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""NBD servers to compare: each begun anew on the same content, warm, with a copy just taken."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.measure import forget_copies, warm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READY_S_MAX = 20.0
QEMU = ("qemu-nbd", "--persistent", "--shared=8", "--cache=writeback")


class Served(NamedTuple):
    """A server that answers.

    Attributes:
        pid: Its process.
    """

    uri: str
    pid: int

    def processor_s(self) -> float:
        """Return the processor time it has taken so far, of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def rangepair(image: Path, *, snapshots: int = 1, export: str = "") -> Iterator[Served]:
    """An engine process of ours, as ``rangepair serve`` begins it."""
    from core.service.launcher import connect_or_start

    forget_copies(image)
    warm(image)
    with _folder() as folder, _runtime(folder), connect_or_start(image) as engine:
        for number in range(snapshots):
            engine.snapshot(f"s{number}")
            for block in range(0 if snapshots == 1 else 64):  # something to look through
                engine.write((block * 64 + number) % 65536 * 4096, os.urandom(4096))
        engine.flush()
        uri = engine.serve(socket=str(folder / "s")).uri
        yield Served(uri.replace("///", f"///{export}", 1), engine.welcome.pid)
        engine.shutdown()
    forget_copies(image)


@contextlib.contextmanager
def qemu_raw(image: Path, *options: str) -> Iterator[Served]:
    """QEMU on the raw image: no copies at all."""
    warm(image)
    with _begun([*QEMU, *options, "-f", "raw", str(image)], "-k") as served:
        yield served


@contextlib.contextmanager
def qemu_snapshot(image: Path) -> Iterator[Served]:
    """QEMU on a qcow2 image with an internal snapshot."""
    base, path = image.with_suffix(".base.qcow2"), image.with_suffix(".qcow2")
    if not base.exists():
        _run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", image, base)
    shutil.copyfile(base, path)
    _run("qemu-img", "snapshot", "-c", "s1", path)
    warm(path)
    with _begun([*QEMU, "-f", "qcow2", str(path)], "-k") as served:
        yield served
    path.unlink()


@contextlib.contextmanager
def qemu_overlay(image: Path) -> Iterator[Served]:
    """QEMU on an overlay with subclusters, so that a first write of 4 KiB copies nothing."""
    path = image.with_suffix(".overlay.qcow2")
    path.unlink(missing_ok=True)
    _run(
        "qemu-img", "create", "-f", "qcow2", "-o", "extended_l2=on,cluster_size=128k",
        "-b", image.resolve(),
        "-F", "raw", path,
    )  # fmt: skip
    warm(image)
    with _begun([*QEMU, "-f", "qcow2", str(path)], "-k") as served:
        yield served
    path.unlink()


@contextlib.contextmanager
def nbdkit(image: Path) -> Iterator[Served]:
    """The file plugin of nbdkit on the raw image: no copies at all."""
    warm(image)
    with _begun(["nbdkit", "-f", "file", str(image)], "-U") as served:
        yield served


def present() -> dict[str, Callable[[Path], contextlib.AbstractContextManager[Served]]]:
    """Return the servers that can be measured here, by what they are called in the table."""
    servers = {
        "Rangepair": rangepair,
        "qemu-nbd, qcow2 with snapshot": qemu_snapshot,
        "qemu-nbd, overlay with subclusters": qemu_overlay,
        "qemu-nbd, raw": qemu_raw,
        "qemu-nbd, raw, io_uring": lambda image: qemu_raw(image, "--aio=io_uring"),
        "nbdkit, raw": nbdkit,
    }
    return {
        name: server
        for name, server in servers.items()
        if name == "Rangepair" or shutil.which(name.partition(",")[0])
    }


@contextlib.contextmanager
def _begun(command: list[str], option: str) -> Iterator[Served]:
    """Begin a server at a socket of its own; end it afterwards."""
    with _folder() as folder:
        path = folder / "s"
        server = subprocess.Popen(
            [*command, option, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            _await(server, path)
            yield Served(f"nbd+unix:///?socket={path}", server.pid)
        finally:
            server.terminate()
            server.communicate(timeout=READY_S_MAX)


def _await(server: subprocess.Popen[bytes], path: Path) -> None:
    deadline = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline:
        if server.poll() is not None:
            assert server.stderr is not None
            raise SystemExit(server.stderr.read().decode())
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        time.sleep(0.02)
    raise SystemExit(f"{server.args} does not answer")


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="rp") as folder:
        yield Path(folder)


@contextlib.contextmanager
def _runtime(folder: Path) -> Iterator[None]:
    """Keep the engine process measured apart from the user's own."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["XDG_RUNTIME_DIR"]
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before


def _run(*arguments: object) -> None:
    subprocess.run([str(each) for each in arguments], check=True, stdout=subprocess.DEVNULL)
