# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the built-in workload as the control says, and asks before it overwrites real data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from core.errors import RangepairError, UsageError
from gui.guard import guarded

if TYPE_CHECKING:
    from gui.bridge.link import EngineLink
    from gui.views.workloadcontrol import WorkloadControl

_LOOK_MS: Final = 500


class WorkloadRunner(QObject):
    """Between the control and the engine."""

    consent_needed = Signal(str)
    """Text of the question; answer with ``start(allow_overwrite=True)``."""
    running_changed = Signal(bool)
    phase_changed = Signal(str)
    """What the workload does just now, in words; empty while none runs."""
    stopped_by_error = Signal(object)
    """RangepairError: the workload ended by itself, or could not begin."""

    def __init__(
        self, link: EngineLink, control: WorkloadControl, parent: QObject | None = None
    ) -> None:
        """Serve ``control``."""
        super().__init__(parent)
        self._link = link
        self._control = control
        self._has_consent = False
        self.is_running = False
        self._is_starting = False
        self._phase = ""
        self._clock = QTimer(self)
        self._clock.setInterval(_LOOK_MS)
        self._clock.timeout.connect(self._look)
        control.kind_picked.connect(self._restart)
        control.rate_picked.connect(self._restart)
        link.opened.connect(self._on_opened)
        link.closed.connect(self._on_left)
        link.gone.connect(self._on_left)

    @Slot()
    @guarded
    def toggle(self) -> None:
        """Run it, or pause it."""
        if self.is_running:
            self.stop()
        else:
            self.start()

    def start(self, *, allow_overwrite: bool = False) -> None:
        """Run it; a volume that is no scratch image needs the user's word once."""
        self._has_consent = self._has_consent or allow_overwrite
        self._is_starting = True
        params: dict[str, str | float | bool | None] = {}
        if self._has_consent:
            params["allow_overwrite"] = True
        self._link.start_workload(
            self._control.kind, self._control.rate, params, self._started, self._refused
        )

    def stop(self) -> None:
        """Stop it."""
        self._link.stop_workload(self._stopped)

    @Slot()
    @guarded
    def _restart(self, *_choice: object) -> None:
        if self.is_running or self._is_starting:
            self.start()

    @Slot(object)
    @guarded
    def _on_opened(self, _info: object) -> None:
        self._has_consent = False
        self._set_running(running=False)
        self._look()
        self._clock.start()

    @Slot()
    @guarded
    def _on_left(self, *_why: object) -> None:
        self._clock.stop()
        self._is_starting = False
        self._looked(None)

    @Slot()
    @guarded
    def _look(self) -> None:
        self._link.ask_workload(self._looked)

    def _looked(self, status: object) -> None:
        was_running = self.is_running
        told = status if isinstance(status, dict) else {}
        running = bool(told.get("running"))
        self._set_running(running=running)
        phase = str(told.get("phase") or "") if running else ""
        if phase != self._phase:
            self._phase = phase
            self.phase_changed.emit(phase)
        error = told.get("error")
        if was_running and not running and error:
            self.stopped_by_error.emit(RangepairError(f"The workload ended: {error}"))

    def _started(self, _answer: object) -> None:
        self._is_starting = False
        self._set_running(running=True)

    def _stopped(self, _answer: object) -> None:
        self._set_running(running=False)

    def _refused(self, error: RangepairError) -> None:
        self._is_starting = False
        if isinstance(error, UsageError) and not self._has_consent:
            name = Path(self._link.path).name
            self.consent_needed.emit(
                f"{name} is not a scratch image. The workload overwrites what it holds; copies "
                "taken before keep what they hold."
            )
        else:
            self.stopped_by_error.emit(error)

    def _set_running(self, *, running: bool) -> None:
        self._control.set_running(running=running)
        if running != self.is_running:
            self.is_running = running
            self.running_changed.emit(running)
