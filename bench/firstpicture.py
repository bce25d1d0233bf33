# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m bench.firstpicture BEGUN [IMAGE]``: open the window, print when it was first drawn.

BEGUN is the ``time.monotonic`` of whoever started this process; printed are seconds since then.
"""

from __future__ import annotations

import sys
import time

BEGUN = float(sys.argv[1])


def main() -> int:
    """Run the window until it is drawn."""
    from PySide6.QtWidgets import QApplication

    def until_drawn(*_: object) -> int:
        while not any(
            widget.isVisible() and widget.windowHandle() and widget.windowHandle().isExposed()
            for widget in QApplication.topLevelWidgets()
        ):
            QApplication.processEvents()
        QApplication.processEvents()
        print(time.monotonic() - BEGUN, flush=True)
        QApplication.closeAllWindows()
        return 0

    # The window itself is run as it is; only its loop is cut short.
    QApplication.exec = staticmethod(until_drawn)
    from gui.app import main as run_window

    return run_window(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
