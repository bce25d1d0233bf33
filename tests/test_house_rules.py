# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Rules of this house that no linter knows. Each limit stands beside its reason."""

from __future__ import annotations

import ast
import enum
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("core", "gui", "resources", "tests", "bench", "tools")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
PRODUCT = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in {"core", "gui"}]
TEXTS = sorted(
    path
    for folder in (*FOLDERS, ".ci")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".sh", ".toml", ".json", ".md", ""} and path.is_file()
) + [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]

# The middle half of the best houses lies at 100 to 350 lines; their few 1500-line rooms spoil them.
MODULE_LINES_MAX = 350
# Tests are lists of small facts: longer files stay readable, up to a point.
TEST_LINES_MAX = 600
# Half of all functions have about 10 lines; past 60 nobody sees one whole.
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_P95 = 40
# A diff of anything larger cannot be reviewed, and every clone carries it for ever.
FILE_BYTES_MAX = 1 << 20

NAMES_OF_NOTHING = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "stuff"}
SPDX = (
    "# SPDX-FileCopyrightText: The Rangepair authors\n# SPDX-License-Identifier: Apache-2.0\n"
)  # fmt: skip

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def functions_of(path: Path) -> list[Function]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, Function)]


def lines_of(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_the_house_is_where_these_rules_look():
    assert {"core/units.py", "tests/test_house_rules.py"} <= {name_of(path) for path in SOURCES}
    assert any(functions_of(path) for path in PRODUCT)


def test_no_module_is_longer_than_a_room():
    long = {
        name_of(path): count
        for path in SOURCES
        if (count := text_of(path).count("\n"))
        > (TEST_LINES_MAX if "tests" in path.relative_to(ROOT).parts else MODULE_LINES_MAX)
    }
    assert long == {}


def test_no_function_is_longer_than_a_screen():
    long = {
        f"{name_of(path)}:{function.name}": lines_of(function)
        for path in PRODUCT
        for function in functions_of(path)
        if lines_of(function) > FUNCTION_LINES_MAX
    }
    assert long == {}


def test_nearly_all_functions_are_short():
    lengths = sorted(lines_of(function) for path in PRODUCT for function in functions_of(path))
    assert lengths[len(lengths) * 95 // 100] <= FUNCTION_LINES_P95


def test_every_source_says_whose_it_is_and_what_it_is_for():
    bare = [name_of(path) for path in SOURCES if not text_of(path).startswith(SPDX)]
    mute = [name_of(path) for path in PRODUCT if not ast.get_docstring(tree_of(path))]
    assert bare == []
    assert mute == []


def test_nothing_is_named_after_nothing():
    modules = [name_of(path) for path in SOURCES if NAMES_OF_NOTHING & set(path.stem.split("_"))]
    classes = [
        f"{name_of(path)}:{node.name}"
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
        and any(node.name.lower().endswith(word) for word in NAMES_OF_NOTHING)
    ]
    assert modules == []
    assert classes == []


UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE_BOUND = re.compile(
    r"(?<![\w.])/(work|root|home/\w+)/|--(extra-)?index-url|--find-links|\bpypi\.org"
)


@pytest.mark.parametrize("words", [UNFINISHED, MACHINE_BOUND], ids=["unfinished", "machine-bound"])
def test_no_file_is_unfinished_or_bound_to_one_machine(words: re.Pattern[str]):
    found = [
        f"{name_of(path)}: {match[0]}"
        for path in TEXTS
        if path != Path(__file__)
        for match in words.finditer(text_of(path))
    ]
    assert found == []


def test_no_file_is_too_large_to_review():
    large = [
        name_of(path)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.stat().st_size > FILE_BYTES_MAX
    ]
    assert large == []


def test_core_loads_without_qt():
    """In a process of its own: another test may have loaded Qt into this one."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / "core").rglob("*.py"))
        if path.name != "__main__.py"
    ]
    script = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules}"
        " & {'PySide6', 'shiboken6', 'pyqtgraph', 'gui'}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, *modules],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stderr == ""
    assert run.stdout.strip() == "[]"


def gui_sources() -> list[Path]:
    """Return everything that may know Qt: the window and its tests."""
    return [path for path in SOURCES if "from PySide6" in text_of(path)]


def qt_classes(tree: ast.Module) -> dict[str, object]:
    """Return the Qt classes a module imports, by the name it gives them."""
    return {
        alias.asname or alias.name: getattr(importlib.import_module(node.module), alias.name, None)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("PySide6.")
        for alias in node.names
    }


def short_enum_names(tree: ast.Module) -> list[str]:
    classes = qt_classes(tree)
    return [
        f"{node.lineno}: {node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and isinstance(classes.get(node.value.id), type)
        and not issubclass(classes[node.value.id], enum.Enum)
        and isinstance(getattr(classes[node.value.id], node.attr, None), enum.Enum)
    ]


def int_signals(tree: ast.Module) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"Signal", "Slot"}
        and any(isinstance(part, ast.Name) and part.id == "int" for part in node.args)
    ]


def unguarded_events(tree: ast.Module) -> list[str]:
    return [
        f"{function.lineno}: {function.name}"
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and re.fullmatch(r"([a-z]\w*Event|event|eventFilter|resizeGL|paint)", function.name)
        and "_" not in function.name
        and not any(ast.unparse(m).startswith("guarded") for m in function.decorator_list)
    ]


def test_qt_enums_are_named_in_full():
    """A short name costs 3.4 us a look-up, a full one 0.13 us; models look up millions."""
    assert {
        n: s for p in gui_sources() if (s := short_enum_names(tree_of(p))) for n in [name_of(p)]
    } == {}


def test_no_signal_carries_a_c_int():
    """It holds 31 bits: an offset of 2 GiB arrives negative."""
    assert {
        n: s for p in gui_sources() if (s := int_signals(tree_of(p))) for n in [name_of(p)]
    } == {}


def test_no_exception_escapes_into_qt():
    """It would come out of whichever Qt call happens to be running, or crash the process."""
    assert {
        n: s
        for p in gui_sources()
        if p in PRODUCT and (s := unguarded_events(tree_of(p)))
        for n in [name_of(p)]
    } == {}


BAD_QT = """
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget
role = Qt.DisplayRole
good = Qt.ItemDataRole.DisplayRole
class Pane(QWidget):
    moved = Signal(int)
    fine = Signal(object)
    def paintEvent(self, event): ...
    @guarded
    def wheelEvent(self, event): ...
"""


def test_the_qt_rules_find_what_they_look_for():
    tree = ast.parse(BAD_QT)
    assert short_enum_names(tree) == ["4: Qt.DisplayRole"]
    assert int_signals(tree) == [7]
    assert unguarded_events(tree) == ["9: paintEvent"]
