"""Our own theme, the choice of the first theme, and the named styles that text is painted in.

Colours come from the theme alone, and no meaning is carried by colour only: every mark has a sign.
"""

from __future__ import annotations

import os
from collections.abc import Container

from textual.theme import Theme

OURS = Theme(
    name="membrowse",
    primary="#7FB4CA",
    secondary="#938AA9",
    accent="#E6C384",
    warning="#E6A95C",
    error="#E46876",
    success="#98BB6C",
    foreground="#DCD7BA",
    background="#16161D",
    surface="#1F1F28",
    panel="#2A2A37",
    dark=True,
    variables={
        "input-cursor-background": "#DCD7BA",
        "input-cursor-foreground": "#16161D",
        "input-selection-background": "#2D4F67",
    },
)

_FEW_COLOURS = ("linux", "xterm-16color", "ansi", "vt100", "vt220", "screen", "xterm")


def first_theme(wanted: str, available: Container[str]) -> str:
    """The theme `wanted` if it exists; else ours, or one of 16 colours on a poor terminal."""
    if wanted in available:
        return wanted
    rich = os.environ.get("COLORTERM", "") or "256" in os.environ.get("TERM", "256")
    return OURS.name if rich or os.environ.get("TERM") not in _FEW_COLOURS else "ansi-dark"


STYLES = {
    "": "",
    "dim": "$foreground 58%",
    "faint": "$foreground 36%",
    "strong": "bold",
    "accent": "$text-accent",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "$text-error",
    "brand": "bold $text-primary",
    "folder": "bold",
    "key": "$text-accent",
    "name": "",
    "title": "bold",
    "heading": "$foreground 85%",
    "rank": "$foreground 75%",
    "score": "",
    "bar": "$primary 75%",
    "track": "$foreground 14%",
    "path": "$foreground 58%",
    "ranks": "$foreground 58%",
    "term": "bold",
    "absent": "strike $foreground 58%",
    "gutter": "$foreground 36%",
    "inside": "$primary",
    "mark": "bold underline $text-accent",
    "rule": "$text-warning 70%",
    "heat1": "on $primary 14%",
    "heat2": "on $primary 26%",
    "heat3": "bold on $primary 38%",
    "heat4": "bold underline on $primary 52%",
    "mark1": "bold underline $text-accent on $primary 14%",
    "mark2": "bold underline $text-accent on $primary 26%",
    "mark3": "bold underline $text-accent on $primary 38%",
    "mark4": "bold underline $text-accent on $primary 52%",
}
"""Styles by name."""

ANSI_STYLES = STYLES | {
    "dim": "dim",
    "faint": "dim",
    "heading": "",
    "rank": "",
    "bar": "$primary",
    "track": "dim",
    "path": "dim",
    "ranks": "dim",
    "absent": "dim strike",
    "gutter": "dim",
    "rule": "$warning",
    "heat1": "",
    "heat2": "underline",
    "heat3": "bold underline",
    "heat4": "bold reverse",
    "mark1": "bold underline $text-accent",
    "mark2": "bold underline $text-accent",
    "mark3": "bold underline $text-accent",
    "mark4": "bold reverse $text-accent",
}
"""Styles for themes of the terminal's own 16 colours, which cannot be mixed."""
