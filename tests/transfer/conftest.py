# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from core.engine import open_volume
from core.service.client import connect
from core.service.launcher import connect_or_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.session import VolumeSession

    OpenImage = Callable[[str, bytes], VolumeSession]

SIZE = 1 << 20


@pytest.fixture(params=["here", "engine process"])
def open_image(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenImage]:
    """Return how to make an image and open it, here or in an engine process."""
    opened: list[tuple[Path, VolumeSession]] = []

    def make(name: str, content: bytes) -> VolumeSession:
        path = tmp_path / name
        path.write_bytes(content)
        is_here = request.param == "here"
        opened.append((path, open_volume(path) if is_here else connect_or_start(path)))
        return opened[-1][1]

    yield make
    for path, volume in opened:
        if request.param != "here":
            connect(path).shutdown()
        volume.close()


@pytest.fixture
def open_here(tmp_path: Path) -> Iterator[OpenImage]:
    """Return how to make an image and open it in this process."""
    opened: list[VolumeSession] = []

    def make(name: str, content: bytes) -> VolumeSession:
        path = tmp_path / name
        path.write_bytes(content)
        opened.append(open_volume(path))
        return opened[-1]

    yield make
    for volume in opened:
        volume.close()


@pytest.fixture
def content() -> bytes:
    """Content that tells every sector apart, with zeroes at both ends and within."""
    rng = random.Random(5)
    parts = [bytes(70_000), rng.randbytes(200_000), bytes(300_000), rng.randbytes(100_000)]
    whole = b"".join(parts)
    return whole + bytes(SIZE - len(whole))
