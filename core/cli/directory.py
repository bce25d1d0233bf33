# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every command, where it lives, and the line the help says about it. Imports nothing it lists."""

from __future__ import annotations

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """One command.

    Attributes:
        module: Name within ``core.cli``; its ``COMMANDS`` holds the command.
        operands: What follows the name, as the help shows it.
        summary: One line, no full stop.
    """

    module: str
    operands: str
    summary: str


GROUPS: Final[dict[str, dict[str, Entry]]] = {
    "Copies": {
        "snapshot": Entry("copies", "IMAGE NAME", "take an instant read-only copy"),
        "clone": Entry("copies", "IMAGE COPY NAME", "take an instant writable copy of a copy"),
        "restore": Entry("restoring", "IMAGE COPY", "make the original equal to a copy"),
        "merge": Entry("restoring", "IMAGE CLONE", "make the original what a clone has become"),
        "promote": Entry("promoting", "IMAGE COPY", "let a copy need the initial area no more"),
        "mechanism": Entry("mechanism", "IMAGE [MECHANISM]", "choose where new data goes"),
        "separate": Entry("mechanism", "IMAGE", "give each side an area of its own again"),
        "list": Entry("listing", "IMAGE", "show the tree of copies"),
        "rename": Entry("copies", "IMAGE OLD NEW", "give a copy another name"),
        "lock": Entry("copies", "IMAGE NAME...", "forbid the deletion of copies"),
        "unlock": Entry("copies", "IMAGE NAME...", "allow it again"),
        "delete": Entry("copies", "IMAGE NAME...", "hide copies and keep them until purged"),
        "undelete": Entry("copies", "IMAGE NAME...", "show deleted copies again"),
        "purge": Entry("copies", "IMAGE NAME...", "remove deleted copies for good"),
    },
    "Data": {
        "create": Entry("create", "IMAGE --size N", "make a new image"),
        "read": Entry("transfer", "IMAGE --offset N --length N", "copy bytes to standard output"),
        "write": Entry("transfer", "IMAGE --offset N", "copy standard input into the image"),
        "serve": Entry("serving", "IMAGE", "serve it to virtual machines, over NBD"),
        "diff": Entry("differences", "IMAGE FROM [TO]", "list the ranges in which copies differ"),
        "files": Entry("files", "IMAGE [PATH]", "list files in a copy, or put them out"),
        "resize": Entry("resizing", "IMAGE SIZE", "make the volume longer or shorter"),
        "export": Entry("exporting", "IMAGE OUT", "make an image or a stream of a copy"),
        "apply": Entry("applying", "IMAGE STREAM", "put the changes of a stream into effect"),
    },
    "Use": {
        "attach": Entry(
            "attaching", "IMAGE [--mount DIR]", "make a file of the original or a copy"
        ),
        "detach": Entry("attaching", "IMAGE", "take away what attach made"),
    },
    "Initial area": {
        "convert": Entry("arranging", "IMAGE --to SCHEME", "choose how ranges of it are reached"),
        "relocate": Entry("arranging", "IMAGE --range O:L --to O", "move a range in the image"),
    },
    "Space": {
        "policy": Entry("policy", "IMAGE [--when-full WAY]", "choose what to do when it is full"),
        "compact": Entry("compacting", "IMAGE", "move what is kept together, and cut the rest"),
    },
    "Insight": {
        "map": Entry("tables", "IMAGE [--copy NAME]", "show areas, pointers and range pairs"),
        "usage": Entry("space", "IMAGE", "show space, and what purging would free"),
        "stats": Entry("space", "IMAGE", "show the engine's live counters"),
        "scrub": Entry("scrubbing", "IMAGE", "read all that is kept for copies and verify it"),
        "check": Entry("inspection", "IMAGE", "verify every pointer and checksum"),
        "dump": Entry("inspection", "IMAGE", "print the structures of the additional area"),
        "load": Entry("loading", "DUMP IMAGE", "make an additional area of what dump printed"),
        "pack": Entry("packing", "IMAGE OUT", "bundle the structures, without data, for a report"),
        "claims": Entry("claims", "", "show the mechanism's claims at work, measured"),
        "bench": Entry("bench", "[--against qemu]", "measure what copies cost, here and now"),
    },
}

ENTRIES: Final[dict[str, Entry]] = {
    name: entry for group in GROUPS.values() for name, entry in group.items()
}
