# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m bench [TOPIC...]``: measure, print a table, keep everything as JSON.

Without topics, everything but what takes long.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from bench.measure import say, table

TOPICS = ("takes", "writes", "reads", "pointers", "mapping", "diff", "startup", "window")
LONG_TOPICS = ("scale", "nbd", "attach", "reflink")
"""Measured only if named; the last two need root."""


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
    rows = []
    for topic in arguments.topics or TOPICS:
        say(f"-- {topic}")
        rows += importlib.import_module(f"bench.{topic}").measure(arguments.folder)
    print(table(rows))
    kept = arguments.folder / "figures.json"
    kept.write_text(
        json.dumps({"machine": _machine(), "rows": [asdict(row) for row in rows]}, indent=1),
        encoding="utf-8",
    )
    say(f"all values: {kept}")


def _machine() -> dict[str, str]:
    return {
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "processor": _processor(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
