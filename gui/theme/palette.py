# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The two themes: every colour of the window, by what it says and not by how it looks.

The colours of map states were searched for, not picked: every two of them differ by at least 15
(CIEDE2000) for normal, protan, deutan and tritan sight. A test holds that. Worst pairs, in that
order: light 19.3, 18.6, 19.9, 19.7; dark 18.8, 17.1, 16.9, 17.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor

from core.answers import AreaState


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours as ``#RRGGBB``.

    Attributes:
        bg, card, border, line, well, hover, soft: Grounds and rules, outside to inside.
        text, sub, faint: Words, strong to weak.
        ink, halo: Arrows, badges and frames over the maps, and the seam that sets them off.
        unline: Outline of a free cell.
        accent: The one colour of things to press.
        good, warn, danger: Verdicts of the window, not states of a map.
        error: The mark of a damaged place on a map.
    """

    name: str
    is_dark: bool
    bg: str
    card: str
    border: str
    line: str
    text: str
    sub: str
    faint: str
    accent: str
    soft: str
    hover: str
    ink: str
    halo: str
    well: str
    unmapped: str
    original_only: str
    shared: str
    preserved: str
    written: str
    meta: str
    reclaimable: str
    heat: str
    error: str
    unline: str
    good: str
    warn: str
    danger: str

    def color(self, name: str, alpha: float = 1.0) -> QColor:
        """Return the colour called ``name``, or the one written ``#RRGGBB``, with an opacity."""
        color = QColor(name if name.startswith("#") else getattr(self, name))
        if alpha < 1.0:
            color.setAlphaF(alpha)
        return color

    def state_color(self, state: AreaState) -> str:
        """Return the colour of a map state."""
        value: str = getattr(self, STATE_COLOR_NAMES[state])
        return value


STATE_COLOR_NAMES: dict[AreaState, str] = {
    AreaState.FREE: "unmapped",
    AreaState.ORIGINAL_ONLY: "original_only",
    AreaState.SHARED: "shared",
    AreaState.PRESERVED: "preserved",
    AreaState.NEW: "written",
    AreaState.METADATA: "meta",
    AreaState.RECLAIMABLE: "reclaimable",
}

STATE_LABELS: dict[AreaState, str] = {
    AreaState.FREE: "Free",
    AreaState.ORIGINAL_ONLY: "Original only",
    AreaState.SHARED: "Shared",
    AreaState.PRESERVED: "Preserved original",
    AreaState.NEW: "Newly written",
    AreaState.METADATA: "Metadata",
    AreaState.RECLAIMABLE: "Reclaimable",
}

STATE_LETTERS: dict[AreaState, str] = {
    AreaState.FREE: "·",
    AreaState.ORIGINAL_ONLY: "O",
    AreaState.SHARED: "S",
    AreaState.PRESERVED: "P",
    AreaState.NEW: "N",
    AreaState.METADATA: "M",
    AreaState.RECLAIMABLE: "R",
}

LIGHT = Theme(
    name="light",
    is_dark=False,
    bg="#EDF0F5",
    card="#FFFFFF",
    border="#DCE2EB",
    line="#E9EDF3",
    text="#131C2B",
    sub="#536277",
    faint="#6B7A90",
    accent="#0F61B3",
    soft="#E4EFFA",
    hover="#F5F8FC",
    ink="#0E1726",
    halo="#FFFFFF",
    well="#F8FAFC",
    unmapped="#F3F5F8",
    original_only="#AFAA91",
    shared="#9DB0C8",
    preserved="#F9A30A",
    written="#0F61B3",
    meta="#2D0F46",
    reclaimable="#737378",
    heat="#C3211B",
    error="#55141E",
    unline="#D3DBE6",
    good="#0B7A5B",
    warn="#8F5B00",
    danger="#B42318",
)

DARK = Theme(
    name="dark",
    is_dark=True,
    bg="#090D14",
    card="#111722",
    border="#212B3A",
    line="#1B2431",
    text="#E9EEF6",
    sub="#9AA8BC",
    faint="#7F8EA4",
    accent="#56AEFF",
    soft="#12304F",
    hover="#161E2B",
    ink="#F6F9FD",
    halo="#0B1018",
    well="#0D131D",
    unmapped="#151C27",
    original_only="#5A5041",
    shared="#46586C",
    preserved="#FA9707",
    written="#2A8CEC",
    meta="#D8B4D4",
    reclaimable="#788282",
    heat="#FEFDF4",
    error="#D74114",
    unline="#2C394C",
    good="#3ECF9A",
    warn="#F2B84B",
    danger="#FF7A6B",
)
