# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A volume's copies and pointers at one moment, to be counted and drawn while writes go on.

Runs of pointers never change once they are made, so a moment costs a list a layer, whatever the
number of pointers; what takes long is then done without the volume's lock.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.volume.state import VolumeState


def moment_of(state: VolumeState) -> VolumeState:
    """Return a state whose catalog is its own and stays as it is; for questions only.

    Its layers hold what is staged as well, so there is no journal and no area to ask.
    """
    moment = copy.copy(state)
    moment.catalog = state.catalog.twin()
    for layer_id in state.staged_layers():
        layer = moment.catalog.layers[layer_id]
        layer.map = layer.map.twin(state.staged_run(layer_id))
    moment.journal = moment.area = moment.sink = None
    if state.restore is not None:
        moment.restore = state.restore.twin(moment)
    return moment
