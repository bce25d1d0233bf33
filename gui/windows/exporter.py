# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Makes image files of copies: asks where to, shows how far it is, and lets it be cancelled."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QProgressBar, QProgressDialog, QWidget

from core.units import format_bytes
from gui.bridge.exportjob import ExportJob
from gui.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.errors import RangepairError
    from gui.bridge.exportjob import Report
    from gui.bridge.link import EngineLink

    ExportView = Callable[[str, str, str, str, Report], None]

_FORMATS: Final = {
    "Raw image (*.img *.raw)": ("raw", "img"),
    "QEMU (*.qcow2)": ("qcow2", "qcow2"),
    "VMware (*.vmdk)": ("vmdk", "vmdk"),
    "VirtualBox (*.vdi)": ("vdi", "vdi"),
    "Hyper-V (*.vhdx)": ("vhdx", "vhdx"),
}
_STEPS: Final = 1000
_QUIET_MS: Final = 400
_WIDTH: Final = 420


class Exporter(QObject):
    """One export at a time; the volume can be used and written to meanwhile."""

    done = Signal(str, bool)
    """(what was made, False: it is not undone)"""
    failed = Signal(object)
    """RangepairError"""
    busy_changed = Signal()

    def __init__(self, link: EngineLink, export: ExportView, window: QWidget) -> None:
        """Export what ``link`` has open, by ``export``: image, copy, target, format, report."""
        super().__init__(window)
        self._link = link
        self._export = export
        self._window = window
        self._job: ExportJob | None = None
        self._progress: QProgressDialog | None = None
        self._title = self._sentence = ""

    @property
    def is_busy(self) -> bool:
        """Whether an export is under way."""
        return self._job is not None

    def choose(self, copy: str) -> None:
        """Let the user choose a file and a format for a copy, or for the original."""
        image = self._link.path
        dialog = QFileDialog(self._window, f"Export {copy}", str(Path(image).parent))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(_FORMATS))
        dialog.setDefaultSuffix("img")
        dialog.selectFile(f"{Path(image).stem}-{copy}")
        dialog.filterSelected.connect(
            guarded(lambda name: dialog.setDefaultSuffix(_FORMATS[name][1]))
        )
        dialog.fileSelected.connect(
            guarded(
                lambda target: self.start(
                    image, copy, target, _FORMATS[dialog.selectedNameFilter()][0]
                )
            )
        )
        dialog.open()

    def start(self, image: str, copy: str, target: str, image_format: str) -> None:
        """Begin; ``target`` is replaced if it exists, which the dialog has asked about."""
        if self._job is not None:
            return
        job = ExportJob(partial(self._export, image, copy, target, image_format), self)
        self._title = f"Exporting {copy} to {Path(target).name}"
        progress = QProgressDialog(f"{self._title}\n", "Cancel", 0, _STEPS, self._window)
        progress.setWindowTitle("Export")
        progress.findChildren(QProgressBar)[0].setTextVisible(False)  # the label tells more
        progress.setMinimumWidth(_WIDTH)
        progress.setMinimumDuration(_QUIET_MS)
        progress.setAutoClose(False)
        progress.setAutoReset(False)
        progress.canceled.connect(job.cancel)
        self._job, self._progress = job, progress
        self._sentence = f"{copy} exported to {Path(target).name}"
        queued = Qt.ConnectionType.QueuedConnection
        job.advanced.connect(self._on_advanced, queued)
        job.finished.connect(self._on_finished, queued)
        job.failed.connect(self._on_failed, queued)
        job.cancelled.connect(self._end, queued)
        job.start()
        self.busy_changed.emit()

    def shutdown(self) -> None:
        """Cancel what is under way and wait for it."""
        if self._job is not None:
            self._job.cancel()
            self._job.wait()
            self._end()

    @Slot(object, object)
    @guarded
    def _on_advanced(self, done: int, whole: int) -> None:
        if self._progress is not None and not self._progress.wasCanceled():
            self._progress.setValue(_STEPS * done // max(whole, 1))
            amount = f"{format_bytes(done)} of {format_bytes(whole)}"
            self._progress.setLabelText(f"{self._title}\n{amount}")

    @Slot()
    @guarded
    def _on_finished(self) -> None:
        self._end()
        self.done.emit(self._sentence, False)

    @Slot(object)
    @guarded
    def _on_failed(self, error: RangepairError) -> None:
        self._end()
        self.failed.emit(error)

    @Slot()
    @guarded
    def _end(self) -> None:
        if self._job is None or self._progress is None:
            return
        self._progress.canceled.disconnect(self._job.cancel)
        self._progress.close()
        self._progress.deleteLater()
        self._job.wait()  # its last act was to say so
        self._job.deleteLater()
        self._job = self._progress = None
        self.busy_changed.emit()
