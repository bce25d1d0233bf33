# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The switch of the built-in workload: what kind, run or pause, how many writes a second."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QActionGroup, QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSlider, QStyle, QWidget
from typing_extensions import override

from gui.guard import guarded
from gui.theme import fonts
from gui.views.actionbutton import ThemedButton

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QAction, QMouseEvent, QPaintEvent

    from gui.theme import ThemeSource

FLAT_OUT: Final = 0.0
"""The rate that means: as fast as the engine accepts."""
RATE_MAX: Final = 100_000.0
STEPS: Final = 101  # twenty a decade, so that 2, 5 and 10 are among them
_KNOB_PX: Final = 12
_KIND_MARGIN_PX: Final = 20
_SETTLE_MS: Final = 120  # a drag sends its last place, not every place it went through


def rate_at(step: int) -> float:
    """Return writes a second at a place of the slider: 1 to 100 000, then flat out."""
    if step >= STEPS:
        return FLAT_OUT
    exact = RATE_MAX ** (step / (STEPS - 1))
    digits = max(0, math.floor(math.log10(exact)) - 1)
    return float(round(exact / 10**digits) * 10**digits)


def step_at(rate: float) -> int:
    """Return the place of the slider nearest to ``rate``."""
    if rate == FLAT_OUT:
        return STEPS
    clipped = min(max(rate, 1.0), RATE_MAX)
    return round(math.log(clipped) / math.log(RATE_MAX) * (STEPS - 1))


def rate_words(rate: float) -> str:
    """Return a rate as people say it: ``5/s``, ``1.2 k/s``, ``flat out``."""
    if rate == FLAT_OUT:
        return "flat out"
    if rate < 1000:
        return f"{rate:.0f}/s"
    thousands = rate / 1000
    return f"{thousands:.1f} k/s" if thousands < 10 else f"{thousands:.0f} k/s"


class _RateSlider(QSlider):
    """Goes at once to where it is pressed."""

    @override
    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            half = _KNOB_PX // 2
            x = round(event.position().x()) - half
            room = self.width() - _KNOB_PX
            self.setValue(QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), x, room))
        super().mousePressEvent(event)


class WorkloadControl(QWidget):
    """Shows and changes what is asked for; whether it truly runs is told by ``set_running``."""

    kind_picked = Signal(str)
    rate_picked = Signal(float)

    def __init__(self, source: ThemeSource, toggle: QAction, parent: QWidget | None = None) -> None:
        """Press ``toggle`` with the round button."""
        super().__init__(parent)
        self._source = source
        self._toggle = toggle
        self._kinds: dict[str, QAction] = {}
        self._is_running = False
        self._build()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._tell_rate)
        self.slider.valueChanged.connect(self._on_slide)
        toggle.changed.connect(self._follow)
        source.changed.connect(self.update)
        self.set_rate(100.0)
        self._follow()

    def _build(self) -> None:
        self.setFixedHeight(34)
        self.setAccessibleName("Workload")
        self.button = ThemedButton(self._source, "play")
        self.button.set_property("bare", value=True)
        self.button.set_property("small", value=True)
        self.button.clicked.connect(self._toggle.trigger)
        self.kind_button = ThemedButton(self._source, "", "Workload")
        self.kind_button.set_property("bare", value=True)
        self.kind_button.set_property("small", value=True)
        self.menu = QMenu(self)
        self._group = QActionGroup(self)
        self._group.triggered.connect(self._on_kind)
        self.kind_button.setMenu(self.menu)
        self.slider = _RateSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(10)
        self.slider.setFixedWidth(92)
        self.slider.setAccessibleName("Writes per second")
        self.rate_label = QLabel()
        self.rate_label.setFont(fonts.font(12, 600))
        self.rate_label.setProperty("tone", "accent")
        self.rate_label.setFixedWidth(58)
        self.rate_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 1, 12, 1)
        row.setSpacing(2)
        for child in (self.button, self.kind_button, self.slider, self.rate_label):
            row.addWidget(child)

    @property
    def rate(self) -> float:
        """Writes a second asked for; 0 is flat out."""
        return rate_at(self.slider.value())

    @property
    def kind(self) -> str:
        """The kind asked for; empty before any is known."""
        return next((kind for kind, action in self._kinds.items() if action.isChecked()), "")

    def set_kinds(self, kinds: Mapping[str, str], chosen: str) -> None:
        """Offer workloads: name to words."""
        self.menu.clear()
        self._kinds.clear()
        for kind, words in kinds.items():
            action = self.menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(kind == chosen)
            action.setData(kind)
            self._group.addAction(action)
            self._kinds[kind] = action
        metrics = self.kind_button.fontMetrics()
        widest = max(metrics.horizontalAdvance(words) for words in kinds.values())
        self.kind_button.setMinimumWidth(widest + _KIND_MARGIN_PX)
        self._name_kind()

    def set_rate(self, rate: float) -> None:
        """Show a rate without telling anybody."""
        self.slider.blockSignals(True)
        self.slider.setValue(step_at(rate))
        self.slider.blockSignals(False)
        self._show_rate()

    def set_running(self, *, running: bool) -> None:
        """Show whether it runs."""
        self._is_running = running
        self._follow()

    def set_compact(self, *, compact: bool) -> None:
        """Leave the words out, for narrow windows."""
        self.kind_button.setVisible(not compact)
        self.slider.setFixedWidth(64 if compact else 92)

    @Slot()
    @guarded
    def _follow(self) -> None:
        self.button.set_icon("pause" if self._is_running else "play")
        about = "Pause the workload" if self._is_running else "Run the workload"
        key = self._toggle.shortcut().toString()
        self.button.setToolTip(f"{about} ({key})" if key else about)
        self.button.setAccessibleName(about)
        for child in (self.button, self.kind_button, self.slider, self.rate_label):
            child.setEnabled(self._toggle.isEnabled())

    @Slot()
    @guarded
    def _on_slide(self, *_step: object) -> None:
        self._show_rate()
        self._settle.start()

    @Slot()
    @guarded
    def _tell_rate(self) -> None:
        self.rate_picked.emit(self.rate)

    @Slot(object)
    @guarded
    def _on_kind(self, action: QAction) -> None:
        self._name_kind()
        self.kind_picked.emit(action.data())

    def _name_kind(self) -> None:
        words = self._kinds[self.kind].text() if self.kind else "Workload"
        self.kind_button.setText(words)
        self.kind_button.setAccessibleName(f"Kind of workload: {words}")
        self.kind_button.setToolTip("What the workload writes")

    def _show_rate(self) -> None:
        words = rate_words(self.rate)
        self.rate_label.setText(words)
        self.slider.setToolTip(f"Writes per second: {words}")

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.color("border"), 1))
            painter.setBrush(theme.color("well"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
