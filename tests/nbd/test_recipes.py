# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is told to other programs names the right export, whatever it is called."""

from __future__ import annotations

import shlex
from xml.etree import ElementTree as ET

import pytest

from core.nbd.recipes import export_uri, recipes

UNIX = "nbd+unix:///?socket=/run/user/7/my%20disk.nbd"
TCP = "nbd://127.0.0.1:10809/"
TLS = "nbds://[::1]:10809/"


def text_for(program, *arguments, **options):
    (text,) = [each.text for each in recipes(*arguments, **options) if each.program == program]
    return text


@pytest.mark.parametrize(
    ("uri", "copy", "expected"),
    [
        (UNIX, "original", UNIX),
        (UNIX, "monday", "nbd+unix:///monday?socket=/run/user/7/my%20disk.nbd"),
        (UNIX, "a b/?#", "nbd+unix:///a%20b%2F%3F%23?socket=/run/user/7/my%20disk.nbd"),
        (TCP, "original", TCP),
        (TCP, "monday", "nbd://127.0.0.1:10809/monday"),
        (TLS, "mañana", "nbds://[::1]:10809/ma%C3%B1ana"),
    ],
)
def test_the_name_of_a_copy_goes_between_the_slashes(uri, copy, expected):
    assert export_uri(uri, copy) == expected


@pytest.mark.parametrize("program", ["QEMU", "qemu-img", "nbdinfo", "nbdfuse"])
def test_a_shell_takes_every_command_apart_as_it_was_meant(program):
    words = shlex.split(text_for(program, UNIX, "it's; rm -rf *"))
    assert any(export_uri(UNIX, "it's; rm -rf *") in word for word in words)
    assert "rm" not in words


def test_only_what_takes_writes_is_offered_for_writing():
    assert "readonly=on" in text_for("QEMU", UNIX, "monday", read_only=True)
    assert "readonly" not in text_for("QEMU", UNIX, "try-out")


def test_a_comma_does_not_end_an_option_of_qemu():
    _, _, drive = shlex.split(text_for("QEMU", "nbd+unix:///?socket=/tmp/a,b"))
    assert "file=nbd+unix:///?socket=/tmp/a,,b,format=raw" in drive


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        (UNIX, {"transport": "unix", "socket": "/run/user/7/my disk.nbd"}),
        (TCP, {"name": "127.0.0.1", "port": "10809"}),
        (TLS, {"name": "::1", "port": "10809"}),
    ],
)
def test_libvirt_is_told_the_same_in_its_own_words(uri, host):
    disk = ET.fromstring(text_for("libvirt", uri, "a<b>", read_only=True))
    source = disk.find("source")
    assert source.attrib["name"] == "a<b>"
    assert source.attrib.get("tls") == ("yes" if uri is TLS else None)
    assert source.find("host").attrib == host
    assert disk.find("readonly") is not None
    original = ET.fromstring(text_for("libvirt", uri))
    assert "name" not in original.find("source").attrib
    assert original.find("readonly") is None
