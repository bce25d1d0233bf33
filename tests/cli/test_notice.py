# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An image changed from outside is told by every look at the volume, not only by a write."""

from __future__ import annotations

import pytest

from core.cli.main import main
from core.engine import open_volume
from core.errors import EXIT_CORRUPTION, EXIT_DONE


def changed_image(tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(1 << 16))
    with open_volume(image) as volume:
        volume.snapshot("before")
    with image.open("r+b") as file:
        file.write(b"foreign")
    return image


def test_list_and_check_tell_of_a_change_from_outside(tmp_path, capsys):
    image = changed_image(tmp_path)
    assert main(["list", str(image)]) == EXIT_DONE
    told = capsys.readouterr()
    assert "changed by another program" in told.err
    assert "before" in told.out
    assert main(["check", str(image)]) == EXIT_CORRUPTION
    assert "changed by another program" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [("diff", "before"), ("map", "--copy", "before"), ("export", "--copy", "before")]
)
def test_whoever_looks_at_a_copy_is_told(tmp_path, capsys, words):
    act, *rest = words
    out = [str(tmp_path / "out.raw")] if act == "export" else []
    assert main([act, str(changed_image(tmp_path)), *rest, *out]) == EXIT_DONE
    assert "changed by another program" in capsys.readouterr().err


def test_the_volume_says_so_itself(tmp_path):
    with open_volume(changed_image(tmp_path), read_only=True) as volume:
        assert "changed by another program" in volume.info().notice
        assert [finding.code for finding in volume.check()] == ["image-changed"]
