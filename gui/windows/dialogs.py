# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The questions the window asks. None of them blocks: each tells its answer by a signal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.units import SECTOR_BYTES, VOLUME_BYTES_MAX, format_bytes, parse_bytes
from gui.guard import guarded
from gui.views.words import words

if TYPE_CHECKING:
    from PySide6.QtWidgets import QLayout

DEFAULT_SIZE: Final = "64 MiB"


class Question(QDialog):
    """A title, a text, and two buttons; Escape and Return without a choice mean no."""

    agreed = Signal()

    def __init__(
        self,
        title: str,
        text: str,
        button: str,
        parent: QWidget | None = None,
        *,
        warning: str = "This cannot be undone.",
    ) -> None:
        """Ask; Cancel is the default. Without a ``warning`` the button is an ordinary one."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setModal(True)
        self.heading = words(title, 16, 650)
        alarm = words(warning, 13, 600, "danger")
        alarm.setVisible(bool(warning))
        body = words(text, 13, 400, "sub")
        body.setAccessibleName(text)
        self.buttons = QDialogButtonBox()
        self.cancel = self.buttons.addButton("Cancel", QDialogButtonBox.ButtonRole.RejectRole)
        self.agree = self.buttons.addButton(button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.agree.setProperty("danger" if warning else "primary", True)
        self.agree.setAutoDefault(False)
        self.cancel.setDefault(True)
        self.cancel.setFocus()
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.accepted.connect(self.agreed)
        _stack(self, self.heading, alarm, body, self.buttons)
        self.setMinimumWidth(440)


class LeaveQuestion(QDialog):
    """The window is about to leave a volume that others use."""

    keep = Signal()
    end = Signal()

    def __init__(self, image: str, uses: str, parent: QWidget | None = None) -> None:
        """Ask what shall become of them; Escape means that the window stays.

        ``uses`` is a sentence: who they are.
        """
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Leave it to the others?")
        self.setModal(True)
        self.body = words(
            f"{image} is served or attached, so other programs can use it without this window. "
            f"{uses} End it and they lose it; leave it, and opening the image again leads back to"
            " it.", 13, 400, "sub",
        )  # fmt: skip
        box = QDialogButtonBox()
        self.stay = box.addButton("Cancel", QDialogButtonBox.ButtonRole.RejectRole)
        self.stop = box.addButton("End it", QDialogButtonBox.ButtonRole.DestructiveRole)
        self.go_on = box.addButton("Leave it", QDialogButtonBox.ButtonRole.AcceptRole)
        self.go_on.setProperty("primary", True)
        self.go_on.setDefault(True)
        box.rejected.connect(self.reject)
        box.accepted.connect(self.accept)
        self.accepted.connect(self.keep)
        self.stop.clicked.connect(self._on_stop)
        _stack(self, words("Leave it to the others?", 16, 650), self.body, box)
        self.setMinimumWidth(440)

    @Slot()
    @guarded
    def _on_stop(self) -> None:
        self.reject()
        self.end.emit()


class NameDialog(QDialog):
    """Asks for the name of a copy that is about to be taken."""

    named = Signal(str)

    def __init__(self, proposal: str, parent: QWidget | None = None) -> None:
        """Propose a name, selected, so that typing replaces it."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Take snapshot")
        self.setModal(True)
        self.field = QLineEdit(proposal)
        self.field.setAccessibleName("Name of the snapshot")
        self.field.selectAll()
        self.buttons, self.ok = _two_buttons(self, "Take snapshot")
        self.field.textChanged.connect(self._follow)
        self.accepted.connect(self._tell)
        heading = words("Take snapshot", 16, 650)
        about = words("The name can be changed later.", 13, 400, "sub")
        _stack(self, heading, about, self.field, self.buttons)
        self.setMinimumWidth(400)

    @Slot(str)
    @guarded
    def _follow(self, name: str) -> None:
        self.ok.setEnabled(bool(name.strip()))

    @Slot()
    @guarded
    def _tell(self) -> None:
        self.named.emit(self.field.text().strip())


class NewVolumeDialog(QDialog):
    """Asks where a new image shall be, and how large."""

    chosen = Signal(str, object, bool)
    """(path, size in bytes, thin)"""

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        """Propose a file in ``folder``."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("New volume")
        self.setModal(True)
        self.path_field = QLineEdit(str(_free_path(folder)))
        self.path_field.setAccessibleName("Image file")
        self.browse = QPushButton("Choose…")
        self.browse.setAutoDefault(False)
        self.size_field = QLineEdit(DEFAULT_SIZE)
        self.size_field.setAccessibleName("Size")
        self.thin_box = QCheckBox(
            "Thin: grows as it is written; no plain image, only Rangepair reads it"
        )
        self.problem = words("", 12, 500, "danger")
        self.buttons, self.ok = _two_buttons(self, "Create volume")
        self.path_field.textChanged.connect(self._follow)
        self.size_field.textChanged.connect(self._follow)
        self.browse.clicked.connect(self._browse)
        self.accepted.connect(self._tell)
        _stack(self, words("New volume", 16, 650), self._form(), self.problem, self.buttons)
        self.setMinimumWidth(520)
        self._follow()

    def _form(self) -> QLayout:
        form = QGridLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(10)
        row = QHBoxLayout()
        row.addWidget(self.path_field, 1)
        row.addWidget(self.browse)
        form.addWidget(words("Image file", 13, 500, "sub"), 0, 0)
        form.addLayout(row, 0, 1)
        form.addWidget(words("Size", 13, 500, "sub"), 1, 0)
        form.addWidget(self.size_field, 1, 1)
        form.addWidget(self.thin_box, 2, 1)
        return form

    def _problem(self) -> str:
        """Return why this cannot be made, or nothing."""
        path = Path(self.path_field.text().strip()).expanduser()
        if not path.name or path.is_dir():
            return "Name a file for the image."
        if path.exists():
            return f"{path.name} exists already; choose another name, it is not overwritten."
        if not path.parent.is_dir():
            return f"There is no folder {path.parent}."
        try:
            size = parse_bytes(self.size_field.text())
        except ValueError as error:
            return f"{error}."
        if not SECTOR_BYTES <= size <= VOLUME_BYTES_MAX:
            return f"The size must be between 512 B and {format_bytes(VOLUME_BYTES_MAX)}."
        return "" if size % SECTOR_BYTES == 0 else "The size must be a multiple of 512 bytes."

    @Slot()
    @guarded
    def _follow(self, *_words: object) -> None:
        problem = self._problem()
        self.problem.setText(problem)
        self.ok.setEnabled(not problem)

    @Slot()
    @guarded
    def _browse(self) -> None:
        dialog = QFileDialog(self, "Image file", str(Path(self.path_field.text()).parent))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.fileSelected.connect(self.path_field.setText)
        dialog.open()

    @Slot()
    @guarded
    def _tell(self) -> None:
        path = Path(self.path_field.text().strip()).expanduser()
        size = parse_bytes(self.size_field.text())
        self.chosen.emit(str(path), size, self.thin_box.isChecked())


def _two_buttons(dialog: QDialog, agree: str) -> tuple[QDialogButtonBox, QPushButton]:
    box = QDialogButtonBox()
    box.addButton("Cancel", QDialogButtonBox.ButtonRole.RejectRole).setAutoDefault(False)
    ok = box.addButton(agree, QDialogButtonBox.ButtonRole.AcceptRole)
    ok.setProperty("primary", True)
    ok.setDefault(True)
    box.accepted.connect(dialog.accept)
    box.rejected.connect(dialog.reject)
    return box, ok


def _stack(dialog: QDialog, *parts: QWidget | QLayout) -> None:
    column = QVBoxLayout(dialog)
    column.setContentsMargins(24, 20, 24, 18)
    column.setSpacing(12)
    for part in parts:
        if isinstance(part, QWidget):
            column.addWidget(part)
        else:
            column.addLayout(part)


def _free_path(folder: Path) -> Path:
    number = 1
    while (path := folder / f"volume-{number}.img").exists():
        number += 1
    return path
