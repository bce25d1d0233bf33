# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A dialog that is as high as what it shows, which may become more while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog
from typing_extensions import override

from gui.guard import guarded

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent


class Sheet(QDialog):
    """Stays on the screen when it grows."""

    def fit(self) -> None:
        """Become as high as what is shown needs."""
        self.adjustSize()

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.isVisible():
            screen, frame = self.screen().availableGeometry(), self.frameGeometry()
            excess = frame.bottom() - screen.bottom()
            if excess > 0:
                self.move(frame.x(), max(frame.y() - excess, screen.top()))
