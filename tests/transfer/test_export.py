# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Views put out, judged by cmp, qemu-img and a reader of the stream of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from core.engine import open_volume
from core.errors import NoSuchCopyError, TransferError, UsageError
from core.transfer import foreign, outfile
from core.transfer.export import Export
from core.transfer.formats import DIFF, FOREIGN, RAW
from core.transfer.outfile import check_target
from core.transfer.still import still
from tests.doubles import cephdiff
from tests.doubles.history import History

if TYPE_CHECKING:
    from pathlib import Path

    from core.session import VolumeSession
    from tests.transfer.conftest import OpenImage


def ignore(count: int) -> None:
    del count


def put_out(
    volume: VolumeSession, copy: str, target: Path, kind: str = RAW, since: str | None = None
) -> int:
    return Export(volume, copy, copy, kind, since).to_file(target, ignore, is_replacing=False)


def streamed(volume: VolumeSession, copy: str, kind: str, since: str | None = None) -> bytes:
    parts: list[bytes] = []
    Export(volume, copy, copy, kind, since).to_pipe(parts.append, ignore)
    return b"".join(parts)


@pytest.mark.parametrize("seed", range(2))
def test_every_view_comes_out_as_it_is_read(open_image: OpenImage, content, tmp_path, seed) -> None:
    volume = open_image("disk.img", content)
    history = History(volume, seed)
    history.live(25)
    for number, (name, expected) in enumerate(history.views.items()):
        target = tmp_path / f"{number}.raw"
        put_out(volume, name, target)
        assert target.read_bytes() == expected, name
        assert streamed(volume, name, RAW) == expected, name
        assert cephdiff.parse(streamed(volume, name, DIFF)).applied_to(
            os.urandom(len(expected))
        ) == bytes(expected), "every byte is told, whatever was there before"


@pytest.mark.parametrize("seed", range(2))
def test_a_difference_turns_any_snapshot_into_any_view(
    open_image: OpenImage, content, seed
) -> None:
    volume = open_image("disk.img", content)
    history = History(volume, seed)
    history.live(20)
    snapshots = [name for name in history.views if name.startswith("snapshot")]
    for since in snapshots:
        for name, expected in history.views.items():
            found = cephdiff.parse(streamed(volume, name, DIFF, since))
            assert found.applied_to(bytes(history.views[since])) == expected
            assert found.source == since
            assert found.target == (name if name in snapshots else None)
            stops = [0, *(offset + length for _, offset, length, _ in found.records)]
            starts = [offset for _, offset, _, _ in found.records]
            assert all(stop <= start for stop, start in zip(stops, starts, strict=False))


def test_zeroes_are_holes(open_here: OpenImage, content, tmp_path) -> None:
    volume = open_here("disk.img", content)
    volume.snapshot("monday")
    written = put_out(volume, "monday", tmp_path / "out.raw")
    assert 300_000 <= written <= 310_000
    used = (tmp_path / "out.raw").stat().st_blocks * 512
    assert used <= 330_000


def test_what_is_known_to_be_zero_is_not_read(tmp_path) -> None:
    image = tmp_path / "thin.img"
    with image.open("wb") as file:
        file.truncate(1 << 40)
    with open_volume(image) as volume:
        volume.write(1 << 39, b"x" * 4096)
        volume.snapshot("monday")
        volume.write(1 << 39, b"y" * 4096)
        volume.trim(1 << 38, 1 << 20)
        read = volume.stats().read_bytes
        put_out(volume, "monday", tmp_path / "thin.raw")
        found = cephdiff.parse(streamed(volume, "monday", DIFF))
        assert volume.stats().read_bytes - read == 8192
    assert [record[:3] for record in found.records] == [
        ("z", 0, 1 << 39),
        ("w", 1 << 39, 4096),
        ("z", (1 << 39) + 4096, (1 << 40) - (1 << 39) - 4096),
    ]
    with (tmp_path / "thin.raw").open("rb") as file:
        file.seek(1 << 39)
        assert file.read(4096) == b"x" * 4096


@pytest.mark.interop
@pytest.mark.parametrize("image_format", FOREIGN)
def test_other_formats_hold_the_same(open_here: OpenImage, content, tmp_path, image_format) -> None:
    volume = open_here("disk.img", content)
    volume.snapshot("monday")
    volume.write(0, b"later" + bytes(507))
    target = tmp_path / f"out.{image_format}"
    reported: list[int] = []
    export = Export(volume, "monday", "monday", image_format)
    export.to_file(target, reported.append, is_replacing=False)
    (tmp_path / "same.raw").write_bytes(content)
    qemu = shutil.which("qemu-img")
    assert qemu, "install qemu-utils"
    subprocess.run(
        [qemu, "compare", "-f", "raw", "-F", image_format, tmp_path / "same.raw", target],
        check=True,
    )
    subprocess.run([qemu, "info", "-f", image_format, target], check=True)
    assert sum(reported) == export.whole_bytes
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_without_qemu_img_what_to_install_is_told(
    open_here: OpenImage, content, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = open_here("disk.img", content)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TransferError, match="install qemu-utils"):
        Export(volume, "original", "original", "qcow2")


def test_a_converter_that_fails_is_quoted_and_leaves_nothing(
    open_here: OpenImage, content, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = open_here("disk.img", content)
    fake = tmp_path / "qemu-img"
    fake.write_text("#!/bin/sh\necho '    (50.00/100%)'\necho 'qemu-img: no way' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(foreign, "find_converter", lambda: str(fake))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TransferError, match=r"\(qemu-img: no way\)"):
        put_out(volume, "original", tmp_path / "out.qcow2", "qcow2")
    assert sorted(tmp_path.iterdir()) == before


class CancelledError(Exception):
    """Stands for whatever ends the work."""


@pytest.mark.parametrize("kind", [RAW, DIFF, "qcow2"])
@pytest.mark.parametrize("has_nameless", [True, False])
def test_a_cancelled_export_leaves_nothing(
    open_here: OpenImage, content, tmp_path, kind, has_nameless, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = open_here("disk.img", content)
    if not has_nameless:
        monkeypatch.setattr(outfile.os, "O_TMPFILE", os.O_DIRECTORY | os.O_WRONLY)
    before = sorted(tmp_path.iterdir())
    export = Export(volume, "original", "original", kind)
    seen = 0

    def cancel(count: int) -> None:
        nonlocal seen
        seen += count
        if seen > export.whole_bytes * (0.7 if kind == "qcow2" else 0.2):
            raise CancelledError

    with pytest.raises(CancelledError):
        export.to_file(tmp_path / "out", cancel, is_replacing=False)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("has_nameless", [True, False])
@pytest.mark.parametrize("kind", [RAW, "qcow2"])
def test_a_file_is_replaced_only_when_asked_and_then_at_once(
    open_here: OpenImage, content, tmp_path, kind, has_nameless, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = open_here("disk.img", content)
    if not has_nameless:
        monkeypatch.setattr(outfile.os, "O_TMPFILE", os.O_DIRECTORY | os.O_WRONLY)
    target = tmp_path / "out"
    target.write_bytes(b"precious")
    with pytest.raises(TransferError, match="exists already"):
        put_out(volume, "original", target, kind)
    assert target.read_bytes() == b"precious"
    Export(volume, "original", "original", kind).to_file(target, ignore, is_replacing=True)
    if kind == RAW:
        assert target.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_targets_that_must_not_be_written_are_refused(tmp_path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(512))
    (tmp_path / "link").symlink_to(image)
    for target in (image, tmp_path / "link"):
        with pytest.raises(TransferError, match="belongs to the volume itself"):
            check_target(target, (image, tmp_path / "disk.img.rangepair"), is_replacing=True)
    with pytest.raises(TransferError, match="no ordinary file"):
        check_target(tmp_path, (image,), is_replacing=True)
    with pytest.raises(TransferError, match="There is no folder"):
        check_target(tmp_path / "no" / "where", (image,), is_replacing=True)
    check_target(tmp_path / "new", (image,), is_replacing=False)


def test_a_difference_counts_from_a_snapshot_only(open_here: OpenImage, content) -> None:
    volume = open_here("disk.img", content)
    volume.snapshot("monday")
    volume.clone("test", "monday")
    with pytest.raises(UsageError, match="'test' is no snapshot"):
        Export(volume, "monday", "monday", DIFF, "test")
    with pytest.raises(UsageError, match="'original' is no snapshot"):
        Export(volume, "monday", "monday", DIFF, "original")
    with pytest.raises(NoSuchCopyError):
        Export(volume, "monday", "monday", DIFF, "tuesday")


def test_the_original_stands_still_while_it_is_written_to(open_here: OpenImage, content) -> None:
    volume = open_here("disk.img", content)
    with still(volume, "original", "export", is_alone=False) as view:
        parts: list[bytes] = []

        def spoil(count: int) -> None:
            del count
            volume.write(300_032, b"\xff" * 300_032)

        Export(volume, "original", view, RAW).to_pipe(parts.append, spoil)
    assert b"".join(parts) == content
    assert volume.info().copies == []


def test_of_a_snapshot_and_alone_nothing_is_taken(open_here: OpenImage, content, tmp_path) -> None:
    volume = open_here("disk.img", content)
    with still(volume, "original", "export", is_alone=True) as view:
        assert view == "original"
    assert not (tmp_path / "disk.img.rangepair").exists()
    volume.snapshot("monday")
    with still(volume, "monday", "export", is_alone=False) as view:
        assert view == "monday"
    with pytest.raises(NoSuchCopyError), still(volume, "tuesday", "export", is_alone=False):
        pass


def test_a_volume_that_takes_no_writes_stands_still_by_itself(content, tmp_path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(content)
    with (
        open_volume(image, read_only=True) as volume,
        still(volume, "original", "export", is_alone=False) as view,
    ):
        assert streamed(volume, view, RAW) == content
