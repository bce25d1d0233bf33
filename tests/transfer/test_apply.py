# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Streams put into other volumes: whole chains, what is refused, and what ends in the midst."""

from __future__ import annotations

import io
import os
import random
import threading
from typing import TYPE_CHECKING

import pytest

from core.engine import open_volume
from core.errors import (
    AreaFullError,
    InvalidNameError,
    NameTakenError,
    NoSuchCopyError,
    RangepairError,
    StreamError,
    TransferError,
)
from core.transfer.apply import Applied, apply
from core.transfer.export import Export
from core.transfer.formats import DIFF
from core.transfer.rbddiff import END, Header, Record, pack_header, pack_record
from core.transfer.source import StreamSource
from tests.doubles.history import History
from tests.transfer.conftest import SIZE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.session import VolumeSession
    from tests.transfer.conftest import OpenImage


def ignore(count: int) -> None:
    del count


def stream_of(volume: VolumeSession, copy: str, since: str | None = None) -> bytes:
    parts: list[bytes] = []
    Export(volume, copy, copy, DIFF, since).to_pipe(parts.append, ignore)
    return b"".join(parts)


@pytest.fixture(params=["file", "pipe"])
def put_in(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Applied]:
    """Return how to apply a stream, out of a file or through a pipe."""

    def put(
        volume: VolumeSession, stream: bytes, target: str = "original", report=ignore
    ) -> Applied:
        if request.param == "file":
            path = tmp_path / "stream"
            path.write_bytes(b"before" + stream)
            with path.open("rb") as file:
                file.seek(6)
                return apply(volume, StreamSource(file), target, report)
        return through_pipe(volume, stream, target, report)

    return put


def through_pipe(volume, stream, target="original", report=ignore) -> Applied:
    out, into = os.pipe()

    def feed() -> None:
        try:
            with os.fdopen(into, "wb") as file:
                file.write(stream)
        except BrokenPipeError:
            return

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        with os.fdopen(out, "rb") as file:
            return apply(volume, StreamSource(file), target, report)
    finally:
        feeder.join()


def whole(volume: VolumeSession, copy: str = "original") -> bytes:
    return volume.read(0, SIZE, copy)


def names(volume: VolumeSession) -> list[str]:
    return [copy.name for copy in volume.info().copies]


@pytest.mark.parametrize("seed", range(3))
def test_a_chain_of_streams_makes_the_same_history(
    open_image: OpenImage, put_in, content, seed
) -> None:
    volume = open_image("disk.img", content)
    history = History(volume, seed)
    other = open_image("other.img", random.Random(seed).randbytes(SIZE))
    before = whole(other)
    since = None
    for _ in range(4):
        history.write_some(12)
        name = history.snapshot()
        applied = put_in(other, stream_of(volume, name, since))
        assert (applied.target, applied.source, applied.snapshot) == ("original", since, name)
        since = name
    history.write_some(12)
    put_in(other, stream_of(volume, "original", since))
    for name, expected in history.views.items():
        assert whole(other, name) == expected
    safety, *snapshots = names(other)
    assert safety.startswith("before-apply-")
    assert whole(other, safety) == before
    assert snapshots == [name for name in history.views if name != "original"]
    assert other.check() == []


def test_a_chain_can_grow_beside_the_original(open_image: OpenImage, put_in, content) -> None:
    volume = open_image("disk.img", content)
    history = History(volume, 7)
    other = open_image("other.img", b"own" + bytes(SIZE - 3))
    first = history.snapshot()
    history.write_some(20)
    second = history.snapshot()
    applied = put_in(other, stream_of(volume, first), "one")
    assert applied == Applied("one", None, first, None, applied.written_bytes)
    put_in(other, stream_of(volume, second, first), "two")
    assert whole(other) == b"own" + bytes(SIZE - 3)
    for name, copy in ((first, first), (first, "one"), (second, second), (second, "two")):
        assert whole(other, copy) == history.views[name]
    kinds = {copy.name: (copy.kind, copy.parent) for copy in other.info().copies}
    assert kinds == {
        "one": ("clone", "original"),
        first: ("snapshot", "one"),
        "two": ("clone", first),
        second: ("snapshot", "two"),
    }
    assert other.check() == []


def made(records: list[tuple[int, bytes | int]], **header) -> bytes:
    """Return a stream: of each record the offset, and the data or the number of zeroes."""
    said = Header(*(header.get(key) for key in ("source", "target", "size_bytes")))
    parts = [pack_header(said)]
    for offset, what in records:
        is_zero = isinstance(what, int)
        parts.append(pack_record(Record(is_zero, offset, what if is_zero else len(what))))
        parts.append(b"" if is_zero else what)
    return b"".join([*parts, END])


def test_records_of_any_place_and_order_are_taken(open_here: OpenImage, put_in, content) -> None:
    """Others write streams off the sector, out of order, and over what they wrote before."""
    volume = open_here("disk.img", content)
    volume.snapshot("monday")
    rng = random.Random(3)
    expected = bytearray(content)
    records: list[tuple[int, bytes | int]] = []
    for _ in range(60):
        start = rng.randrange(SIZE - 3000)
        what = rng.choice([rng.randbytes(rng.randrange(1, 3000)), rng.randrange(1, 3000)])
        records.append((start, what))
        data = bytes(what) if isinstance(what, int) else what
        expected[start : start + len(data)] = data
    put_in(volume, made(records, source="monday", size_bytes=SIZE))
    assert whole(volume) == expected
    assert whole(volume, "monday") == content


def test_from_nothing_means_that_the_rest_is_zero(open_here: OpenImage, put_in, content) -> None:
    volume = open_here("disk.img", content)
    put_in(volume, made([(100_000, b"x" * 5000)]))
    assert whole(volume) == bytes(100_000) + b"x" * 5000 + bytes(SIZE - 105_000)
    assert [whole(volume, name) for name in names(volume)] == [content]


def test_what_is_zero_already_is_not_discarded_again(tmp_path) -> None:
    image = tmp_path / "thin.img"
    with image.open("wb") as file:
        file.truncate(1 << 42)
    with open_volume(image) as volume:
        stream = made([(0, 1 << 41), (1 << 41, b"x" * 512), ((1 << 41) + 512, (1 << 41) - 512)])
        path = tmp_path / "stream"
        path.write_bytes(stream)
        for _ in range(2):
            with path.open("rb") as file:
                apply(volume, StreamSource(file), "original", ignore)
        assert volume.read(1 << 41, 1024) == b"x" * 512 + bytes(512)
        assert sum(copy.pointers for copy in volume.info().copies) <= 4


REFUSALS = [
    (made([], source="tuesday"), "original", NoSuchCopyError, "counts from the snapshot 'tuesday'"),
    (made([], source="gone"), "original", NoSuchCopyError, "'gone' is deleted; undelete it"),
    (made([], source="test"), "original", TransferError, "'test', which is a clone here"),
    (made([], source="monday"), "original", TransferError, "written to since 'monday'"),
    (made([], target="monday"), "original", NameTakenError, "a copy named 'monday' already"),
    (made([], target="gone"), "original", NameTakenError, "a copy named 'gone' already"),
    (made([], target="a/b"), "original", InvalidNameError, "holds a slash"),
    (made([], target="original"), "original", NameTakenError, "itself called 'original'"),
    (made([], target="new"), "new", NameTakenError, "itself called 'new'"),
    (made([]), "monday", NameTakenError, "a copy named 'monday' already"),
    (made([]), "a/b", InvalidNameError, "holds a slash"),
    (made([], size_bytes=512), "original", StreamError, "of a volume of 512 bytes"),
]


@pytest.mark.parametrize(("stream", "target", "kind", "sentence"), REFUSALS)
def test_what_cannot_be_right_is_refused_before_anything_is_done(
    open_here: OpenImage, put_in, content, stream, target, kind, sentence
) -> None:
    volume = open_here("disk.img", content)
    volume.snapshot("monday")
    volume.snapshot("gone")
    volume.delete(["gone"])
    volume.clone("test", "monday")
    volume.write(512, b"later" * 512)
    before, generation = whole(volume), volume.info().generation
    with pytest.raises(kind, match=sentence) as caught:
        put_in(volume, stream, target)
    assert caught.value.message.count(". ") == 0
    assert whole(volume) == before
    assert volume.info().generation == generation


def test_a_view_written_to_and_back_is_the_same(open_here: OpenImage, put_in, content) -> None:
    volume = open_here("disk.img", content)
    volume.snapshot("monday")
    volume.write(0, b"x" * 512)
    volume.write(0, content[:512])
    put_in(volume, made([(512, b"y" * 512)], source="monday", target="tuesday"))
    assert whole(volume) == content[:512] + b"y" * 512 + content[1024:]


@pytest.mark.parametrize("target", ["original", "new"])
@pytest.mark.parametrize("source", [None, "monday"])
def test_a_damaged_stream_leaves_the_volume_as_it_was(
    open_here: OpenImage, put_in, content, source, target
) -> None:
    volume = open_here("disk.img", content)
    volume.snapshot("monday")
    records: list[tuple[int, bytes | int]] = [(4096, b"x" * 9000), (30_000, 99_000), (200_000, b"")]
    records.append((400_000, b"y" * 90_000))
    stream = made(records, source=source, target="tuesday", size_bytes=SIZE)
    for length in (20, 60, 70, 5000, 9200, len(stream) - 80_000, len(stream) - 1):
        with pytest.raises(StreamError, match="breaks off"):
            put_in(volume, stream[:length], target)
        assert whole(volume) == content
        assert names(volume) == ["monday"]
    with pytest.raises(StreamError, match="something follows"):
        put_in(volume, stream + b"e", target)
    assert whole(volume) == content
    assert names(volume) == ["monday"]
    assert volume.check() == []


def test_a_stream_garbled_anywhere_is_applied_or_changes_nothing(
    open_here: OpenImage, content
) -> None:
    volume = open_here("disk.img", content)
    volume.snapshot("monday")
    records: list[tuple[int, bytes | int]] = [(4096, b"x" * 20), (30_000, 999), (60_000, b"y" * 30)]
    stream = made(records, source="monday", target="tuesday", size_bytes=SIZE)
    rng = random.Random(8)
    applied = refused = 0
    for _ in range(150):
        garbled = bytearray(stream)
        for _ in range(rng.randrange(1, 3)):
            garbled[rng.randrange(len(garbled))] = rng.choice((0, 1, 255, *b"ftswze", 64))
        before = names(volume)
        try:
            through_pipe(volume, bytes(garbled), "new")
        except RangepairError:
            refused += 1
        else:
            applied += 1
            volume.delete([name for name in names(volume) if name not in before], now=True)
        assert names(volume) == before == ["monday"]
        assert whole(volume) == content
    assert applied > 10
    assert refused > 50
    assert volume.check() == []


class CancelledError(Exception):
    """Stands for whatever ends the work."""


@pytest.mark.parametrize("target", ["original", "new"])
@pytest.mark.parametrize("error", [CancelledError, KeyboardInterrupt])
def test_cancelled_anywhere_the_volume_is_as_it_was(
    open_here: OpenImage, put_in, content, target, error
) -> None:
    volume = open_here("disk.img", content)
    volume.snapshot("monday")
    stream = made([(n * 50_000, b"x" * 9000) for n in range(8)], target="tuesday")
    calls = 0
    for last in (1, 4, 9):
        calls = 0

        def cancel(count: int, last: int = last) -> None:
            nonlocal calls
            calls += 1
            if calls == last:
                raise error

        with pytest.raises(error):
            put_in(volume, stream, target, cancel)
        assert whole(volume) == content
        assert names(volume) == ["monday"]
    put_in(volume, stream, target)
    assert "tuesday" in names(volume)


class Failing:
    """A session of which one method refuses some call, or every one from then on."""

    def __init__(
        self, session: VolumeSession, method: str, calls: int, error: RangepairError,
        *, is_for_ever: bool = False,
    ) -> None:  # fmt: skip
        self._session, self._method, self._left, self._error = session, method, calls, error
        self._is_for_ever = is_for_ever

    def __getattr__(self, name: str):
        found = getattr(self._session, name)
        if name != self._method:
            return found

        def refusing(*arguments, **options):
            self._left -= 1
            if self._left == -1 or (self._is_for_ever and self._left < 0):
                raise self._error
            return found(*arguments, **options)

        return refusing


@pytest.mark.parametrize(
    ("target", "method", "calls"),
    [
        ("original", "snapshot", 1),
        ("original", "trim", 0),
        ("original", "write", 0),
        ("new", "snapshot", 0),
        ("new", "trim", 0),
        ("new", "write", 0),
        ("new", "flush", 0),
        ("new", "rename", 0),
    ],
)
def test_what_the_volume_refuses_is_told_and_undone(
    open_here: OpenImage, content, target, method, calls
) -> None:
    volume = open_here("disk.img", content)
    stream = made([(80_000, b"x" * 9000), (900_000, b"x" * 70_000)], target="tuesday")
    failing = Failing(volume, method, calls, AreaFullError("The disk is full; free some."))
    with pytest.raises(AreaFullError, match="The disk is full"):
        through_pipe(failing, stream, target)
    assert whole(volume) == content
    assert names(volume) == []


def test_who_cannot_put_back_says_where_it_is(open_here: OpenImage, content) -> None:
    volume = open_here("disk.img", content)
    error = AreaFullError("The disk is full; free some.")
    failing = Failing(volume, "write", 1, error, is_for_ever=True)
    stream = made([(0, b"x" * 9000), (20_000, b"y" * 512)])
    with pytest.raises(TransferError, match="The disk is full; free some") as caught:
        through_pipe(failing, stream)
    (safety,) = names(volume)
    assert repr(safety) in caught.value.message
    assert whole(volume, safety) == content


def test_a_stream_for_no_file_descriptor_is_no_stream() -> None:
    with pytest.raises(io.UnsupportedOperation):
        StreamSource(io.BytesIO(b""))
