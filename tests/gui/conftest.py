# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What every test of the window needs: an application that looks the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gui.theme import DARK, LIGHT, ThemeSource, fonts

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication


@pytest.fixture(scope="session")
def qapp(qapp: QApplication) -> QApplication:
    """One style, no blinking cursor, our own typefaces."""
    qapp.setStyle("Fusion")
    qapp.setCursorFlashTime(0)
    fonts.load()
    return qapp


@pytest.fixture
def source(qapp: QApplication) -> ThemeSource:
    """The light theme; a test may set the other."""
    return ThemeSource(LIGHT)


@pytest.fixture(params=[LIGHT, DARK], ids=lambda theme: theme.name)
def either_source(qapp: QApplication, request: pytest.FixtureRequest) -> ThemeSource:
    """Each theme in turn."""
    return ThemeSource(request.param)
