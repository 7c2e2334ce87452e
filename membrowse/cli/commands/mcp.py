"""`membrowse mcp`: the memory as tools for an agent, over stdin and stdout."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from typing import Annotated

import typer

from membrowse.cli import folders
from membrowse.cli.chosen_agent import chosen_profile
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import Folder
from membrowse.mcp import handshake

WRITING = ("pin", "reindex")
"""Tools that write, offered on request."""


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
    """Serve the memory to an agent by MCP, over stdin and stdout.

    \b
      claude mcp add memory -- membrowse mcp FOLDER

    The tools search, get, why, explain and status only read. `membrowse docs mcp` has the lines for
    other agents.
    """
    chosen = folders.chosen(folder)
    allowed = frozenset(filter(None, (name.strip() for name in allow.split(","))))
    if unknown := allowed - set(WRITING):
        names = ", ".join(sorted(unknown))
        raise Stop(Exit.USAGE, f"--allow: {names}: there are {', '.join(WRITING)}")
    if sys.stdin is None:
        raise Stop(Exit.USAGE, "stdin is closed: start this command from an agent")
    first = handshake.begun(sys.stdin.fileno(), sys.stdout.fileno())
    if not first.line:
        return
    gc.disable()  # a tenth of the time to import the SDK, which frees next to nothing
    from membrowse.mcp import server

    gc.enable()
    gc.freeze()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    asyncio.run(server.serve(chosen, allowed, first, chosen_profile()))
