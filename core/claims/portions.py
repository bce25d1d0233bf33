# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Portions that say what they hold: a word such as ``A`` or ``D1``, repeated to fill them."""

from __future__ import annotations

from typing import Final

PORTION_BYTES: Final = 4096
LETTERS: Final = "A B C D E F G H"
"""The content of a volume that a scenario begins with."""
_WORD_LENGTH_MAX: Final = 3
TORN: Final = "?"


def portion(word: str, length_bytes: int = PORTION_BYTES) -> bytes:
    """Return ``length_bytes`` that say ``word`` over and over, padded with dots."""
    times = length_bytes // len(word)
    return (word.encode() * times).ljust(length_bytes, b".")


def word_of(raw: bytes) -> str:
    """Return the word a portion says; ``TORN`` if it says none."""
    for length in range(1, _WORD_LENGTH_MAX + 1):
        word = raw[:length].decode("latin-1")
        if portion(word, len(raw)) == raw:
            return word
    return TORN


def words(raw: bytes) -> str:
    """Return the words of several portions, separated by spaces."""
    return " ".join(
        word_of(raw[at : at + PORTION_BYTES]) for at in range(0, len(raw), PORTION_BYTES)
    )
