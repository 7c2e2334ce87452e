"""Lines of parts on stdout: styled on a terminal, plain text on a pipe."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from membrowse.cli import output
from membrowse.presentation.lines import Line, plain

if TYPE_CHECKING:
    from rich.text import Text

PIPE_WIDTH = 100
"""Cells of a line if stdout is no terminal."""
NARROWEST = 20
"""Narrower terminals are treated as this wide."""

STYLES = {
    "": "",
    "dim": "dim",
    "faint": "dim",
    "strong": "bold",
    "accent": "cyan",
    "good": "green",
    "warn": "yellow",
    "bad": "red",
    "folder": "bold",
    "key": "cyan",
    "title": "bold",
    "heading": "",
    "rank": "",
    "score": "",
    "bar": "blue",
    "track": "dim",
    "path": "dim",
    "ranks": "dim",
    "term": "bold",
    "absent": "dim strike",
    "mark": "bold underline",
}
"""The styles of parts in the terminal's own colours."""


def width() -> int:
    """Cells of a line on stdout."""
    return max(NARROWEST, shutil.get_terminal_size((PIPE_WIDTH, 24)).columns)


def write(lines: Iterable[Line]) -> None:
    """Write `lines` to stdout. `NO_COLOR` is honoured."""
    output.write(styled(lines, width()) if sys.stdout.isatty() else unstyled(lines))


def unstyled(lines: Iterable[Line]) -> str:
    """`lines` as text without escape sequences."""
    return "".join(f"{plain(line)}\n" for line in lines)


def styled(lines: Iterable[Line], width: int) -> str:
    """`lines` as text with the terminal's escape sequences, at most `width` cells each."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    with console.capture() as capture:
        for line in lines:
            content = text(line)
            content.rstrip()
            console.print(content, no_wrap=True, crop=True, highlight=False)
    return capture.get()


def text(line: Line) -> Text:
    """`line` for Rich. No markup is read."""
    from rich.text import Text

    return Text.assemble(*((part.text, STYLES[part.style]) for part in line))
