# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where a volume shall be served next, and how: a socket, this machine's TCP, or TCP with TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gui.bridge.sharing import ServingWish
from gui.guard import guarded
from gui.theme import fonts
from gui.views.actionbutton import ThemedButton
from gui.views.words import words

if TYPE_CHECKING:
    from gui.theme import ThemeSource

PORT: Final = 10809
"""Assigned to NBD."""
PORT_MAX: Final = 0xFFFF
LOOPBACK: Final = "127.0.0.1"
ANYWHERE: Final = "0.0.0.0"  # noqa: S104 - offered only together with certificates
SOCKET, LOCAL, SECURE = range(3)
_WAYS: Final = (
    ("Socket", "Only you on this computer; the fastest way"),
    ("TCP, this computer", f"Every user of this computer, at {LOOPBACK}"),
    ("TCP with TLS", "Other computers, too: every client needs a certificate"),
)
_FIELD_PX: Final = 84


class ServeOptions(QWidget):
    """Three ways to choose from; the fields that the chosen one needs."""

    folder_wanted = Signal()
    """A folder of certificates is to be chosen."""
    changed = Signal()

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin with the socket."""
        super().__init__(parent)
        self.ways = QButtonGroup(self)
        self.ways.setExclusive(True)
        self.read_only = QCheckBox("Read-only")
        self.read_only.setToolTip("Take writes from nobody at this address")
        self.host = _field("Host to listen at", ANYWHERE)
        self.port = _field("Port", str(PORT))
        self.port.setValidator(QIntValidator(0, PORT_MAX, self.port))
        self.port.setToolTip(f"From 1 to {PORT_MAX}; 0 is any that is free")
        self.port.setFixedWidth(_FIELD_PX)
        self.folder = _field("Folder of certificates", "")
        self.folder.setPlaceholderText("Folder of ca-cert.pem, server-cert.pem, server-key.pem")
        self.browse = ThemedButton(source, "folder", " Choose…")
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self.folder_wanted)
        self.tcp_row = QWidget()
        self.host_words = words("Host", 13, 500, "sub")
        self._lay_out()
        self.ways.idToggled.connect(self._on_way)
        for field in (self.host, self.port, self.folder):
            field.textChanged.connect(self._on_change)
        self._on_way()

    @property
    def problem(self) -> str:
        """Why nothing can be served so, or nothing."""
        if self.ways.checkedId() == SOCKET:
            return ""
        if not self.port.hasAcceptableInput():
            return f"The port must be a number from 0 to {PORT_MAX}."
        if self.ways.checkedId() == SECURE and not self.host.text().strip():
            return "Name a host of this computer to listen at."
        if self.ways.checkedId() == SECURE and not self.folder.text().strip():
            return "Other computers are let in only with certificates; choose their folder."
        return ""

    @property
    def wish(self) -> ServingWish:
        """What is asked for."""
        way, read_only = self.ways.checkedId(), self.read_only.isChecked()
        if way == SOCKET:
            return ServingWish(read_only=read_only)
        port = int(self.port.text() or 0)
        if way == LOCAL:
            return ServingWish(LOOPBACK, port, read_only=read_only)
        return ServingWish(self.host.text().strip(), port, self.folder.text().strip(), read_only)

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(6)
        for number, (title, about) in enumerate(_WAYS):
            button = QPushButton(title)
            for name in ("small", "segment"):
                button.setProperty(name, True)
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setFont(fonts.font(12, 500))
            button.setToolTip(about)
            button.setAccessibleDescription(about)
            self.ways.addButton(button, number)
            first.addWidget(button)
        self.ways.button(SOCKET).setChecked(True)
        first.addStretch(1)
        first.addWidget(self.read_only)
        second = QHBoxLayout(self.tcp_row)
        second.setContentsMargins(0, 0, 0, 0)
        second.setSpacing(8)
        port_words = words("Port", 13, 500, "sub")
        for part in (self.host_words, self.host, port_words, self.port):
            second.addWidget(part)
        second.addWidget(self.folder, 1)
        second.addWidget(self.browse)
        second.addStretch(0)
        self.host.setFixedWidth(_FIELD_PX + 16)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(first)
        column.addWidget(self.tcp_row)

    @Slot()
    @guarded
    def _on_way(self, *_button: object) -> None:
        way = self.ways.checkedId()
        self.tcp_row.setVisible(way != SOCKET)
        for part in (self.host_words, self.host, self.folder, self.browse):
            part.setVisible(way == SECURE)
        self.changed.emit()

    @Slot()
    @guarded
    def _on_change(self, *_words: object) -> None:
        self.changed.emit()


def _field(name: str, text: str) -> QLineEdit:
    field = QLineEdit(text)
    field.setAccessibleName(name)
    return field
