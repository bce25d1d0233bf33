# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What to tell other programs so that they use an export: command lines, ready to be copied."""

from __future__ import annotations

import shlex
from typing import Final, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import quoteattr

from core.session import ORIGINAL

DISK_NAME: Final = "vda"


class Recipe(NamedTuple):
    """How one program uses an export.

    Attributes:
        program: As its users call it.
        purpose: What the text makes it do, as a short phrase.
        text: To paste into a shell, or for libvirt into a domain's XML.
    """

    program: str
    purpose: str
    text: str


def export_uri(uri: str, copy: str = ORIGINAL) -> str:
    """Return the URI of one export of a server.

    Args:
        uri: Of the server, as it tells it: with an empty export name.
        copy: Name of a copy, or the original, which has the empty name.
    """
    parts = urlsplit(uri)
    name = "" if copy == ORIGINAL else quote(copy, safe="")
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/{name}{query}"


def recipes(uri: str, copy: str = ORIGINAL, *, read_only: bool = False) -> list[Recipe]:
    """Return how the programs of the field use one export.

    Args:
        uri: Of the server, as it tells it.
        copy: Name of a copy, or the original.
        read_only: The export takes no writes.
    """
    export = shlex.quote(export_uri(uri, copy))
    drive = shlex.quote(
        f"file={export_uri(uri, copy).replace(',', ',,')},format=raw,if=virtio"
        + (",readonly=on" if read_only else ",discard=unmap")
    )
    target = shlex.quote(f"{'disk' if copy == ORIGINAL else copy.replace('/', '_')}.qcow2")
    return [
        Recipe("QEMU", "attach it as a disk", f"qemu-system-x86_64 -drive {drive}"),
        Recipe("libvirt", "put it into a domain", _domain_disk(uri, copy, read_only=read_only)),
        Recipe("qemu-img", "save it as an image", f"qemu-img convert -O qcow2 {export} {target}"),
        Recipe("nbdinfo", "look at it", f"nbdinfo {export}"),
        Recipe("nbdfuse", "see it as a file", f"mkdir -p ./here && nbdfuse ./here {export}"),
    ]


def _domain_disk(uri: str, copy: str, *, read_only: bool) -> str:
    """Return the element of a libvirt domain, as libvirt's "Domain XML format" has it."""
    parts = urlsplit(uri)
    name = "" if copy == ORIGINAL else f" name={quoteattr(copy)}"
    tls = " tls='yes'" if parts.scheme == "nbds" else ""
    if parts.hostname is None:
        host = f"<host transport='unix' socket={quoteattr(parse_qs(parts.query)['socket'][0])}/>"
    else:
        host = f"<host name={quoteattr(parts.hostname)} port='{parts.port}'/>"
    discard = "" if read_only else " discard='unmap'"
    lines = [
        "<disk type='network' device='disk'>",
        f"  <driver name='qemu' type='raw'{discard}/>",
        f"  <source protocol='nbd'{name}{tls}>",
        f"    {host}",
        "  </source>",
        f"  <target dev='{DISK_NAME}' bus='virtio'/>",
        *["  <readonly/>"] * read_only,
        "</disk>",
    ]
    return "\n".join(lines)
