# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.measure import files, reads, writes
from core.measure.setting import Scale, Setting
from core.units import MIB

if TYPE_CHECKING:
    from pathlib import Path

TINY = Scale(share=1 / 500, rounds=1, takes=2, copies=3, is_quick=True)


class Told(list[str]):
    """What was told, in order."""

    def __call__(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """A measurement so small that its figures mean nothing."""
    monkeypatch.setattr(writes, "IMAGE_BYTES_MIN", 32 * MIB)
    monkeypatch.setattr(reads, "_SETTLE_S", 0.0)
    # Other tests run beside this one; the cache of the whole machine is not for it to empty.
    monkeypatch.setattr(files, "_DROP_CACHES", tmp_path / "none")
    return Setting(tmp_path, TINY, Told(), Told())
