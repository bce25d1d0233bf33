# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Questions about a whole volume see one moment, and nobody waits for them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from core.device.imagefile import FileDevice
from core.engine import open_volume
from core.errors import NoSuchCopyError
from core.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.engine.volume import Volume
    from core.extent import Extent

GRAIN = 4096
PATIENCE_S = 60


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    image = tmp_path / "disk.img"
    image.write_bytes(b"\x01" * MIB)
    with open_volume(image) as volume:
        volume.snapshot("before")
        yield volume


class SlowLook:
    """Holds up whoever looks for holes, until told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_looking = threading.Event()
        self.may_go_on = threading.Event()
        look = FileDevice.data_extents

        def held_up(device: FileDevice, start: int, stop: int) -> Iterator[Extent]:
            self.is_looking.set()
            assert self.may_go_on.wait(PATIENCE_S)
            return look(device, start, stop)

        monkeypatch.setattr(FileDevice, "data_extents", held_up)


def test_a_write_does_not_wait_for_a_map(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    look = SlowLook(monkeypatch)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(volume.map)
        assert look.is_looking.wait(PATIENCE_S)
        volume.write(0, bytes(GRAIN))
        assert not asked.done()
        look.may_go_on.set()
        answer = asked.result(PATIENCE_S)
    assert not len(answer.initial.starts)  # of the moment before the write
    assert volume.map().initial.starts.tolist() == [0]


def test_closing_waits_for_a_question(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    look = SlowLook(monkeypatch)
    ended: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(lambda: (volume.map(), ended.append("answered")))
        assert look.is_looking.wait(PATIENCE_S)
        closed = pool.submit(lambda: (volume.close(), ended.append("closed")))
        look.may_go_on.set()
        asked.result(PATIENCE_S)
        closed.result(PATIENCE_S)
    assert ended == ["answered", "closed"]


def test_staged_pointers_are_seen(volume: Volume) -> None:
    volume.write(0, bytes(GRAIN))
    volume.clone("branch", "before")
    volume.write(8 * GRAIN, bytes(GRAIN), "branch")
    volume.write(3 * GRAIN, bytes(2 * GRAIN))
    assert volume.table("before").columns.starts.tolist() == [0, 3 * GRAIN]
    assert volume.table("branch").columns.starts.tolist() == [0, 3 * GRAIN, 8 * GRAIN]
    copies = volume.info().copies
    assert [copy.pointers for copy in copies] == [2, 3]
    assert [copy.own_bytes for copy in copies] == [0, GRAIN]
    assert volume.usage().copies == copies


def test_a_deleted_copy_can_be_looked_at_until_it_is_purged(volume: Volume) -> None:
    volume.write(0, bytes(GRAIN))
    volume.delete(["before"])
    volume.write(3 * GRAIN, bytes(2 * GRAIN))
    told = volume.table("before")
    assert told.copy_id == volume.info().copies[0].id
    assert told.columns.starts.tolist() == [0, 3 * GRAIN]
    volume.purge(["before"])
    with pytest.raises(NoSuchCopyError):
        volume.table("before")


def test_stats_tell_the_room_in_the_additional_area(volume: Volume) -> None:
    volume.write(0, bytes(64 * GRAIN))
    usage, stats = volume.usage(), volume.stats()
    assert (stats.area_bytes, stats.area_used_bytes) == (usage.area_bytes, usage.used_bytes)
