# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m core.measure.follower IMAGE``: follow the events of a volume, as the window does.

Events are taken a frame at a time, counters asked for each second, and the whole state whenever
events were lost; nothing is painted. It says that it follows, goes on until standard input ends,
and says what it saw.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import core
from core.errors import EngineGoneError
from core.measure.processes import running
from core.service.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.service.client import RemoteVolume

FRAME_S: Final = 0.016
_COUNTERS_S: Final = 1.0


def follow(volume: RemoteVolume) -> Iterator[Counter[str]]:
    """Take the events of a frame each time around; yield how many came, and were lost, so far."""
    seen: Counter[str] = Counter()
    next_look = time.monotonic()
    with volume.events() as ring:
        while True:
            events, lost = ring.drain()
            seen.update(events=len(events), lost=lost)
            if lost:
                volume.info()
                volume.map()
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + _COUNTERS_S
                volume.stats()
            yield seen


def main() -> int:
    """Follow until standard input ends."""
    with connect(sys.argv[1]) as volume:
        for number, seen in enumerate(follow(volume)):
            if number == 0:
                sys.stdout.write("following\n")
                sys.stdout.flush()
            if select.select([sys.stdin], [], [], FRAME_S)[0]:
                sys.stdout.write(json.dumps(seen) + "\n")
                break
    return 0


@contextlib.contextmanager
def following(image: Path) -> Iterator[None]:
    """Have the events of a volume followed, by a process of its own, for the length of a block."""
    root = str(Path(core.__file__).parents[1])
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-m", "core.measure.follower", str(image.resolve())]
    with running(command, environment=os.environ | {"PYTHONPATH": search}) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise EngineGoneError("Nobody follows the events: the process that should has ended.")
        yield


if __name__ == "__main__":
    sys.exit(main())
