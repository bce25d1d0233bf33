# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What every test of the window needs: an application that looks the same everywhere."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from gui.bridge.link import EngineLink
from gui.theme import DARK, LIGHT, ThemeSource, fonts
from tests.gui.enginedouble import SessionDouble

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.fixture
def engine() -> SessionDouble:
    """A naive engine; its connection, its sessions and its ring."""
    return SessionDouble()


@pytest.fixture
def link(qapp: QApplication, engine: SessionDouble) -> Iterator[EngineLink]:
    """A link that opens ``engine`` whatever the path; its threads end with the test."""
    made = EngineLink(lambda _path, _accept: engine)
    yield made
    made.shutdown()


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """A test that leaves a thread running would disturb all after it."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert not left, f"threads left running: {left}"
