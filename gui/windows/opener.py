# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every way a volume comes into the window: dialog, recent list, drop, new image, scratch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QMimeData, QObject, Qt, QUrl, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from gui.guard import guarded
from gui.windows.dialogs import NewVolumeDialog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.errors import RangepairError
    from gui.bridge.link import EngineLink
    from gui.settings import Settings
    from gui.windows.exporter import ApplyStream, ExportView

SIDECAR_SUFFIX: Final = ".rangepair"
_FILTER: Final = "Disk images (*.img *.raw *.rangepair);;All files (*)"


@dataclass(frozen=True, slots=True)
class ImageMakers:
    """How images are made and changed; all may take long and raise ``RangepairError``."""

    volume: Callable[[str, int, bool], str]
    scratch: Callable[[], str]
    export: ExportView
    apply: ApplyStream


def image_of(path: str) -> str:
    """Return the image a file belongs to: itself, or the one a sidecar lies beside."""
    return path.removesuffix(SIDECAR_SUFFIX)


def _why_no_image(urls: Sequence[QUrl]) -> str:
    """Say why what is dropped is no image; empty if it is exactly one local file."""
    if len(urls) != 1:
        return "One disk image can be opened at a time; drop a single file."
    if not urls[0].isLocalFile():
        return f"{urls[0].toDisplayString()} is not on this computer; fetch it, then open the file."
    path = Path(urls[0].toLocalFile())
    if path.is_dir():
        return f"{path.name} is a folder; drop a disk image instead."
    if not (path.is_file() or path.is_block_device()):
        return f"{path.name} is no disk image that can be read; drop another file."
    return ""


class VolumeOpener(QObject):
    """Finds out the path and tells the link."""

    busy = Signal(str)
    """What is being done, in words; empty when it is over."""
    failed = Signal(str, object)
    """(path or what was to be made, RangepairError)"""
    refused = Signal(str)
    """Why what was dropped cannot be opened."""
    scratch_opened = Signal()

    def __init__(
        self, link: EngineLink, settings: Settings, makers: ImageMakers, window: QWidget
    ) -> None:
        """Open dialogs over ``window``."""
        super().__init__(window)
        self._link = link
        self._settings = settings
        self._makers = makers
        self._window = window
        self._scratch_path = ""
        link.opening.connect(self._on_opening)
        link.opened.connect(self._on_opened)
        link.open_failed.connect(self._on_failed)

    def open_path(self, path: str, *, accept_changes: bool = False) -> None:
        """Open an image, or the image of a sidecar."""
        self._link.open(image_of(path), accept_changes=accept_changes)

    def accept_changes(self, path: str) -> None:
        """Open an image once more that is open read-only because others changed it."""
        self._link.close()  # the engine process that has not accepted them must end first
        self._link.open(path, accept_changes=True)

    def drop(self, mime: QMimeData) -> bool:
        """Open what is dropped, or say why not; return whether it is an image."""
        urls: list[QUrl] = mime.urls()
        if not urls:
            return False
        problem = _why_no_image(urls)
        if problem:
            self.refused.emit(problem)
        else:
            self.open_path(urls[0].toLocalFile())
        return not problem

    @Slot()
    @guarded
    def choose(self) -> None:
        """Let the user choose a file."""
        dialog = QFileDialog(self._window, "Open a disk image", str(self._folder()), _FILTER)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(guarded(self.open_path))
        dialog.open()

    @Slot()
    @guarded
    def new(self) -> None:
        """Let the user make an empty image."""
        dialog = NewVolumeDialog(self._folder(), self._window)
        dialog.chosen.connect(self._make_volume)
        dialog.open()

    @Slot()
    @guarded
    def new_scratch(self) -> None:
        """Make a scratch image and open it."""
        self.busy.emit("Making a scratch image…")

        def done(path: object) -> None:
            self._scratch_path = str(path)
            self._link.open(self._scratch_path)

        def failed(error: RangepairError) -> None:
            self._on_failed("a scratch image", error)

        self._link.run(self._makers.scratch, done, failed)

    @Slot(str, object, bool)
    @guarded
    def _make_volume(self, path: str, size: int, thin: bool) -> None:
        self.busy.emit(f"Making {Path(path).name}…")
        self._link.run(
            lambda: self._makers.volume(path, size, thin),
            lambda made: self._link.open(str(made)),
            lambda error: self._on_failed(path, error),
        )

    @Slot(str)
    @guarded
    def _on_opening(self, path: str) -> None:
        self.busy.emit(f"Opening {Path(path).name}…")

    @Slot(object)
    @guarded
    def _on_opened(self, _info: object) -> None:
        self.busy.emit("")
        self._settings.remember(self._link.path)
        if self._link.path == self._scratch_path:
            self.scratch_opened.emit()

    @Slot(object, object)
    @guarded
    def _on_failed(self, path: str, error: RangepairError) -> None:
        self.busy.emit("")
        self.failed.emit(path, error)

    def _folder(self) -> Path:
        """Return where the last image was, or the home folder."""
        for path in self._settings.recent:
            if (folder := Path(path).parent).is_dir():
                return folder
        return Path.home()
