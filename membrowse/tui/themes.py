"""Our own theme beside Textual's, and the choice of the first theme."""

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
