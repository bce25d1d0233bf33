# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured beside a plain file: every row is there, and nothing is left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.measure.topics import ALONE, measures, needed_bytes
from tests.measure.conftest import TINY

if TYPE_CHECKING:
    from core.measure.setting import Setting

SHEETS = {"takes": 2, "writes": 3, "opening": 1, "reads": 3}


@pytest.mark.parametrize("name", ALONE)
def test_a_topic_yields_its_tables_and_leaves_nothing(name: str, setting: Setting) -> None:
    (measure,) = measures([name], is_against_qemu=False)
    sheets = list(measure(setting))
    assert len(sheets) == SHEETS[name]
    for sheet in sheets:
        assert len({row.topic for row in sheet}) == 1
        assert len({row.case for row in sheet}) == len(sheet) > 1
        assert all(value > 0 for row in sheet for value in row.values)
        assert {row.unit for row in sheet} <= {"ms", "us", "writes/s"}
    assert list(setting.folder.iterdir()) == []
    assert setting.tell


def test_the_whole_has_more_cases(setting: Setting) -> None:
    whole = replace(setting, scale=replace(TINY, is_whole=True))
    (sheet, *_) = ALONE["reads"](whole)
    assert {row.case for row in sheet} >= {"Rangepair, original, into a buffer", "plain file"}


@pytest.mark.parametrize("name", ["takes", "reads"])
def test_a_measurement_that_is_left_half_done_leaves_no_file_open(
    name: str, setting: Setting
) -> None:
    """Whoever takes no further table closes the generator, as an interrupt does."""
    sheets = ALONE[name](setting)
    next(sheets)
    sheets.close()  # type: ignore[attr-defined]
    (again, *_) = ALONE[name](setting)  # nobody holds the images any more
    assert again


def test_more_room_is_asked_for_what_is_larger() -> None:
    alone = needed_bytes(TINY, is_against_qemu=False)
    assert alone < needed_bytes(TINY, is_against_qemu=True)
    assert alone < needed_bytes(replace(TINY, share=1.0), is_against_qemu=False)
