# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What other programs did to the image meanwhile: where, which copies it concerns, what to tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from core.device.fingerprint import Fingerprint, compare_fingerprint
from core.device.imagefile import FileDevice
from core.device.refusals import readable_path
from core.errors import FingerprintError, ImageSizeError

if TYPE_CHECKING:
    from core.area.additional import AdditionalArea
    from core.device.base import Device
    from core.extent import Extent
    from core.format.superblock import SuperblockFields
    from core.volume.state import VolumeState

_TOLD_MAX: Final = 4


class Changes(NamedTuple):
    """How an image differs from what it was at the last clean close.

    Attributes:
        extents: The places looked at that differ; none if only the time of change does.
        what: The same in words.
    """

    extents: tuple[Extent, ...]
    what: str


def removal_of(state: VolumeState) -> str:
    """Return what to tell if another program removed a file of an open volume, or made it shorter.

    Else nothing.
    """
    for what, device in _files_of(state):
        if device.is_removed:
            return (
                f"The {what} {readable_path(device.path)} was removed or replaced by another "
                "program while it was open, so what it holds is lost when it is closed; export "
                "what is needed before."
            )
    return cut_of(state)


def cut_of(state: VolumeState) -> str:
    """Return what to tell if another program made a file of an open volume shorter."""
    for what, device in _files_of(state):
        if device.is_cut:
            return (
                f"The {what} {readable_path(device.path)} was made shorter by another program "
                "while it was open, so what lay behind its new end is lost, for copies as well; "
                "export what is left."
            )
    return ""


def _files_of(state: VolumeState) -> list[tuple[str, FileDevice]]:
    files = [("additional area", state.area.device)] if state.area is not None else []
    return [
        (what, device)
        for what, device in (*files, ("image", state.image))
        if isinstance(device, FileDevice)
    ]


def check_size(image: Device, fields: SuperblockFields, area_path: str) -> None:
    """See to it that the image has the size that its additional area was made for.

    Raises:
        ImageSizeError: It has not, and nobody was just about to cut it.
    """
    size = fields.size_bytes
    if image.size == size or size < image.size <= fields.resizing_bytes:
        return
    is_longer = image.size > size
    accept = f"take the volume for as long as that (rangepair resize IMAGE {image.size}), "
    raise ImageSizeError(
        f"{readable_path(image.path)} has {image.size} bytes and is "
        f"{'longer' if is_longer else 'shorter'} than the {size} bytes its additional area "
        f"{readable_path(area_path)} was made for; {accept if is_longer else ''}bring the image "
        "back to that size, or move the additional area away to use the image without its copies."
    )


def changes_of(
    image: Device, area: AdditionalArea, mtime_ns: int, *, may_be_longer: bool = False
) -> Changes | None:
    """Return how the image differs from what it was at clean close; None if it does not.

    One that was made longer has another time of change; ``may_be_longer`` takes both as they are.

    Raises:
        FingerprintError: Nobody can read any more what it was like.
    """
    try:
        kept = msgspec.msgpack.decode(area.fields.fingerprint, type=Fingerprint)
        difference = compare_fingerprint(image, mtime_ns, kept)
    except (msgspec.MsgspecError, ValueError) as error:
        raise FingerprintError(
            f"What {readable_path(image.path)} was like when it was closed cannot be read "
            f"({error}), so nobody knows whether another program changed it since; open it as it "
            "is now (--accept-changes) to go on, or use a newer Rangepair."
        ) from None
    if not difference or (may_be_longer and difference.size and not difference.extents):
        return None
    if not difference.extents:
        places = len(kept.checksums)
        return Changes((), f"its time of change differs, none of the {places} places looked at")
    count, places = len(difference.extents), len(kept.checksums)
    what = f"{count} of the {places} places looked at differ: {_listed(difference.extents)}"
    return Changes(difference.extents, what)


def sentence_of(state: VolumeState, area: AdditionalArea, changes: Changes) -> str:
    """Return what to tell of changes that nobody has accepted; after ``note_suspects``."""
    image = state.image
    other = Path(os.path.realpath(image.path)).name != Path(area.fields.image_name).name
    whose = (
        f"The additional area {readable_path(area.device.path)} belongs to another image "
        f"({area.fields.image_name}), or this one"
        if other
        else readable_path(image.path)
    )
    names = [
        copy.name
        for copy in state.catalog.copies.values()
        if (known := state.catalog.integrity.get(copy.id)) is not None and known.suspect
    ]
    return (
        f"{whose} was changed by another program while copies existed ({changes.what}), so "
        f"{_copies(names)} may show wrong data there; open it as it is now (--accept-changes) to "
        "go on, or put the image back as it was."
    )


def _copies(names: list[str]) -> str:
    if not names:
        return "copies"
    shown = ", ".join(repr(name) for name in names[:_TOLD_MAX])
    more = len(names) - _TOLD_MAX
    return f"{'the copy' if len(names) == 1 else 'the copies'} {shown}" + (
        f" and {more} more" if more > 0 else ""
    )


def _listed(extents: tuple[Extent, ...]) -> str:
    shown = ", ".join(str(extent) for extent in extents[:_TOLD_MAX])
    more = len(extents) - _TOLD_MAX
    return f"{shown} and {more} more" if more > 0 else shown
