# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the window remembers from one day to the next, in one INI file of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs
from PySide6.QtCore import QByteArray, QSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

RECENT_MAX: Final = 10
LAYOUT_VERSION: Final = 1
"""Rises when the arrangement changes, so that an old one is not laid over it."""

THEMES: Final = ("system", "light", "dark")


class Settings:
    """Typed values; what is damaged or foreign reads as the default."""

    def __init__(self, path: Path | None = None) -> None:
        """Read ``path``, by default in the user's configuration folder."""
        path = path or platformdirs.user_config_path("rangepair") / "window.ini"
        self._store = QSettings(str(path), QSettings.Format.IniFormat)

    @property
    def theme(self) -> str:
        """One of ``THEMES``."""
        value = str(self._store.value("view/theme", "system"))
        return value if value in THEMES else "system"

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("view/theme", name)

    @property
    def recent(self) -> list[str]:
        """Images opened before, newest first."""
        value = self._store.value("files/recent", [])
        paths = [value] if isinstance(value, str) else value
        return [str(path) for path in paths][:RECENT_MAX] if isinstance(paths, list) else []

    def remember(self, path: str) -> None:
        """Put ``path`` first among the recent ones."""
        absolute = str(Path(path).absolute())
        others = [other for other in self.recent if other != absolute]
        self._set_recent([absolute, *others])

    def forget(self, path: str) -> None:
        """Take ``path`` off the recent ones."""
        self._set_recent([other for other in self.recent if other != path])

    def _set_recent(self, paths: Sequence[str]) -> None:
        self._store.setValue("files/recent", list(paths[:RECENT_MAX]))

    def layout(self, name: str) -> QByteArray | None:
        """Return a saved piece of the arrangement, if it is of this version."""
        value = self._store.value(f"layout-{LAYOUT_VERSION}/{name}")
        return value if isinstance(value, QByteArray) else None

    def set_layout(self, name: str, state: QByteArray) -> None:
        """Save a piece of the arrangement."""
        self._store.setValue(f"layout-{LAYOUT_VERSION}/{name}", state)

    def forget_layout(self) -> None:
        """Go back to the arrangement the program comes with."""
        self._store.remove(f"layout-{LAYOUT_VERSION}")

    def sync(self) -> None:
        """Write everything to disk."""
        self._store.sync()
