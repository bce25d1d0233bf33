# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is counted for all copies at once is what each copy's table shows."""

from __future__ import annotations

import pytest

from core.device.memory import MemoryDevice
from tests.doubles.history import History
from tests.engine.stills import still_volume
from tests.faults.script import filled

SIZE = 1 << 20


@pytest.mark.parametrize("seed", range(8))
def test_every_copy_is_counted_as_its_table_shows_it(seed):
    image, area = MemoryDevice.from_bytes(filled(seed, SIZE)), MemoryDevice(direct=True)
    with still_volume(image, area) as volume:
        assert volume.info().copies == []
        history = History(volume, seed)
        for _ in range(6):
            history.live(12)
            history.snapshot()
            history.clone()  # which has written nothing
            for copy in volume.info().copies:
                columns = volume.table(copy.name).columns
                starts, stops = columns.starts, columns.starts + columns.lengths
                edges = [0, *zip(stops.tolist(), starts.tolist()[1:], strict=False)]
                gaps = sum(stop < start for stop, start in edges[1:])
                gaps += 0 if len(starts) and starts[0] == 0 else 1
                gaps += bool(len(starts)) and int(stops[-1]) < SIZE
                assert (copy.pointers, copy.range_pairs) == (len(starts), gaps), copy.name
