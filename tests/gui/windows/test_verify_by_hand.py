# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Copies are verified by a click or a key, watched, stopped, and wear what was found."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from core.answers import ByteRange
from core.errors import CorruptAreaError, FingerprintError, ImageSizeError
from gui.models.copytree import CopyTreeRole
from gui.models.integrity import ranges_told

pytestmark = pytest.mark.gui


@pytest.fixture
def with_copies(at_volume):
    """Snapshots 'a' and 'b'."""
    at_volume.take("a")
    at_volume.take("b")
    return at_volume


def verify(driver, way):
    if way == "menu":
        driver.choose(driver.window.menus.copies, driver.window.actions_.verify)
    else:
        driver.press("F9")


def badge(driver, name):
    return driver.row(name).data(CopyTreeRole.INTEGRITY)


def tooltip(driver, name):
    return driver.row(name).data(Qt.ItemDataRole.ToolTipRole)


@pytest.mark.parametrize("way", ["menu", "keyboard"])
def test_intact_copies_are_told_and_marked(with_copies, way):
    window = with_copies.window
    assert badge(with_copies, "a") == "unchecked"
    assert tooltip(with_copies, "a").endswith("not verified yet")
    verify(with_copies, way)
    with_copies.qtbot.waitUntil(lambda: badge(with_copies, "a") == "intact")
    with_copies.qtbot.waitUntil(window.toast.isVisible)
    assert window.toast.text.text() == "All 2 copies are intact; 12 KiB verified"
    assert badge(with_copies, "b") == "intact"
    assert "intact when verified on 2001-09-09" in tooltip(with_copies, "b")
    assert not window.strip.isVisible()
    assert with_copies.banner_texts() == []


def test_damage_is_told_by_copy_and_range(with_copies):
    engine = with_copies.engine
    engine.damage = {1: [ByteRange(4096, 8192), ByteRange(40960, 512)]}
    verify(with_copies, "menu")
    with_copies.qtbot.waitUntil(lambda: badge(with_copies, "a") == "damaged")
    with_copies.qtbot.waitUntil(lambda: len(with_copies.banner_texts()) == 1)
    (told,) = with_copies.banner_texts()
    assert told.startswith("'a' is damaged: 8.5 KiB kept in the additional area fail")
    assert badge(with_copies, "b") == "intact"
    assert tooltip(with_copies, "a").endswith(
        "damaged: cannot be read at [4096..12287], [40960..41471]"
    )
    with_copies.click(with_copies.window.banners.banners[0].copy_button)
    assert "a: [4096..12287], [40960..41471]" in QGuiApplication.clipboard().text()
    # The next scrub takes the old verdict's place.
    engine.damage = {}
    verify(with_copies, "keyboard")
    with_copies.qtbot.waitUntil(lambda: badge(with_copies, "a") == "intact")
    with_copies.qtbot.waitUntil(lambda: with_copies.banner_texts() == [])


@pytest.mark.parametrize("way", ["button", "menu", "keyboard"])
def test_it_is_watched_and_stopped(with_copies, way):
    window, engine = with_copies.window, with_copies.engine
    engine.scrub_steps = 1 << 30
    verify(with_copies, "menu")
    with_copies.qtbot.waitUntil(window.strip.isVisible)
    assert window.strip.words.text() == "Verifying what is kept for copies"
    with_copies.qtbot.waitUntil(lambda: engine.calls.count("scrub_step") > 5)
    assert window.actions_.verify.text() == "Stop &verifying"
    with_copies.take("c")  # acts do not wait for it
    if way == "button":
        with_copies.click(window.strip.stop)
    else:
        verify(with_copies, way)
    assert not window.strip.isVisible()
    assert window.actions_.verify.text() == "&Verify copies"
    with_copies.settle()
    before = engine.calls.count("scrub_step")
    with_copies.settle()
    assert engine.calls.count("scrub_step") == before
    assert badge(with_copies, "a") == "unchecked"


def test_progress_is_a_share_of_the_whole(with_copies):
    window, engine = with_copies.window, with_copies.engine
    engine.scrub_steps = 4
    shares = []
    show = window.strip.show_progress
    window.strip.show_progress = lambda words, share: (shares.append(share), show(words, share))
    verify(with_copies, "menu")
    with_copies.qtbot.waitUntil(lambda: badge(with_copies, "a") == "intact")
    assert shares == [0.0, 0.25, 0.5, 0.75]
    assert window.strip.percent.text() == "75 %"


def test_an_engine_that_refuses_ends_it(with_copies):
    with_copies.settle()
    engine = with_copies.engine

    def refuse(run=0):
        raise CorruptAreaError("Nothing can be verified.")

    engine.scrub_step = refuse
    verify(with_copies, "menu")
    with_copies.qtbot.waitUntil(lambda: with_copies.banner_texts() == ["Nothing can be verified."])
    assert not with_copies.window.strip.isVisible()
    assert not with_copies.window.scrubber.is_running


def test_leaving_the_volume_ends_it(with_copies):
    window, engine = with_copies.window, with_copies.engine
    engine.scrub_steps = 1 << 30
    verify(with_copies, "menu")
    with_copies.qtbot.waitUntil(lambda: engine.calls.count("scrub_step") > 2)
    with_copies.press("Ctrl+W")
    with_copies.qtbot.waitUntil(lambda: not window.link.is_open)
    assert not window.strip.isVisible()
    assert not window.actions_.verify.isEnabled()


def test_there_is_nothing_to_verify_without_copies(at_volume):
    assert not at_volume.window.actions_.verify.isEnabled()
    at_volume.take("a")
    at_volume.qtbot.waitUntil(at_volume.window.actions_.verify.isEnabled)


def test_a_change_from_outside_names_places_and_marks_copies(driver):
    driver.open()
    driver.take("a")
    driver.take("b")
    engine = driver.engine
    engine.read_only, engine.notice = True, "disk.img was changed by another program."
    engine.changed_ranges = [ByteRange(8192, 4096)]
    engine.known = {1: {"integrity": "suspect", "suspect_ranges": [ByteRange(8192, 4096)]}}
    driver.window.follower.refresh()
    driver.qtbot.waitUntil(lambda: badge(driver, "a") == "suspect")
    assert badge(driver, "b") == "unchecked"
    assert tooltip(driver, "a").endswith("suspect: may show wrong data at [8192..12287]")
    (banner,) = driver.window.banners.banners
    assert banner.trouble.details == "changed: [8192..12287]\na: [8192..12287]"
    assert [words for words, _ in banner.trouble.actions] == ["Open it as it is now"]


@pytest.mark.parametrize(
    ("refusal", "offered"),
    [
        (ImageSizeError("disk.img has 512 bytes and is shorter than it was."), ["Open another…"]),
        (
            FingerprintError("What disk.img was like cannot be read."),
            ["Open it as it is now", "Open another…"],
        ),
    ],
)
def test_each_refusal_offers_what_helps(driver, refusal, offered):
    driver.open()
    path = "/images/other.img"
    driver.engines[path] = type(driver.engine)(path)
    driver.engines[path].refusal = refusal
    driver.window.opener.open_path(path)
    driver.qtbot.waitUntil(lambda: bool(driver.banner_texts()))
    (banner,) = driver.window.banners.banners
    assert banner.trouble.sentence == refusal.message
    assert [words for words, _ in banner.trouble.actions] == offered
    if len(offered) == 2:
        driver.click(banner.buttons[0])
        driver.qtbot.waitUntil(lambda: driver.window.link.path == path)
        assert driver.engine.accepted


def test_many_ranges_are_told_as_few():
    ranges = [ByteRange(number * 1024, 512) for number in range(5)]
    assert ranges_told(ranges) == "[0..511], [1024..1535], [2048..2559] and 2 more"
