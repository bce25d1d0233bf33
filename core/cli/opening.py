# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Opening the volume a command is about: in its engine process, or here."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from core.cli.unbroken import Unbroken, postponed

if TYPE_CHECKING:
    import argparse

    from core.session import VolumeSession


def open_for(
    options: argparse.Namespace, *, read_only: bool = False, accept_longer: bool = False
) -> VolumeSession:
    """Return the open volume that ``options`` name.

    Args:
        options: With ``image``, ``area`` and ``accept_changes``.
        read_only: The command only asks; several of them may hold the volume at once.
        accept_longer: The command takes an image that another program made longer.

    Raises:
        RangepairError: It cannot be opened.
    """
    # No linear algebra here: starting threads for it would take a third of numpy's import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with postponed():
        from core.service.launcher import connect_or_open

    return connect_or_open(
        options.image,
        functools.partial(_open_here, accept_longer=accept_longer),
        area=Path(options.area) if options.area else None,
        read_only=read_only,
        accept_changes=options.accept_changes,
    )


def _open_here(
    path: str,
    *,
    area: Path | None,
    read_only: bool,
    accept_changes: bool,
    accept_longer: bool,
) -> VolumeSession:
    """Open the volume in this process; the engine is loaded only now that it is needed."""
    with postponed():
        from core.engine import open_volume
    volume = open_volume(
        path,
        area=area,
        read_only=read_only,
        accept_changes=accept_changes,
        accept_longer=accept_longer,
    )
    return volume if read_only else cast("VolumeSession", Unbroken(volume))
