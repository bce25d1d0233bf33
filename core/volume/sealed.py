# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The sealed layers of the chain as views read them: as one, made once and then added to.

Taking a copy seals one more layer, which goes below all that a view had before. So what is known of
a view stays, and grows by tiers as a layer does; only when sealed layers change or go is it made
anew. Without this, whoever reads an old copy while copies are taken would have all its pointers
merged again after each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.mapping.layermap import LayerMap
from core.mapping.stack import stack

if TYPE_CHECKING:
    from core.volume.state import VolumeState

VIEWS_MAX: Final = 16
NOTHING: Final = LayerMap()


class _Stretch:
    """A stretch of the chain: ``count`` layers from the ``first``, by their places in it."""

    def __init__(self, edition: int, first: int) -> None:
        self.edition = edition
        self.first = first
        self.count = 0
        self.map = LayerMap()


class SealedLayers:
    """Stretches of the chain used last, by the layer that they begin with."""

    def __init__(self, state: VolumeState) -> None:
        """Keep none yet."""
        self._state = state
        self._kept: dict[int, _Stretch] = {}

    def between(self, base: int, stop: int) -> LayerMap:
        """Return the layers from ``base`` to before ``stop``, by their ids, as one.

        It is to be looked at only, and holds until copies or layers change.
        """
        if base == stop:
            return NOTHING
        state, catalog = self._state, self._state.catalog
        chain = catalog.chain
        after = len(chain) - 1 if chain[-1] == stop else chain.index(stop)
        known = self._kept.get(base)
        if (
            known is None
            or known.edition != state.chain_edition
            or known.first + known.count > after
        ):
            known = _Stretch(state.chain_edition, chain.index(base))
            self._kept.pop(base, None)
            if len(self._kept) >= VIEWS_MAX:
                del self._kept[next(iter(self._kept))]
            self._kept[base] = known
        fresh = [
            catalog.layers[layer_id].map.flatten()
            for layer_id in chain[known.first + known.count : after]
        ]
        if known.count:
            for run in fresh:
                known.map.append(run, newer=False)
        else:
            known.map.append(stack(fresh))
        known.count = after - known.first
        return known.map
