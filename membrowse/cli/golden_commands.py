"""`membrowse golden`: pins, as a gate against regressions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from membrowse.cli import folders, running
from membrowse.cli.parameters import AsJson, FolderOption

app = typer.Typer(
    help="Run the pins: queries with the notes that they should find.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.callback()
def root() -> None:
    pass


@app.command()
def run(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help='Pins, a line {"query": …, "path": …, "text": …, "k": 5} each. [default: '
            "the folder's golden.jsonl]",
            show_default=False,
        ),
    ] = None,
    folder: FolderOption = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the index is current.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Run every pin, and print recall and what is broken.

    Exit status 0 if all pins hold, 1 if one is broken or there is none.
    """
    from membrowse.cli import golden

    running.end(golden.run(folders.chosen(folder), file, wait=wait, as_json=as_json))
