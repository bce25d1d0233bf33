# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Tells in time that the additional area is getting full, and which copies had to go for room.

The figure in the status bar turns amber, then red; a banner says it once for each time it gets so
far. What the area can still take is asked for only while something is kept, and seldom.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal, Slot

from core.units import format_bytes
from gui.guard import guarded
from gui.models.volumefacts import full_words
from gui.views.banner import Trouble

if TYPE_CHECKING:
    from core.answers import Stats, Usage
    from core.errors import RangepairError
    from core.spaceanswers import Policy
    from gui.bridge.link import EngineLink
    from gui.views.banner import BannerStack
    from gui.views.statusbar import StatusBar
    from gui.windows.follower import Follower

TOPIC: Final = "space"
DROPPED_TOPIC: Final = "dropped"
LOOK_S: Final = 5.0
_ASKING_SHARE: Final = 0.05
_WARN, _ALARM = 0.85, 0.95
_SOON_S: Final = 600.0
_CALM_SHARE: Final = 0.5
"""A forecast of a few minutes means nothing while most of the room is there."""
_POLICY: Final = "What happens then…"
_THEN: Final = {
    "refuse": "When it is full, writes that need room are refused.",
    "wait": "When it is full, writes that need room wait.",
    "drop": "When it is full, copies are dropped that were marked for it.",
}


class SpaceWatch(QObject):
    """Between the counters, the status bar and the banners."""

    policy_wanted = Signal()
    """Show what happens when the area is full."""

    def __init__(
        self, link: EngineLink, follower: Follower, status: StatusBar, banners: BannerStack
    ) -> None:
        """Watch what ``follower`` follows."""
        super().__init__(status)
        self._link = link
        self._status = status
        self._banners = banners
        self._is_asking = False
        self._due = 0.0
        self._used = -1
        self._level = ""
        self._dropped: int | None = None
        follower.stats_changed.connect(self._on_stats)
        link.opened.connect(self._on_another)
        link.closed.connect(self._on_another)

    @Slot()
    @guarded
    def _on_another(self, *_info: object) -> None:
        self._is_asking = False
        self._due, self._used, self._dropped = 0.0, -1, None
        self._show_level("")
        for topic in (TOPIC, DROPPED_TOPIC):
            self._banners.clear(topic=topic)

    @Slot(object)
    @guarded
    def _on_stats(self, stats: Stats) -> None:
        is_drop = self._dropped is not None and stats.dropped_copies > self._dropped
        is_news = stats.area_used_bytes != self._used or is_drop
        if self._is_asking or not is_news or (time.monotonic() < self._due and not is_drop):
            self._dropped = stats.dropped_copies if self._dropped is None else self._dropped
            return
        count = stats.dropped_copies - (self._dropped or 0) if is_drop else 0
        self._dropped, self._used = stats.dropped_copies, stats.area_used_bytes
        self._is_asking = True
        begin = time.monotonic()

        def got(answer: object) -> None:
            told: tuple[Usage, Policy] = answer  # type: ignore[assignment]
            usage, policy = told
            now = time.monotonic()
            self._is_asking = False
            self._due = now + max(LOOK_S, (now - begin) / _ASKING_SHARE)
            self._tell(usage, policy)
            if count:
                self._tell_dropped(policy, count)

        self._link.query(lambda session: (session.usage(), session.policy()), got, self._missed)

    def _missed(self, _error: RangepairError) -> None:
        self._is_asking = False  # whoever follows the volume tells it
        self._due = time.monotonic() + LOOK_S

    def _tell(self, usage: Usage, policy: Policy) -> None:
        """Say how near the end is, when it has come nearer."""
        share = usage.used_bytes / max(usage.used_bytes + usage.room_bytes, 1)
        seconds = usage.full_in_seconds
        is_soon = seconds is not None and seconds < _SOON_S and share > _CALM_SHARE
        level = "danger" if share >= _ALARM else "warn" if share >= _WARN or is_soon else ""
        former = self._level
        self._show_level(level)
        room = f"room for {format_bytes(usage.room_bytes)} more"
        self._status.space.setToolTip(f"Used in the additional area; {room}")
        if not level:
            self._banners.clear(topic=TOPIC)
        elif former not in {level, "danger"}:
            when = ""
            if seconds is not None:
                when = f", and is full in {full_words(seconds)} as things go on now"
            sentence = f"The additional area has {room}{when}. {_THEN[policy.when_full]}"
            self._banners.tell(
                Trouble(
                    sentence, "space", "warning", ((_POLICY, self.policy_wanted.emit),), topic=TOPIC
                )
            )

    def _tell_dropped(self, policy: Policy, count: int) -> None:
        names = ", ".join(f"'{copy.name}'" for copy in policy.dropped[-count:])
        verb = "was" if count == 1 else "were"
        self._banners.tell(
            Trouble(
                f"{names} {verb} dropped to make room in the additional area, as the policy says.",
                "dropped",
                "warning",
                ((_POLICY, self.policy_wanted.emit),),
                topic=DROPPED_TOPIC,
            )
        )

    def _show_level(self, level: str) -> None:
        self._level = level
        self._status.space.set_tone(level)
