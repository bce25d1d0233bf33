# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import EngineGoneError
from core.events import EventKind
from core.service.ring import RingReader, RingWriter

if TYPE_CHECKING:
    from pathlib import Path


def publish(writer: RingWriter, count: int) -> None:
    for _ in range(count):
        writer.publish(EventKind.WRITTEN, 2, 3, writer.last_seq * 512, 512, 512, 4096)


def test_a_record_arrives_whole(tmp_path: Path) -> None:
    writer = RingWriter(tmp_path / "ring", 8)
    with RingReader(writer.path) as reader:
        writer.publish(EventKind.PRESERVED, 1, 2, 1 << 62, 4096, 4096, 8192)
        records, lost = reader.drain()
    (record,) = records.tolist()
    assert record[:8] == (1, EventKind.PRESERVED, 1, 2, 1 << 62, 4096, 4096, 8192)
    assert record[8] > 0
    assert lost == 0


def test_a_ring_that_finds_no_room_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(EngineGoneError, match="make room"):
        RingWriter(tmp_path / "ring", 8)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [0, 7, 1 << 20, (1 << 63) - 1, (1 << 64) - 1])
def test_a_number_that_is_not_the_engines_stops_nobody_for_long(
    tmp_path: Path, number: int
) -> None:
    writer = RingWriter(tmp_path / "ring", 8)
    with RingReader(writer.path) as reader:
        publish(writer, 3)
        assert len(reader.drain()[0]) == 3
        writer._words[8] = number
        told = [reader.drain()]
        for _ in range(2):
            writer.publish(EventKind.FLUSHED, 0, 0, 0, 0, 0, 0)
            told.append(reader.drain())
        seqs = [seq for records, _ in told for seq in records["seq"].tolist()]
        assert seqs[-1:] == [5]
        assert seqs == [4, 5] or any(lost for _, lost in told)


def test_a_drained_ring_is_empty(tmp_path: Path) -> None:
    writer = RingWriter(tmp_path / "ring", 8)
    with RingReader(writer.path) as reader:
        publish(writer, 3)
        assert len(reader.drain()[0]) == 3
        assert len(reader.drain()[0]) == 0


def test_a_reader_starts_behind_what_was_published(tmp_path: Path) -> None:
    writer = RingWriter(tmp_path / "ring", 8)
    publish(writer, 5)
    with RingReader(writer.path) as reader:
        assert reader.seq == 5
        publish(writer, 1)
        assert reader.drain()[0]["seq"].tolist() == [6]


@given(bursts=st.lists(st.integers(0, 40), max_size=12))
def test_every_event_is_drained_or_counted_as_lost(
    tmp_path_factory: pytest.TempPathFactory, bursts: list[int]
) -> None:
    writer = RingWriter(tmp_path_factory.mktemp("ring") / "ring", 16)
    next_seq = 1
    with RingReader(writer.path) as reader:
        for burst in bursts:
            publish(writer, burst)
            records, lost = reader.drain()
            next_seq += lost
            assert records["seq"].tolist() == list(range(next_seq, next_seq + len(records)))
            assert records["start"].tolist() == [(n - 1) * 512 for n in records["seq"].tolist()]
            next_seq += len(records)
            assert next_seq == writer.last_seq + 1
            assert lost == max(0, burst - 15)


def test_drained_records_outlive_what_is_published_later(tmp_path: Path) -> None:
    writer = RingWriter(tmp_path / "ring", 4)
    with RingReader(writer.path) as reader:
        publish(writer, 2)
        records, _ = reader.drain()
        publish(writer, 8)
        assert records["seq"].tolist() == [1, 2]


def test_a_record_not_there_yet_is_left_for_the_next_drain(tmp_path: Path) -> None:
    writer = RingWriter(tmp_path / "ring", 8)
    with RingReader(writer.path) as reader:
        publish(writer, 2)
        writer._words[8] = 3  # the number is seen before the record, as on a weakly ordered CPU
        assert reader.drain()[0]["seq"].tolist() == [1, 2]
        publish(writer, 1)
        assert reader.drain()[0]["seq"].tolist() == [3]


def test_only_the_user_can_read_the_ring(tmp_path: Path) -> None:
    writer = RingWriter(tmp_path / "ring", 8)
    assert stat.S_IMODE(writer.path.stat().st_mode) == 0o600


def test_a_ring_that_is_gone_or_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineGoneError, match="took its event ring away"):
        RingReader(tmp_path / "ring")
    (tmp_path / "ring").write_bytes(bytes(8192))
    with pytest.raises(EngineGoneError, match="another version"):
        RingReader(tmp_path / "ring")
