"""What can be copied of a hit, and the programs that take it to a clipboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import msgspec

from membrowse.text import shown, shown_block
from membrowse.wire.notes import ChunkView
from membrowse.wire.search import Hit


def as_path(hit: Hit) -> str:
    """The note's path in the folder."""
    return shown(hit.path)


def as_place(hit: Hit) -> str:
    """`path:line`, as editors and terminals understand it."""
    return f"{shown(hit.path)}:{hit.start_line}"


def as_text(view: ChunkView) -> str:
    """The chunk's lines, control characters made visible."""
    first = max(0, view.start_line - view.first_line)
    last = view.end_line - view.first_line + 1
    return shown_block("\n".join(view.lines[first:last]))


def as_json(hit: Hit) -> str:
    """The hit as JSON; characters that are unsafe to show are escaped, so that nothing is lost."""
    text = json.dumps(msgspec.to_builtins(hit), ensure_ascii=False, indent=2)
    return "".join(char if char == "\n" or shown(char) == char else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))


def programs(
    environment: Mapping[str, str], which: Callable[[str], str | None]
) -> list[tuple[str, list[str]]]:
    """The clipboard programs to try after OSC 52, in order: (name, command reading stdin)."""
    found: list[tuple[str, list[str]]] = []

    def offer(name: str, *command: str) -> None:
        if which(command[0]):
            found.append((name, list(command)))

    if environment.get("TMUX"):
        offer("tmux", "tmux", "load-buffer", "-w", "-")
    if environment.get("WAYLAND_DISPLAY"):
        offer("wl-copy", "wl-copy")
    if environment.get("DISPLAY"):
        offer("xclip", "xclip", "-selection", "clipboard")
        offer("xsel", "xsel", "--clipboard", "--input")
    offer("pbcopy", "pbcopy")
    return found
