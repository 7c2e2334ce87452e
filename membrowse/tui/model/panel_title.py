"""How every panel of the browser begins: a pointer if it is active, its key, its name."""

from __future__ import annotations

from membrowse.presentation.lines import Line, Part


def panel_title(key: str, name: str, *, active: bool) -> Line:
    """`▸4 PREVIEW`; the active panel has the pointer."""
    return [
        Part("▸" if active else " ", "accent"),
        Part(f"{key} " if key else "", "key"),
        Part(name, "strong" if active else "name"),
    ]
