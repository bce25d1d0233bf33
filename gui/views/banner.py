# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What went wrong, in one sentence, and what can be done about it. Never in the way of data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from PySide6.QtCore import QRectF, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from gui.guard import guarded
from gui.theme import fonts, icons
from gui.views.actionbutton import ThemedButton
from gui.views.announce import announce

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPaintEvent

    from gui.theme import ThemeSource

BANNERS_MAX: Final = 3

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that went wrong.

    Attributes:
        sentence: What happened, why, and what to do.
        code: Stable name of the kind of error.
        actions: Words of a button, and what it does; the banner closes when one is pressed.
        details: What "Copy details" copies beyond code and sentence.
        topic: What was tried; a newer trouble with the same takes its place.
    """

    sentence: str
    code: str = "error"
    severity: Severity = "error"
    actions: tuple[tuple[str, Callable[[], None]], ...] = field(default=())
    details: str = ""
    topic: str = ""

    @property
    def report(self) -> str:
        """The text of "Copy details"."""
        return "\n".join(filter(None, (f"{self.code}: {self.sentence}", self.details)))


class Banner(QWidget):
    """One trouble."""

    closed = Signal(object)
    """The banner itself."""

    def __init__(
        self, source: ThemeSource, trouble: Trouble, parent: QWidget | None = None
    ) -> None:
        """Show ``trouble``."""
        super().__init__(parent)
        self._source = source
        self.trouble = trouble
        self.setAccessibleName(trouble.sentence)
        self.text = QLabel(trouble.sentence)
        self.text.setFont(fonts.font(13, 500))
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(46, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(self.text, 1)
        self.buttons = [self._add(words, act) for words, act in trouble.actions]
        self.copy_button = self._button("Copy details", "copy", bare=True)
        self.copy_button.clicked.connect(self._copy)
        self.close_button = self._button("", "close", bare=True)
        self.close_button.setAccessibleName("Dismiss")
        self.close_button.setToolTip("Dismiss")
        self.close_button.clicked.connect(self.dismiss)
        for button in (*self.buttons, self.copy_button, self.close_button):
            row.addWidget(button)
        source.changed.connect(self.update)

    def _button(self, words: str, icon: str = "", *, bare: bool = False) -> ThemedButton:
        button = ThemedButton(self._source, icon, words, tone="sub" if bare else "text")
        button.set_property("small", value=True)
        if bare:
            button.set_property("bare", value=True)
        if words:
            button.setAccessibleName(words)
        return button

    def _add(self, words: str, act: Callable[[], None]) -> ThemedButton:
        button = self._button(words)

        def press() -> None:
            self.dismiss()
            act()

        button.clicked.connect(guarded(press))
        return button

    @Slot()
    @guarded
    def dismiss(self) -> None:
        """Take the banner away."""
        self.closed.emit(self)

    @Slot()
    @guarded
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.trouble.report)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        is_error = self.trouble.severity == "error"
        tone = "danger" if is_error else "warn"
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(theme.color("card"))
            painter.setPen(QPen(theme.color("border"), 1))
            painter.drawRoundedRect(box, 10, 10)
            painter.setBrush(theme.color(tone, 0.10))
            painter.setPen(QPen(theme.color(tone, 0.55), 1))
            painter.drawRoundedRect(box, 10, 10)
            sign = icons.pixmap(
                "error" if is_error else "warning", getattr(theme, tone), 18,
                self.devicePixelRatioF(),
            )  # fmt: skip
            painter.drawPixmap(16, (self.height() - 18) // 2, sign)


class BannerStack(QWidget):
    """At most three banners; the same trouble is told once, the oldest makes room."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin with none, taking no room."""
        super().__init__(parent)
        self._source = source
        self.banners: list[Banner] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(10, 10, 10, 0)
        self._column.setSpacing(8)
        self.setVisible(False)

    def tell(self, trouble: Trouble) -> Banner:
        """Show ``trouble``; if it stands there already, keep the newer."""
        for banner in list(self.banners):
            former = banner.trouble
            is_same = (former.code, former.sentence) == (trouble.code, trouble.sentence)
            if is_same or (trouble.topic and former.topic == trouble.topic):
                self._drop(banner)
        if len(self.banners) == BANNERS_MAX:
            self._drop(self.banners[0])
        banner = Banner(self._source, trouble)
        banner.closed.connect(self._drop)
        self.banners.append(banner)
        self._column.addWidget(banner)
        self.setVisible(True)
        announce(self, trouble.sentence, is_urgent=True)
        return banner

    def clear(self, topic: str | None = None) -> None:
        """Take all banners away, or those of one topic."""
        for banner in list(self.banners):
            if topic is None or banner.trouble.topic == topic:
                self._drop(banner)

    @Slot(object)
    @guarded
    def _drop(self, banner: Banner) -> None:
        if banner in self.banners:
            self.banners.remove(banner)
            self._column.removeWidget(banner)
            banner.hide()
            banner.deleteLater()
            self.setVisible(bool(self.banners))
