"""`membrowse serve`: the engine in the foreground."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from membrowse import interpreter, paths, settings
from membrowse.cli import folders
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import Folder
from membrowse.client.registered_services import registered
from membrowse.log_formats import LogFormat
from membrowse.shell_commands import command


def serve(
    folder: Folder = None,
    group: Annotated[
        str | None, typer.Option(help="Let members of this group connect, too.", show_default=False)
    ] = None,
    operators: Annotated[
        str | None, typer.Option(help="Let this group's members reindex.", show_default=False)
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option(help="The log as text, or as JSON: one line an event.")
    ] = LogFormat.TEXT,
) -> None:
    """Run the engine of a folder in the foreground.

    It runs until it is stopped. A service manager can run it, and it then uses the directories
    that the manager provides.
    """
    managed = paths.become_service()
    if group is not None and not managed:
        reason = "--group needs the directories of a service manager"
        raise Stop(Exit.USAGE, f"{reason}: `membrowse service install` sets one up")
    if folder is None and interpreter.FOLDER in os.environ:
        folder = interpreter.given_folder()
    chosen = folder.absolute() if managed and folder is not None else folders.chosen(folder)
    if not managed and (service := registered(chosen)) is not None:
        raise Stop(Exit.USAGE, f"{service.unit} serves {chosen} already")
    if not managed and not os.access(chosen, os.R_OK | os.X_OK):
        raise Stop(Exit.USAGE, f"{chosen} is not a readable folder")
    settings.load(paths.config_file())
    from membrowse.engine import process

    status = process.main(chosen, process.Foreground(group, operators, log_format))
    if status == os.EX_TEMPFAIL:
        stop = command("engine stop", chosen)
        raise Stop(Exit.UNAVAILABLE, f"another engine owns this index: stop it with {stop}")
    if status:
        raise Stop(Exit.UNAVAILABLE, f"the engine ended with status {status}")
