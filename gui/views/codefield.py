# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Text for other programs: it can be selected and copied, not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit

from gui.guard import guarded
from gui.theme import fonts
from gui.views.actionbutton import ThemedButton

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gui.theme import ThemeSource


class CodeField(QPlainTextEdit):
    """Lines of code."""

    def __init__(self, name: str, lines: int) -> None:
        """Have room for ``lines``; ``name`` is what screen readers call it."""
        super().__init__()
        self.setAccessibleName(name)
        self.setReadOnly(True)
        self.setFont(fonts.font(12, mono=True))
        self.setTabChangesFocus(True)
        self.setProperty("code", True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        height = QFontMetrics(self.font()).lineSpacing() * lines
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(
            policy.ScrollBarAlwaysOff if lines == 1 else policy.ScrollBarAsNeeded
        )
        self.setFixedHeight(height + 2 * round(self.document().documentMargin()) + 12)

    def show_code(self, text: str) -> None:
        """Change the text if it differs: what the user has marked in it stays marked."""
        if text != self.toPlainText():
            self.setPlainText(text)


def copy_button(source: ThemeSource, words: str, field: CodeField) -> ThemedButton:
    """Return a button that copies what stands in ``field``."""
    button = ThemedButton(source, "copy")
    button.set_property("small", value=True)
    button.setAutoDefault(False)
    button.setToolTip(words)
    button.setAccessibleName(words)
    button.setFixedWidth(34)
    button.clicked.connect(
        guarded(lambda: QGuiApplication.clipboard().setText(field.toPlainText()))
    )
    return button


def beside(field: QWidget, *buttons: QWidget) -> QHBoxLayout:
    """Return a row: the field, and buttons at its upper right."""
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(field, 1)
    for button in buttons:
        row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
    return row
