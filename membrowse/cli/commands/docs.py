"""`membrowse docs`: the pages of documentation, in the terminal."""

from __future__ import annotations

import difflib
import sys
from typing import Annotated

import typer

from membrowse.cli import output, terminal
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.released_files import released
from membrowse.text import shown

DIRECTORY = "docs"


def docs(
    topic: Annotated[
        str | None,
        typer.Argument(metavar="TOPIC", help="A page; without it, list them.", show_default=False),
    ] = None,
) -> None:
    """Show a page of the documentation."""
    pages = {file.stem: file for file in sorted(released(DIRECTORY).glob("*.md"))}
    if topic is None:
        titles = {name: _title(file.read_text(encoding="utf-8")) for name, file in pages.items()}
        width = max(map(len, titles))
        output.write("".join(f"{name:<{width}}  {title}\n" for name, title in titles.items()))
        return
    if topic not in pages:
        close = difflib.get_close_matches(topic, pages, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(pages)}"
        raise Stop(Exit.USAGE, f"no page called {shown(topic)}; {hint}")
    text = pages[topic].read_text(encoding="utf-8")
    output.write(terminal.markdown(text, terminal.width()) if sys.stdout.isatty() else text)


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")
