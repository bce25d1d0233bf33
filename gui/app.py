# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The window as a program: builds the parts once, hands each what it needs, and runs.

Nothing is global: whoever needs a part is given it here.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QSocketNotifier, Qt, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from gui import guard
from gui.bridge import images
from gui.bridge.engineprocess import EngineProcess
from gui.bridge.link import EngineLink
from gui.settings import Settings
from gui.theme import ThemeSource, fonts
from gui.windows.mainwindow import MainWindow
from gui.windows.opener import ImageMakers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

APP_ID: Final = "io.rangepair.Rangepair"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    image: str = ""
    scratch: bool = False


class FaultTeller(QObject):
    """Brings faults of any thread to the window; none may vanish, none may end it."""

    fault = Signal(object)

    def install(self) -> None:
        """Catch what nobody else catches."""
        guard.set_reporter(self.fault.emit)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread

    @staticmethod
    def uninstall() -> None:
        """Give the hooks back."""
        guard.set_reporter(None)
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        _log.error("not caught", exc_info=(kind, error, trace))
        self.fault.emit(error)

    def _on_thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self._on_exception(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)


def parse(argv: Sequence[str] | None = None) -> Options:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="rangepair", description="The window of Rangepair.")
    parser.add_argument("image", nargs="?", default="", help="disk image to open")
    parser.add_argument(
        "--scratch",
        action="store_true",
        help="make a 64 MiB scratch image with an ext4 file system, and let a workload write to it",
    )
    known = parser.parse_args(argv)
    return Options(image=known.image, scratch=known.scratch)


def application() -> QApplication:
    """Return the one application, dressed in our typefaces."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("rangepair")
    app.setApplicationDisplayName("Rangepair")
    app.setDesktopFileName(APP_ID)
    app.setStyle("Fusion")
    app.setFont(fonts.font(13))
    app.setAttribute(Qt.ApplicationAttribute.AA_DontShowIconsInMenus, on=False)
    return app


def build(settings: Settings | None = None) -> MainWindow:
    """Return the window with everything it needs; nothing is open yet."""
    link = EngineLink(
        lambda path, accept_changes: EngineProcess(path, accept_changes=accept_changes)
    )
    makers = ImageMakers(
        images.make_volume, images.make_scratch_image, images.export_view, images.apply_stream
    )
    window = MainWindow(link, ThemeSource(), settings or Settings(), makers)
    window.setWindowIcon(_sign())
    return window


def _sign() -> QIcon:
    """Return the application's icon, drawn sharp at any size."""
    with resources.as_file(resources.files("resources") / "desktop" / f"{APP_ID}.svg") as path:
        return QIcon(str(path))


def begin(window: MainWindow, options: Options) -> None:
    """Do what the command line asks for."""
    if options.scratch:
        window.opener.new_scratch()
    elif options.image:
        window.opener.open_path(options.image)
    window.panes.prepare()  # while the engine starts


def main(argv: Sequence[str] | None = None) -> int:
    """Run the window; return the exit status."""
    options = parse(argv)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = application()
    window = build()
    faults = FaultTeller()
    faults.fault.connect(window.tell_unexpected)
    faults.install()
    window.show()
    QTimer.singleShot(0, window, lambda: begin(window, options))
    with closing_on_signals(window):
        try:
            return app.exec()
        finally:
            faults.uninstall()


@contextlib.contextmanager
def closing_on_signals(window: MainWindow) -> Iterator[None]:
    """Close the window in order on Ctrl+C and SIGTERM.

    Python runs a handler only between two lines of its own; the socket makes Qt run one at once.
    """
    wakes, woken = socket.socketpair()
    with wakes, woken:
        wakes.setblocking(False)
        woken.setblocking(False)
        former_fd = signal.set_wakeup_fd(wakes.fileno())
        notifier = QSocketNotifier(woken.fileno(), QSocketNotifier.Type.Read)
        notifier.activated.connect(lambda *_: woken.recv(64))
        numbers = (signal.SIGINT, signal.SIGTERM)
        former = [
            signal.signal(number, lambda *_: window.connector.let_go(window.close))
            for number in numbers
        ]
        try:
            yield
        finally:
            notifier.setEnabled(False)
            signal.set_wakeup_fd(former_fd)
            for number, handler in zip(numbers, former, strict=True):
                signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
