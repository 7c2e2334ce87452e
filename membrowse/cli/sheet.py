"""A calm page for a terminal: headed sections, rows with bars, sentences that wrap.

Text that comes from notes, queries and file names is given as `str` and passes `shown` here, so
that no page can forget it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from io import StringIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from membrowse.cli import output
from membrowse.text import shown

PIPE_COLUMNS = 100
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(share: float, cells: int) -> str:
    """A bar of `cells` cells, filled for `share` (0 to 1) in eighths of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * cells * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(cells)


def padded(text: str, cells: int) -> str:
    """`text`, made safe, in exactly `cells` cells; an ellipsis where it was cut."""
    line = Text(shown(text))
    line.truncate(cells, overflow="ellipsis", pad=True)
    return line.plain


def widest(texts: Iterable[str], limit: int) -> int:
    """Cells of the widest of `texts`, at most `limit`."""
    return min(limit, max((cell_len(shown(text)) for text in texts), default=0))


class Sheet:
    """Lines of at most `columns` cells, one below another."""

    def __init__(self, columns: int) -> None:
        self.columns = max(20, columns)
        self._lines: list[Text] = []
        self._console = Console(
            file=StringIO(),
            width=self.columns,
            force_terminal=True,
            no_color="NO_COLOR" in os.environ or None,
            markup=False,
            emoji=False,
            highlight=False,
        )

    def heading(self, title: str, facts: str = "", right: str = "") -> None:
        """A section's name, what there is to say of it in short, and something at the right."""
        if self._lines:
            self._lines.append(Text())
        line = Text(shown(title), style="bold")
        if facts:
            line.append(f"  {shown(facts)}", style="not bold")
        self._ending(line, right)

    def row(self, text: str, right: str = "", style: str = "") -> None:
        """One line, cut where it does not fit."""
        self._ending(Text(shown(text), style=style), right)

    def sentence(self, text: str, indent: int = 2, first: str = "", style: str = "") -> None:
        """As many lines as `text` needs, indented; `first` stands before it in the first one."""
        lead = first.ljust(indent)
        room = max(10, self.columns - indent)
        wrapped = Text(shown(text), style=style).wrap(self._console, room)
        for number, line in enumerate(wrapped or [Text()]):
            line.rstrip()
            self._lines.append(Text(" " * indent if number else lead).append_text(line))

    def text(self, *, styled: bool) -> str:
        """The page; without styles it has no escape sequence at all."""
        if not styled:
            return "".join(f"{line.plain.rstrip()}\n" for line in self._lines)
        with self._console.capture() as capture:
            for line in self._lines:
                self._console.print(line)
        return capture.get()

    def _ending(self, line: Text, right: str) -> None:
        tail = Text(shown(right), style="dim")
        room = self.columns - (tail.cell_len + 1 if right else 0)
        line.truncate(max(0, room), overflow="ellipsis", pad=bool(right))
        line.no_wrap = True
        self._lines.append(
            Text(no_wrap=True).append_text(line).append(" ").append_text(tail) if right else line
        )


def for_output() -> Sheet:
    """A page as wide as the terminal, or of a fixed width on a pipe."""
    return Sheet(shutil.get_terminal_size((PIPE_COLUMNS, 24)).columns)


def write(page: Sheet) -> None:
    """Write `page` to stdout, styled where that is a terminal."""
    output.write(page.text(styled=sys.stdout.isatty()))
