# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""It is told in time that the additional area gets full, and what had to go for room."""

from __future__ import annotations

import pytest

from core.spaceanswers import DroppedCopy
from gui.windows import spacewatch
from gui.windows.propertiesdialog import PropertiesDialog

pytestmark = pytest.mark.gui


@pytest.fixture
def watched(driver, monkeypatch):
    """A volume whose room is asked for at once whenever something is kept."""
    monkeypatch.setattr(spacewatch, "LOOK_S", 0.0)
    monkeypatch.setattr(spacewatch, "_ASKING_SHARE", 1e9)
    driver.open()
    driver.take("a")
    return driver


def keep_more(driver):
    """Let something be kept, so that the counters change."""
    driver.engine.write(driver.engine.next_offset, bytes(4096))


def tone(driver):
    return driver.window.status.space.value.property("tone")


def test_a_full_area_is_told_in_time_and_once(watched):
    engine = watched.engine
    keep_more(watched)
    watched.qtbot.waitUntil(lambda: "room for 1 TiB" in watched.window.status.space.toolTip())
    assert tone(watched) == ""
    engine.room_bytes = engine.next_offset // 8
    keep_more(watched)
    watched.qtbot.waitUntil(lambda: tone(watched) == "warn")
    (told,) = watched.banner_texts()
    assert told.startswith("The additional area has room for")
    assert told.endswith("When it is full, writes that need room are refused.")
    engine.room_bytes, engine.full_in_seconds = 0, 30.0
    keep_more(watched)
    watched.qtbot.waitUntil(lambda: tone(watched) == "danger")
    (told,) = watched.banner_texts()
    assert "and is full in about 30 seconds as things go on now" in told
    watched.window.banners.banners[0].dismiss()
    keep_more(watched)
    watched.settle()
    assert watched.banner_texts() == []
    engine.room_bytes, engine.full_in_seconds = 1 << 40, None
    keep_more(watched)
    watched.qtbot.waitUntil(lambda: tone(watched) == "")


def test_the_banner_leads_to_what_happens_then(watched):
    watched.engine.room_bytes = 0
    keep_more(watched)
    watched.qtbot.waitUntil(lambda: watched.window.banners.banners != [])
    watched.click(watched.window.banners.banners[0].buttons[0])
    sheet = watched.dialog(PropertiesDialog)
    watched.qtbot.waitUntil(sheet.when_full.isVisible)


def test_a_copy_that_was_dropped_is_named(watched):
    keep_more(watched)
    watched.qtbot.waitUntil(lambda: "room for" in watched.window.status.space.toolTip())
    watched.engine.set_policy(dropped=[DroppedCopy(name="old", when=1e9)])
    watched.engine.counters.dropped_copies = 1
    watched.qtbot.waitUntil(lambda: watched.banner_texts() != [])
    assert watched.banner_texts()[0].startswith("'old' was dropped to make room")
