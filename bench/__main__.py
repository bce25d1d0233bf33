# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m bench [TOPIC...]``: measure, print each table when it is there, keep all as JSON.

Without topics, everything but what takes long. What ``rangepair bench`` measures, too, is measured
by the same code, but whole: more cases, and more of each.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bench.telling import say, table
from core.measure import nbd
from core.measure.interrupts import ending_once
from core.measure.report import begin_report
from core.measure.setting import WHOLE, Setting
from core.measure.topics import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.measure.rows import Sheet

TOPICS = ("takes", "writes", "reads", "pointers", "mapping", "diff", "startup", "window")
LONG_TOPICS = ("scale", "nbd", "attach", "reflink", "redirect", "opening")
"""Measured only if named; ``attach`` and ``reflink`` need root."""


def main() -> None:
    """Measure the topics named, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = TOPICS + LONG_TOPICS
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"any of {', '.join(names)}")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("artifacts/bench"),
        help="where images are made: a real disk",
    )
    arguments = parser.parse_args()
    unknown = set(arguments.topics) - set(names)
    if unknown:
        parser.error(f"no such topic: {', '.join(sorted(unknown))}")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    report = begin_report(arguments.folder, rounds=0, is_against_qemu="nbd" in arguments.topics)
    kept = arguments.folder / "figures.json"
    with ending_once():
        for topic in arguments.topics or TOPICS:
            say(f"-- {topic}")
            for sheet in _sheets(topic, Setting(arguments.folder, WHOLE, note=say)):
                print(table(sheet), flush=True)
                report.add(sheet)
                kept.write_text(json.dumps(report.told(), indent=1), encoding="utf-8")
    say(f"all values: {kept}")


def _sheets(topic: str, setting: Setting) -> Iterator[Sheet]:
    """Yield the tables of one topic, each when it is measured."""
    if topic in ALONE:
        yield from ALONE[topic](setting)
    elif topic == "nbd":
        yield from nbd.measure(setting)
    else:
        yield importlib.import_module(f"bench.{topic}").measure(setting.folder)


if __name__ == "__main__":
    main()
