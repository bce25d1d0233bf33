# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.engine import open_volume
from core.errors import EngineGoneError
from core.nbd.exports import VolumeExports
from core.nbd.listening import listen_at_path
from core.nbd.server import Server
from core.service.client import connect
from core.service.launcher import connect_or_start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.engine import Volume
    from core.service.client import RemoteVolume

IMAGE_BYTES = 8 << 20


class CountingSink:
    """Events go nowhere, but they are counted, as the ring does."""

    def __init__(self) -> None:
        self.last_seq = 0

    def publish(self, *_fields: int) -> None:
        self.last_seq += 1


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for a socket's."""
    base = Path(tempfile.mkdtemp(prefix="rp"))
    yield base
    shutil.rmtree(base)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image with content that tells every sector apart."""
    path = tmp_path / "disk.img"
    path.write_bytes(random.Random(7).randbytes(IMAGE_BYTES))
    return path


@pytest.fixture
def volume(image: Path) -> Iterator[Volume]:
    """The volume, opened in this process."""
    with open_volume(image, sink=CountingSink()) as opened:
        yield opened


@pytest.fixture
def server(volume: Volume, folder: Path) -> Iterator[Server]:
    """A server of it, in this process."""
    running = Server(VolumeExports(volume), listen_at_path(folder / "s"))
    yield running
    running.stop()


@pytest.fixture
def engine(image: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteVolume]:
    """A client of an engine process of its own, which is ended afterwards."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    with connect_or_start(image) as client:
        yield client
    with contextlib.suppress(EngineGoneError):
        connect(image).shutdown()


@pytest.fixture
def uri(engine: RemoteVolume) -> str:
    """Where that engine process serves the image."""
    return engine.serve().uri
