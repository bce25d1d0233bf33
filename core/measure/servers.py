# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Block servers to compare: each begun anew on the same content, warm, with a copy just taken.

All of them reach the image through the page cache and make it durable when the client flushes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from core.errors import EngineGoneError, MeasureError
from core.measure import tools
from core.measure.files import forget_copies, warm
from core.measure.follower import following
from core.measure.interrupts import held
from core.measure.processes import outlived, running
from core.service.client import connect
from core.service.launcher import connect_or_start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from core.service.client import RemoteVolume

    Begin = Callable[[Path], contextlib.AbstractContextManager["Served"]]

READY_S_MAX: Final = 20.0
QEMU: Final = ("qemu-nbd", "--persistent", "--shared=8", "--cache=writeback")
OURS: Final = "Rangepair"
WATCHED: Final = "Rangepair, watched"
RAW: Final = "qemu-nbd, raw"
PLAIN: Final = "plain file"


class Served(NamedTuple):
    """What answers for an image.

    Attributes:
        target: Options of fio that reach it.
        pid: The server's process; 0 = there is none.
    """

    target: tuple[str, ...]
    pid: int

    def processor_s(self) -> float:
        """Return the processor time the server has taken so far, of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _over_nbd(uri: str, pid: int) -> Served:
    return Served(("--ioengine=nbd", f"--uri={uri}"), pid)


@contextlib.contextmanager
def rangepair(image: Path, *, is_watched: bool = False) -> Iterator[Served]:
    """An engine process of ours, as ``rangepair serve`` begins it; followed, as by a window."""
    with engine_of(image) as engine:
        engine.snapshot("before")
        engine.flush()
        with following(image) if is_watched else contextlib.nullcontext():
            yield served_view(engine, "")


@contextlib.contextmanager
def engine_of(image: Path) -> Iterator[RemoteVolume]:
    """Start an engine process on an image that has no copies; it is gone behind the block."""
    forget_copies(image)
    warm(image)
    with _folder() as folder, _runtime(folder):
        with held():
            engine = connect_or_start(image)
        with outlived(engine.welcome.pid):
            try:
                engine.serve(socket=str(folder / "s"))
                yield engine
            finally:
                with held():
                    _shut_down(engine, image)
    forget_copies(image)


def _shut_down(engine: RemoteVolume, image: Path) -> None:
    """End the engine process; a connection that was broken off in a question is of no use."""
    with contextlib.suppress(EngineGoneError):
        if engine.is_alive():
            engine.shutdown()
        else:
            connect(image).shutdown()


def served_view(engine: RemoteVolume, export: str) -> Served:
    """Return how the original (no name) or a copy is reached."""
    (serving,) = engine.serving()
    return _over_nbd(serving.uri.replace("///", f"///{export}", 1), engine.welcome.pid)


@contextlib.contextmanager
def plain_file(image: Path) -> Iterator[Served]:
    """No server: the file itself, written by system calls."""
    forget_copies(image)
    warm(image)
    name = str(image).replace(":", "\\:")  # or fio takes it for two names
    yield Served(("--ioengine=psync", f"--filename={name}", "--invalidate=0"), 0)


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
        part = base.with_suffix(".part")
        _run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", image, part)
        part.rename(base)
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
        "-b", image.resolve(), "-F", "raw", path,
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


def present_ours() -> dict[str, Begin]:
    """Return our own server, watched and not."""
    return {OURS: rangepair, WATCHED: partial(rangepair, is_watched=True)}


def present(image: Path, note: Callable[[str], None]) -> dict[str, Begin]:
    """Return the servers that can be begun here, by what they are called in the table.

    Args:
        image: What they are tried on.
        note: Is told, in a sentence each, which are there and cannot be begun, and why.
    """
    servers = present_ours()
    others: dict[str, Begin] = {}
    if tools.is_present(tools.QEMU_NBD):
        if tools.is_present(tools.QEMU_IMG):
            others["qemu-nbd, qcow2 with snapshot"] = qemu_snapshot
            others["qemu-nbd, overlay, subclusters"] = qemu_overlay
        others[RAW] = qemu_raw
        others["qemu-nbd, raw, io_uring"] = lambda image: qemu_raw(image, "--aio=io_uring")
    if tools.is_present(tools.NBDKIT):
        others["nbdkit, raw"] = nbdkit
    for name, begin in others.items():
        try:
            with begin(image):
                servers[name] = begin
        except MeasureError as error:
            note(f"{name} cannot be measured here: {error.message}")
    return servers


@contextlib.contextmanager
def _begun(command: list[str], option: str) -> Iterator[Served]:
    """Begin a server at a socket of its own; end it afterwards."""
    with _folder() as folder:
        path = folder / "s"
        with running([*command, option, str(path)]) as server:
            _await(server, path)
            yield _over_nbd(f"nbd+unix:///?socket={path}", server.pid)


def _await(server: subprocess.Popen[bytes], path: Path) -> None:
    deadline = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline:
        if server.poll() is not None:
            assert server.stderr is not None
            said = server.stderr.read().decode(errors="replace").split("\n")[0]
            raise MeasureError(said or "it ended at once, and did not say why")
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        time.sleep(0.02)
    raise MeasureError(f"it does not answer within {READY_S_MAX:.0f} seconds")


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket's; in memory, where engines have theirs."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    with tempfile.TemporaryDirectory(prefix="rp", dir=given or None) as folder:
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
    command = [str(each) for each in arguments]
    with running(command) as process:
        _, err = process.communicate()
    if process.returncode:
        said = err.decode(errors="replace").strip() or "it gave no reason"
        raise MeasureError(f"{command[0]} could not make an image: {said.splitlines()[-1]}")
