# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``rbd diff v1`` read once more, from Ceph's description, sharing nothing with the product.

It knows no error but a failed assertion, and keeps everything in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class CephDiff:
    """A stream taken apart."""

    source: str | None = None
    target: str | None = None
    size: int | None = None
    records: list[tuple[str, int, int, bytes]] = field(default_factory=list)

    def applied_to(self, before: bytes) -> bytes:
        """Return what ``rbd import-diff`` makes of ``before``."""
        assert self.size == len(before)
        content = bytearray(before)
        for _, offset, length, data in self.records:
            content[offset : offset + length] = data or bytes(length)
        return bytes(content)


def parse(stream: bytes) -> CephDiff:
    """Take a stream apart."""
    found, at = CephDiff(), 12
    assert stream[:at] == b"rbd diff v1\n"

    def number(size: int) -> int:
        nonlocal at
        at += size
        assert at <= len(stream)
        return int.from_bytes(stream[at - size : at], "little")

    def raw(size: int) -> bytes:
        nonlocal at
        at += size
        assert at <= len(stream)
        return stream[at - size : at]

    is_data = False
    while (tag := raw(1)) != b"e":
        assert tag in {b"w", b"z"} or not is_data, "metadata comes before data"
        match tag:
            case b"f":
                found.source = raw(number(4)).decode()
            case b"t":
                found.target = raw(number(4)).decode()
            case b"s":
                found.size = number(8)
            case b"w":
                offset, length = number(8), number(8)
                found.records.append(("w", offset, length, raw(length)))
            case b"z":
                offset, length = number(8), number(8)
                found.records.append(("z", offset, length, b""))
            case _:
                raise AssertionError(tag)
        is_data = tag in {b"w", b"z"}
    assert at == len(stream)
    return found
