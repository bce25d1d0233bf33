# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a copy may be called."""

from __future__ import annotations

from typing import Final

from core.errors import InvalidNameError
from core.session import ORIGINAL

NAME_CHARACTERS_MAX: Final = 128


def check_wording(name: str) -> None:
    """See to it that ``name`` could be a copy's, whether or not one has it.

    Raises:
        InvalidNameError: It could not, and why.
    """
    if not name or name != name.strip():
        raise InvalidNameError("A copy's name must not be empty or begin or end with a space.")
    if len(name) > NAME_CHARACTERS_MAX:
        raise InvalidNameError(
            f"The name has {len(name)} characters, and a copy's may have {NAME_CHARACTERS_MAX}; "
            "shorten it."
        )
    if "/" in name or not name.isprintable():
        raise InvalidNameError(
            f"The name {name!r} holds a slash or an unprintable character; choose one without."
        )
    if name == ORIGINAL:
        raise InvalidNameError(f"{ORIGINAL!r} is the name of the live volume; choose another.")
