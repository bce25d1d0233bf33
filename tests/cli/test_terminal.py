# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answers import AreaExtents, AreaState, Finding
from core.attached import AttachedView
from core.cli import attaching
from core.cli.inspection import _print_findings
from core.cli.strip import print_area
from core.cli.terminal import Cell, Terminal, plural, printable, shown_width


class Utf8(io.StringIO):
    """A stream that says it can show everything."""

    encoding = "utf-8"


def shown(rows: list[list[Cell]], **options: object) -> list[str]:
    stream = Utf8()
    Terminal(stream).table(rows, **options)  # type: ignore[arg-type]
    return stream.getvalue().splitlines()


def test_columns_stand_under_each_other() -> None:
    rows = [[Cell("a"), Cell("1"), Cell("x")], [Cell("漢字"), Cell("100"), Cell("y")], [Cell("b")]]
    assert shown(rows, right=(1,), indent=1) == [" a       1  x", " 漢字  100  y", " b"]


@pytest.mark.parametrize("is_dead", [False, True])
def test_where_a_view_is_attached_is_one_line_whatever_its_names(is_dead: bool) -> None:
    view = AttachedView(
        image="i", copy="c", way=["fuse"], file="/f\n\x1b[31m", mount="/m\x1b[2J", read_only=False
    )
    stream = Utf8()
    if is_dead:
        attaching._tell_dead(view, Terminal(stream), "i")
    else:
        attaching._tell(view, Terminal(stream))
    assert "\\n\\x1b[31m" in stream.getvalue()
    assert "\\x1b[2J" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_an_empty_table_is_nothing() -> None:
    assert shown([]) == []


@given(text=st.text())
def test_nothing_printed_can_steer_a_terminal(text: str) -> None:
    safe = printable(text)
    assert safe.isprintable()
    assert printable(safe) == safe
    if text.isprintable():
        assert safe == text


@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=20))
def test_a_width_is_never_more_than_two_cells_a_character(text: str) -> None:
    assert 0 <= shown_width(text) <= 2 * len(text)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 copies"), (1, "1 copy"), (1000, "1,000 copies")]
)
def test_counts_agree_with_their_noun(count: int, text: str) -> None:
    assert plural(count, "copy", "copies") == text


def area(*extents: tuple[int, int, AreaState], size: int = 1 << 40) -> AreaExtents:
    starts, stops, states = zip(*extents, strict=True) if extents else ((), (), ())
    return AreaExtents(
        size=size,
        used=0,
        starts=np.array(starts, np.int64),
        stops=np.array(stops, np.int64),
        states=np.array(states, np.uint8),
        rest=AreaState.ORIGINAL_ONLY,
    )


def strip_of(extents: AreaExtents) -> tuple[str, str]:
    """Return the strip and all that is below it."""
    stream = Utf8()
    print_area("Initial area", extents, Terminal(stream))
    _, strip, *legend = stream.getvalue().splitlines()
    return strip.strip(), "\n".join(legend)


def test_one_preserved_portion_shows_in_a_tebibyte() -> None:
    strip, legend = strip_of(area((1 << 39, (1 << 39) + 4096, AreaState.PRESERVED)))
    assert strip.count("█") == 1
    assert strip.index("█") == len(strip) // 2
    assert "4 KiB  preserved" in legend


def test_a_strip_follows_the_extents() -> None:
    size = 1 << 20
    half = area((0, size // 2, AreaState.SHARED), size=size)
    strip, legend = strip_of(half)
    assert strip == "▒" * (len(strip) // 2) + "░" * (len(strip) // 2)
    assert legend.split("\n") == [
        "  ░  512 KiB  read by the original only",
        "  ▒  512 KiB  shared through range pairs",
    ]


def test_an_area_without_extents_is_all_rest() -> None:
    strip, legend = strip_of(area(size=4096))
    assert set(strip) == {"░"}
    assert legend == "  ░  4 KiB  read by the original only"


def test_the_worst_finding_comes_first() -> None:
    stream = Utf8()
    leak = Finding(code="leaked", severity="leak", what="nobody points to it", where="[0..4095]")
    loss = Finding(code="checksum", severity="corruption", what="it fails", where="monday")
    _print_findings([leak, loss], Terminal(stream))
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("✗ corruption  monday")
    assert lines[-1] == "1 corruption, 1 harmless leak"
