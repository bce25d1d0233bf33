# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Nothing is pulled from under the users of an attached view, however long an act waits first."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from core.attach.attachment import Attachment, Wish
from core.attach.attachments import Attachments
from core.attached import AttachedView
from core.errors import CopyInUseError
from core.service import messages as ask
from core.service.attaching import claim_for

if TYPE_CHECKING:
    from pathlib import Path

    from core.service.request import Request
    from core.session import VolumeSession

ACTS: list[tuple[Request, str]] = [
    (ask.Restore("monday", ""), "original"),
    (ask.Resize(512, shrinks=True), "original"),
    (ask.Rename("monday", "tuesday"), "monday"),
    (ask.Delete(["monday"], now=True), "monday"),
    (ask.Purge(["tuesday", "monday"]), "monday"),
]


@pytest.fixture
def attachments(tmp_path: Path) -> Attachments:
    """Of a volume that is never asked."""
    nobody = cast("VolumeSession", SimpleNamespace())
    return Attachments(nobody, str(tmp_path / "disk.img"), tmp_path / "attached")


@pytest.mark.parametrize(("request_", "view"), ACTS)
def test_an_act_that_has_begun_keeps_its_view_from_being_attached(attachments, request_, view):
    begun, may_end, over = threading.Event(), threading.Event(), threading.Event()

    def act() -> None:
        with claim_for(attachments, request_), claim_for(attachments, request_):
            begun.set()
            assert may_end.wait(30)
        over.set()

    thread = threading.Thread(target=act)
    thread.start()
    assert begun.wait(30)
    with pytest.raises(CopyInUseError, match=f"'{view}' is just being"):
        attachments.attach(Wish(view, read_only=False, mount="", partition=None))
    may_end.set()
    thread.join()
    assert over.is_set()
    # Now it gets as far as asking the volume, which is none.
    with pytest.raises(AttributeError):
        attachments.attach(Wish(view, read_only=False, mount="", partition=None))


@pytest.mark.parametrize(("request_", "view"), ACTS)
def test_no_such_act_begins_on_what_is_attached(attachments, tmp_path, request_, view):
    there = AttachedView(
        image="disk.img", copy=view, way=["fuse"], file="/run/it", read_only=False, mount="/mnt"
    )
    attachments._attached[view] = cast("Attachment", SimpleNamespace(view=there))
    with pytest.raises(CopyInUseError, match="is attached at /mnt and cannot be"):
        claim_for(attachments, request_).__enter__()
    assert not +attachments._claims


def test_other_requests_claim_nothing(attachments):
    with claim_for(attachments, ask.Snapshot("wednesday", "original")):
        assert not +attachments._claims
