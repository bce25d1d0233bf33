# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The theme, spelled for Qt's own widgets: menus, buttons, fields, scroll bars, tool tips."""

from __future__ import annotations

import dataclasses
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QPalette

if TYPE_CHECKING:
    from pathlib import Path

    from gui.theme import Theme

_SHEET: Final = Template("""
QMainWindow, QDialog { background: $bg; }
QDialogButtonBox { button-layout: 2; }
CommandPalette { background: $card; border: 1px solid $border; }
QToolTip { background: $card; color: $text; border: 1px solid $border; padding: 4px 6px; }
QSplitter::handle { background: transparent; image: none; }
QMenuBar { background: $card; color: $sub; padding: 3px 10px 0 10px; }
QMenuBar::item { background: transparent; padding: 4px 9px; border-radius: 6px; }
QMenuBar::item:selected { background: $soft; color: $text; }
QMenu { background: $card; color: $text; border: 1px solid $border; padding: 5px; }
QMenu::item { padding: 6px 26px 6px 10px; border-radius: 6px; }
QMenu::item:selected { background: $soft; color: $text; }
QMenu::item:disabled { color: $faint; }
QMenu::icon { padding-left: 8px; }
QMenu::separator { height: 1px; background: $line; margin: 5px 8px; }
QPushButton {
  background: $card; color: $text; border: 1px solid $border; border-radius: 8px;
  padding: 0 12px; min-height: 30px; font-weight: 500;
}
QPushButton:hover { background: $hover; border-color: $unline; }
QPushButton:pressed { background: $soft; }
QPushButton:focus { border: 2px solid $accent; padding: 0 11px; min-height: 28px; }
QPushButton:disabled { color: $faint; background: $well; }
QPushButton[primary="true"] {
  background: $accent; color: $card; border: 1px solid $accent; font-weight: 600;
}
QPushButton[primary="true"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[primary="true"]:focus { border: 2px solid $ink; }
QPushButton[primary="true"]:disabled { background: $unline; border-color: $unline; color: $sub; }
QPushButton[danger="true"] { color: $danger; border-color: $danger; }
QPushButton[bare="true"] { border-color: transparent; background: transparent; padding: 0 6px; }
QPushButton[bare="true"]:hover { background: $hover; }
QPushButton[bare="true"]:focus { border: 2px solid $accent; padding: 0 5px; }
QPushButton[small="true"] { min-height: 24px; }
QPushButton[small="true"]:focus { min-height: 22px; }
QPushButton::menu-indicator { image: none; width: 0; }
QLabel { color: $text; background: transparent; }
QLabel[tone="sub"] { color: $sub; }
QLabel[tone="faint"] { color: $faint; }
QLabel[tone="accent"] { color: $accent; }
QLabel[tone="accent"]:disabled { color: $faint; }
QLabel[tone="good"] { color: $good; }
QLabel[tone="warn"] { color: $warn; }
QLabel[tone="danger"] { color: $danger; }
QLineEdit, QComboBox {
  background: $well; color: $text; border: 1px solid $border; border-radius: 7px;
  padding: 0 9px; min-height: 30px; selection-background-color: $accent;
  selection-color: $card;
}
QLineEdit:focus, QComboBox:focus { border: 2px solid $accent; padding: 0 8px; min-height: 28px; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox QAbstractItemView {
  background: $card; color: $text; border: 1px solid $border; selection-background-color: $soft;
  selection-color: $text; outline: 0;
}
QPlainTextEdit {
  background: $well; color: $text; border: 1px solid $border; border-radius: 7px; padding: 4px 6px;
  selection-background-color: $accent; selection-color: $card;
}
QPlainTextEdit:focus { border: 2px solid $accent; padding: 3px 5px; }
QPushButton[segment="true"]:checked {
  background: $soft; color: $accent; border-color: $accent; font-weight: 600;
}
QCheckBox, QRadioButton { color: $text; spacing: 8px; }
QCheckBox:disabled, QRadioButton:disabled { color: $faint; }
QCheckBox::indicator, QRadioButton::indicator, QListWidget::indicator {
  width: 14px; height: 14px; border: 1px solid $faint; border-radius: 4px; background: $well;
}
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:checked, QListWidget::indicator:checked {
  background: $accent; border-color: $accent; image: url("$tick");
}
QRadioButton::indicator:checked {
  width: 6px; height: 6px; border: 5px solid $accent; background: $card;
}
QCheckBox::indicator:focus, QRadioButton::indicator:unchecked:focus { border-color: $ink; }
QCheckBox:focus, QRadioButton:focus { color: $accent; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled, QListWidget::indicator:disabled {
  border-color: $unline;
}
QCheckBox::indicator:checked:disabled, QListWidget::indicator:checked:disabled {
  background: $unline;
}
QListWidget[framed="true"] {
  background: $well; border: 1px solid $border; border-radius: 7px; padding: 3px;
}
QListWidget[framed="true"]:focus { border: 2px solid $accent; padding: 2px; }
QListWidget { background: transparent; border: none; outline: 0; color: $text; }
QListWidget::item { padding: 6px 8px; border-radius: 6px; }
QListWidget::item:hover { background: $hover; }
QListWidget::item:selected { background: $soft; color: $text; }
QTableView[framed="true"] {
  background: $well; border: 1px solid $border; border-radius: 7px; outline: 0; padding: 3px;
  selection-background-color: $soft; selection-color: $text;
}
QTableView[framed="true"]:focus { border: 2px solid $accent; padding: 2px; }
QTableView[framed="true"]::item { padding: 0 8px; }
QTableView[framed="true"] QHeaderView { background: transparent; border: none; }
QTableView[framed="true"] QHeaderView::section {
  background: transparent; color: $sub; border: none; border-bottom: 1px solid $line;
  padding: 4px 8px;
}
QTreeView {
  background: transparent; border: none; outline: 0; selection-background-color: transparent;
  show-decoration-selected: 0;
}
QTreeView::branch, QTreeView::branch:selected { background: transparent; }
QProgressBar { background: $border; border: none; border-radius: 3px; max-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QSlider { min-height: 24px; background: transparent; }
QSlider::groove:horizontal { height: 4px; background: $border; border-radius: 2px; }
QSlider::sub-page:horizontal { height: 4px; background: $accent; border-radius: 2px; }
QSlider::sub-page:horizontal:disabled { background: $unline; }
QSlider::handle:horizontal {
  width: 9px; height: 9px; margin: -5px 0; border: 2px solid $accent; border-radius: 6px;
  background: $card;
}
QSlider::handle:horizontal:hover { background: $soft; }
QSlider::handle:horizontal:focus { background: $accent; }
QSlider::handle:horizontal:disabled { border-color: $unline; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar::handle:vertical { background: $unline; border-radius: 3px; min-height: 28px; }
QScrollBar::handle:vertical:hover { background: $faint; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle:horizontal { background: $unline; border-radius: 3px; min-width: 28px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
""")


def style_sheet(theme: Theme) -> str:
    """Return the style sheet of the whole application."""
    colors = {field.name: getattr(theme, field.name) for field in dataclasses.fields(theme)}
    shade = theme.color("accent")
    colors["tick"] = str(_tick(theme.name))
    colors["accent_hover"] = (shade.lighter(112) if theme.is_dark else shade.darker(112)).name()
    return _SHEET.substitute(colors)


def _tick(name: str) -> Path:
    """Return the file of the mark in a ticked box; style sheets know pictures only as files."""
    with resources.as_file(resources.files("resources") / "marks" / f"tick-{name}.svg") as path:
        return path


def palette(theme: Theme) -> QPalette:
    """Return the colours for everything the style sheet does not name."""
    made = QPalette()
    role = QPalette.ColorRole
    for place, name in (
        (role.Window, "bg"),
        (role.Base, "card"),
        (role.AlternateBase, "well"),
        (role.Button, "card"),
        (role.ToolTipBase, "card"),
        (role.WindowText, "text"),
        (role.Text, "text"),
        (role.ButtonText, "text"),
        (role.ToolTipText, "text"),
        (role.PlaceholderText, "faint"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "card"),
        (role.Link, "accent"),
    ):
        made.setColor(place, theme.color(name))
    for place in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, place, theme.color("faint"))
    return made
