# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What every request to an engine process is, and bytes that travel beside it."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class Bulk:
    """Bytes that travel beside a message instead of within it.

    Attributes:
        content: What was read or is to be written.
    """

    __slots__ = ("content",)

    def __init__(self, content: bytes | bytearray | memoryview) -> None:
        """Keep the bytes, uncopied."""
        self.content = content


class Request(msgspec.Struct, forbid_unknown_fields=True, tag_field="ask"):
    """Base of all requests.

    Attributes:
        method: Method of the session that answers; empty if the host itself does.
        answer: Type of the answer's value.
    """

    method: ClassVar[str] = ""
    answer: ClassVar[Any] = None
