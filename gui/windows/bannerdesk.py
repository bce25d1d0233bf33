# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What stands in the banners: who tells a trouble there, and when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from gui.guard import guarded
from gui.windows import troubles

if TYPE_CHECKING:
    from core.answers import VolumeInfo
    from core.errors import RangepairError
    from gui.bridge.link import EngineLink
    from gui.commands.acts import Acts
    from gui.views.banner import BannerStack
    from gui.windows.follower import Follower
    from gui.windows.opener import VolumeOpener


class BannerDesk(QObject):
    """Listens to everything that can fail and words it for the banners."""

    def __init__(
        self,
        banners: BannerStack,
        link: EngineLink,
        opener: VolumeOpener,
        acts: Acts,
        follower: Follower,
    ) -> None:
        """Write to ``banners``."""
        super().__init__(banners)
        self._banners = banners
        self._link = link
        self._opener = opener
        self._state = ""
        link.opened.connect(self._on_opened)
        link.closed.connect(self._on_left)
        link.gone.connect(self._on_gone)
        link.failed.connect(self.tell_failure)
        opener.failed.connect(self._on_open_failed)
        opener.refused.connect(self._on_open_refused)
        acts.refused.connect(self._on_act_refused)
        acts.succeeded.connect(self._on_act_done)
        follower.info_changed.connect(self._on_info)

    @Slot(object)
    @guarded
    def tell_failure(self, error: RangepairError) -> None:
        """Tell a failure nobody asked for: a question, the demo."""
        self._banners.tell(troubles.of_refusal(error))

    def tell_unexpected(self, error: BaseException) -> None:
        """Tell a fault of the window's own."""
        self._banners.tell(troubles.of_unexpected(error))

    @Slot(object)
    @guarded
    def tell_workload(self, error: RangepairError) -> None:
        """Tell why the workload does not run; it stands there until one does."""
        self._banners.tell(troubles.of_refusal(error, troubles.WORKLOAD))

    @Slot(bool)
    @guarded
    def follow_workload(self, running: bool) -> None:
        """Take away why the workload did not run, once it does."""
        if running:
            self._banners.clear(topic=troubles.WORKLOAD)

    @Slot(object)
    @guarded
    def _on_opened(self, info: VolumeInfo) -> None:
        self._banners.clear()
        self._state = ""
        self._on_info(info)

    @Slot()
    @guarded
    def _on_left(self) -> None:
        self._state = ""
        for topic in (troubles.STATE, troubles.ACT, troubles.WORKLOAD):
            self._banners.clear(topic=topic)

    @Slot(object)
    @guarded
    def _on_gone(self, error: RangepairError) -> None:
        path = self._link.path
        self._banners.tell(troubles.of_gone_engine(error, lambda: self._opener.open_path(path)))

    @Slot(object)
    @guarded
    def _on_info(self, info: VolumeInfo) -> None:
        """Tell why the volume takes no writes, once; a banner that was dismissed stays away."""
        path = self._link.path
        trouble = troubles.of_state(info, lambda: self._opener.accept_changes(path))
        sentence = "" if trouble is None else trouble.sentence
        if sentence == self._state:
            return
        self._state = sentence
        if trouble is None:
            self._banners.clear(topic=troubles.STATE)
        else:
            self._banners.tell(trouble)

    @Slot(str, object)
    @guarded
    def _on_open_failed(self, path: str, error: RangepairError) -> None:
        def reopen(accept_changes: bool) -> None:
            self._opener.open_path(path, accept_changes=accept_changes)

        self._banners.tell(troubles.of_opening(path, error, reopen, self._opener.choose))

    @Slot(str)
    @guarded
    def _on_open_refused(self, sentence: str) -> None:
        self._banners.tell(troubles.of_drop(sentence, self._opener.choose))

    @Slot(object)
    @guarded
    def _on_act_refused(self, error: RangepairError | str) -> None:
        self._banners.tell(troubles.of_refusal(error, troubles.ACT))

    @Slot()
    @guarded
    def _on_act_done(self) -> None:
        self._banners.clear(topic=troubles.ACT)
