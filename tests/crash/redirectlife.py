# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The life of a volume whose mapped originals are kept where they lie when they are overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.errors import CopyInUseError, InvalidRangeError
from tests.crash.life import ACTS, TIGHT, Life, Style
from tests.crash.sidedlife import SidedLife
from tests.crash.toll import Toll

REDIRECTING: Final = Style(
    acts={
        **ACTS,
        "write": 50,
        "flush": 20,
        "snapshot": 10,
        "trim": 8,
        "purge": 6,
        "redirects": 8,
        "full_pointer": 6,
        "load_point": 3,
        "relocate": 5,
        "compact_initial": 5,
        "identity": 1,
    },
    thin_share=0.3,
)
"""Most originals that a copy needs are kept where they lie."""
SIDED: Final = REDIRECTING._replace(
    acts={**REDIRECTING.acts, "mechanism": 8, "separate": 18, "move": 14, "copied": 4}
)
"""All three mechanisms, one after the other."""
HOMEWARD: Final = REDIRECTING._replace(
    acts={**REDIRECTING.acts, "identity": 12, "full_pointer": 14, "redirects": 16}
)
"""Again and again the image is made a plain raw image, in which nothing may be kept."""
CROWDED: Final = TIGHT._replace(acts=REDIRECTING.acts, thin_share=0.3)
"""The additional area cannot grow, so that neither can the log that changes of the map go to."""


@dataclass
class RedirectToll(Toll):
    """How much was tried.

    Attributes:
        redirecting: Choices of redirect-on-write.
        kept_bytes: Originals that stayed where they lay.
    """

    redirecting: int = 0
    kept_bytes: int = 0


class RedirectLife(SidedLife):
    """A life in which originals that have a full pointer are kept where they lie."""

    def run(self, acts: int) -> None:
        """Do random things, after the mechanism was chosen."""
        if not self._losses:
            self._full_pointer_for_all()
        Life.run(self, acts)
        self._toll.kept_bytes += self._volume.stats().kept_bytes

    def _full_pointer_for_all(self) -> None:
        self._volume.rearrange("full-pointer")
        self._redirects()

    def _redirects(self) -> None:
        """Let mapped originals be kept where they lie, if there is a map."""
        self._choose("redirect-on-write")

    def _copied(self) -> None:
        """Let every original be copied from now on."""
        self._choose("copy-on-write")

    def _choose(self, mechanism: str) -> None:
        try:
            self._try_change(lambda: self._volume.choose_mechanism(mechanism))
        except InvalidRangeError:
            if self._volume._state.initial is not None:
                raise
        except CopyInUseError:
            if self._volume._state.catalog.head is None:
                raise
        self._toll.redirecting += self._volume._state.catalog.redirects
