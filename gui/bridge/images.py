# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Making images, for the window: each may take long, so each is called in a lane or thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.workload.run import KINDS as WORKLOAD_KINDS
from core.workload.scratch import make_scratch

if TYPE_CHECKING:
    from gui.bridge.exportjob import Report

__all__ = ["WORKLOAD_KINDS", "apply_stream", "export_view", "make_scratch_image", "make_volume"]


def make_volume(path: str, size_bytes: int, thin: bool) -> str:
    """Make a new, empty image and return its path.

    Raises:
        RangepairError: It cannot be made.
    """
    from core.engine import create_volume  # loads the engine: only for who makes a volume

    create_volume(path, size_bytes, thin=thin)
    return path


def make_scratch_image() -> str:
    """Make a 64 MiB scratch image with a real ext4 file system and return its path.

    Raises:
        RangepairError: It cannot be made.
    """
    return str(make_scratch())


def export_view(
    image: str,
    copy: str,
    target: str,
    image_format: str,
    report: Report,
    *,
    since: str | None = None,
) -> None:
    """Make an image file of a copy or the original, over a connection of its own.

    Args:
        image: Of the volume, which an engine process has open.
        copy: Its name.
        target: The file; one that is there is replaced.
        image_format: One of ``core.transfer.formats``.
        report: Called after each piece; may raise to cancel, and then nothing is left behind.
        since: Only what has changed since this snapshot, as a stream of differences.

    Raises:
        RangepairError: It cannot be made.
        OSError: The file system refuses.
    """
    from pathlib import Path

    from core.service.client import connect
    from core.transfer.export import Export
    from core.transfer.outfile import check_target
    from core.transfer.still import still

    with connect(image) as volume:
        info, done = volume.info(), 0
        check_target(Path(target), (Path(info.image), Path(info.area)), is_replacing=True)
        with still(volume, copy, "export", is_alone=False) as view:
            export = Export(volume, copy, view, image_format, since)

            def advance(count: int) -> None:
                nonlocal done
                done += count
                report(done, export.whole_bytes)

            export.to_file(Path(target), advance, is_replacing=True)


def apply_stream(image: str, stream: str, report: Report) -> None:
    """Put a stream of changes into effect on the original, over a connection of its own.

    Args:
        image: Of the volume, which an engine process has open.
        stream: The file.
        report: Called after each piece; may raise to cancel, and then what was there is put back.

    Raises:
        RangepairError: It cannot be applied, and nothing of it is.
    """
    from pathlib import Path

    from core.errors import TransferError
    from core.service.client import connect
    from core.session import ORIGINAL
    from core.transfer.apply import apply
    from core.transfer.source import StreamSource

    try:
        file = Path(stream).open("rb")  # noqa: SIM115 - the error is told otherwise than that of others
    except OSError as error:
        raise TransferError(
            f"{Path(stream).name} cannot be read ({error.strerror}); choose another file."
        ) from error
    with file, connect(image) as volume:
        source, done = StreamSource(file), 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            report(done, source.length_bytes or done)

        apply(volume, source, ORIGINAL, advance)
