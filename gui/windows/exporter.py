# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Makes files of copies, and takes changes in, with progress and a way to cancel."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QProgressBar, QProgressDialog, QWidget

from core.transfer.formats import DIFF
from core.units import format_bytes
from gui.bridge.exportjob import ExportJob
from gui.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.errors import RangepairError
    from gui.bridge.exportjob import Export, Report
    from gui.bridge.link import EngineLink

    ApplyStream = Callable[[str, str, Report], None]  # image, stream

    class ExportView(Protocol):
        """Makes an image file, or a stream of what has changed since a snapshot."""

        def __call__(
            self,
            image: str,
            copy: str,
            target: str,
            image_format: str,
            report: Report,
            *,
            since: str | None = None,
        ) -> None:
            """Make it; see ``gui.bridge.images.export_view``."""


_FORMATS: Final = {
    "Raw image (*.img *.raw)": ("raw", "img"),
    "QEMU (*.qcow2)": ("qcow2", "qcow2"),
    "VMware (*.vmdk)": ("vmdk", "vmdk"),
    "VirtualBox (*.vdi)": ("vdi", "vdi"),
    "Hyper-V (*.vhdx)": ("vhdx", "vhdx"),
}
_CHANGES: Final = "Changes, as of Ceph's rbd export-diff (*.diff)"
_STEPS: Final = 1000
_QUIET_MS: Final = 400
_WIDTH: Final = 420


class Exporter(QObject):
    """One at a time, out or in; the volume can be used and written to meanwhile."""

    done = Signal(str, bool)
    """(what was made, False: it is not undone)"""
    failed = Signal(object)
    """RangepairError"""
    busy_changed = Signal()

    def __init__(
        self, link: EngineLink, export: ExportView, apply: ApplyStream, window: QWidget
    ) -> None:
        """Put out what ``link`` has open, by ``export``, and streams in, by ``apply``."""
        super().__init__(window)
        self._link = link
        self._export = export
        self._apply = apply
        self._window = window
        self._job: ExportJob | None = None
        self._progress: QProgressDialog | None = None
        self._title = self._sentence = ""

    @property
    def is_busy(self) -> bool:
        """Whether one is under way."""
        return self._job is not None

    def choose(self, copy: str) -> None:
        """Let the user choose a file and a format for a copy, or for the original."""
        image = self._link.path
        dialog = self._dialog(f"Export {copy}")
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

    @Slot(str, str)
    @guarded
    def choose_changes(self, since: str, copy: str) -> None:
        """Let the user choose a file for what has changed since a snapshot."""
        image = self._link.path
        dialog = self._dialog(f"Export what has changed since {since}")
        dialog.setNameFilters([_CHANGES])
        dialog.setDefaultSuffix("diff")
        dialog.selectFile(f"{Path(image).stem}-{since}-{copy}")
        dialog.fileSelected.connect(
            guarded(lambda target: self.start(image, copy, target, DIFF, since))
        )
        dialog.open()

    def _dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title, str(Path(self._link.path).parent))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        return dialog

    def start(
        self, image: str, copy: str, target: str, image_format: str, since: str | None = None
    ) -> None:
        """Begin; ``target`` is replaced if it exists, which the dialog has asked about."""
        if self._job is not None:
            return
        export = partial(self._export, image, copy, target, image_format)
        self._begin(
            f"Exporting {copy} to {Path(target).name}",
            f"{copy} exported to {Path(target).name}",
            partial(export, since=since) if since else export,
        )

    def choose_stream(self) -> None:
        """Let the user choose a stream of changes, and put it into effect on the original."""
        image = self._link.path
        dialog = QFileDialog(self._window, "Apply changes", str(Path(image).parent))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([_CHANGES, "All files (*)"])
        dialog.fileSelected.connect(guarded(partial(self.apply, image)))
        dialog.open()

    def apply(self, image: str, stream: str) -> None:
        """Begin to apply ``stream`` to the original; wholly, or not at all."""
        if self._job is None:
            self._begin(
                f"Applying {Path(stream).name} to the original",
                f"The original has the changes of {Path(stream).name}",
                partial(self._apply, image, stream),
            )

    def _begin(self, title: str, sentence: str, work: Export) -> None:
        """Do it in a thread of its own, with a dialog that shows how far it is."""
        job = ExportJob(work, self)
        self._title, self._sentence = title, sentence
        progress = QProgressDialog(f"{title}\n", "Cancel", 0, _STEPS, self._window)
        progress.setWindowTitle(title.partition(" ")[0])
        progress.findChildren(QProgressBar)[0].setTextVisible(False)  # the label tells more
        progress.setMinimumWidth(_WIDTH)
        progress.setMinimumDuration(_QUIET_MS)
        progress.setAutoClose(False)
        progress.setAutoReset(False)
        progress.canceled.connect(job.cancel)
        self._job, self._progress = job, progress
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
