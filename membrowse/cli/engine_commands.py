"""`membrowse engine`: stop or restart the engine of a folder, or read its log."""

from __future__ import annotations

from typing import Annotated

import typer

from membrowse.cli import folders
from membrowse.cli.parameters import FolderOption

app = typer.Typer(
    help="Stop or restart the engine of a folder, or read its log.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.command()
def stop(folder: FolderOption = None) -> None:
    """Stop the engine, if one runs. A browser that is open starts it again."""
    from membrowse.cli import serving

    serving.stop(folders.chosen(folder))


@app.command()
def restart(folder: FolderOption = None) -> None:
    """Stop the engine, if one runs, and start it again."""
    from membrowse.cli import serving

    serving.restart(folders.chosen(folder))


@app.command()
def log(
    folder: FolderOption = None,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="Lines to print.")] = 50,
) -> None:
    """Print the end of the engine's log."""
    from membrowse.cli import serving

    serving.print_log(folders.chosen(folder), lines)
