"""`membrowse serve`: the engine in the foreground."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from membrowse import paths, settings
from membrowse.cli import folders
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import Folder


def serve(
    folder: Folder = None,
    group: Annotated[
        str | None, typer.Option(help="Let members of this group connect, too.", show_default=False)
    ] = None,
) -> None:
    """Run the engine of a folder in the foreground.

    It runs until it is stopped, as under a service manager. This is the one command that holds an
    index.
    """
    chosen = folders.chosen(folder)
    settings.load(paths.config_file())
    from membrowse.engine import process

    status = process.main(chosen, foreground=True, group=group)
    if status == os.EX_TEMPFAIL:
        raise Stop(
            Exit.UNAVAILABLE, "another engine owns this index: stop it with `membrowse engine stop`"
        )
    if status:
        raise Stop(Exit.UNAVAILABLE, f"the engine ended with status {status}")
