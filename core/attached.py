# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is told of a view that is attached."""

from __future__ import annotations

import msgspec


class AttachedPartition(msgspec.Struct, frozen=True, kw_only=True):
    """A partition that the kernel found.

    Attributes:
        device: Path of its block device.
        start: First byte within the volume.
        length: Bytes.
    """

    number: int
    device: str
    start: int
    length: int


class AttachedView(msgspec.Struct, frozen=True, kw_only=True):
    """Where a view can be used, as ``attach --json`` shows it. What there is none of is empty.

    Attributes:
        way: What it goes through: ``fuse`` mounted by the kernel, or ``fusermount3``, and ``loop``.
        file: The view as a regular file.
        loop: The view as a block device.
        mount: Folder in which the file system of ``mounted`` is mounted.
        made: That folder, if it was made for this; it is removed with it.
        mounted: The loop device or partition that is mounted.
        filesystem: Its kind.
        options: It was mounted with.
        read_only: Nothing of it takes writes.
        notices: Sentences the user should know.
        dead: Its engine process was killed; nothing answers there until it is detached.
    """

    image: str
    copy: str
    way: list[str]
    file: str
    read_only: bool
    loop: str = ""
    partitions: list[AttachedPartition] = []
    mount: str = ""
    made: str = ""
    mounted: str = ""
    filesystem: str = ""
    options: str = ""
    notices: list[str] = []
    dead: bool = False
