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

from core.errors import EngineGoneError
from core.service.client import connect
from core.service.launcher import connect_or_start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.service.client import RemoteVolume

HOST_MODULES = ("core.service.host", "tests.doubles.naivehost")


@pytest.fixture
def runtime_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private runtime folder, short enough for a socket's path."""
    base = Path(tempfile.mkdtemp(prefix="rp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    yield base / "rangepair"
    shutil.rmtree(base)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image of 1 MiB with content that tells every sector apart."""
    path = tmp_path / "disk.img"
    path.write_bytes(random.Random(7).randbytes(1 << 20))
    return path


@pytest.fixture(params=HOST_MODULES)
def host_module(request: pytest.FixtureRequest) -> str:
    """The program of the engine process."""
    return str(request.param)


@pytest.fixture
def volume(runtime_folder: Path, image: Path, host_module: str) -> Iterator[RemoteVolume]:
    """A client of a real engine process, which is ended afterwards."""
    with connect_or_start(image, module=host_module) as client:
        yield client
    end_engine(image)


def end_engine(image: Path) -> None:
    """End the engine process of ``image``, if there is one."""
    with contextlib.suppress(EngineGoneError):
        connect(image).shutdown()
