"""`membrowse mcp`: the memory as tools for an agent, over stdin and stdout."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from typing import Annotated

import typer

from membrowse.cli import folders
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import Folder


def mcp(
    folder: Folder = None,
    allow: Annotated[
        str,
        typer.Option(
            metavar="TOOLS",
            help="Also offer tools that write: pin, reindex (separated by commas).",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Serve a folder's memory to an agent by the Model Context Protocol, over stdin and stdout.

    \b
      claude mcp add memory -- membrowse mcp FOLDER

    The tools search, get, why, explain and status only read. `membrowse docs mcp` has the lines for
    other agents.
    """
    chosen = folders.chosen(folder)
    gc.disable()  # a third of the time to import the SDK, which allocates and frees nothing
    from membrowse.mcp import server, tools

    gc.enable()
    gc.freeze()
    allowed = frozenset(filter(None, (name.strip() for name in allow.split(","))))
    if unknown := allowed - set(tools.WRITING_NAMES):
        names = ", ".join(sorted(unknown))
        raise Stop(Exit.USAGE, f"--allow: {names}: there are {', '.join(tools.WRITING_NAMES)}")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    asyncio.run(server.serve(chosen, allowed))
