"""The formats in which a hit can be copied."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec

from membrowse.text import shown, shown_block
from membrowse.wire.notes import ChunkView
from membrowse.wire.search import Hit


def as_path(hit: Hit) -> str:
    """The note's path in the folder."""
    return shown(hit.path)


def as_place(hit: Hit) -> str:
    """`path:line`, which editors and terminals understand."""
    return f"{shown(hit.path)}:{hit.start_line}"


def as_text(view: ChunkView) -> str:
    """The chunk's lines, with control characters made visible."""
    first = max(0, view.start_line - view.first_line)
    last = view.end_line - view.first_line + 1
    return shown_block("\n".join(view.lines[first:last]))


def as_json(hit: Hit) -> str:
    """The hit as JSON; unsafe characters are escaped, so nothing is lost."""
    text = json.dumps(msgspec.to_builtins(hit), ensure_ascii=False, indent=2)
    return "".join(char if char == "\n" or shown(char) == char else _escaped(char) for char in text)


OF_A_HIT: dict[str, tuple[str, Callable[[Hit], str]]] = {
    "path": ("path", as_path),
    "place": ("path:line", as_place),
    "json": ("JSON", as_json),
}
"""Formats that need the hit alone: the name to show, and the function that makes the text."""


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))
