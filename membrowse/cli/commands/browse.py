"""`membrowse browse`: the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from membrowse.cli import browser
from membrowse.cli.parameters import Folder


def browse(
    folder: Folder = None,
    questions: Annotated[
        Path | None,
        typer.Option(help="A JSONL file of queries to step through with [ and ]."),
    ] = None,
) -> None:
    """Open the browser; `membrowse [FOLDER]` does the same."""
    browser.browse(folder, questions)
