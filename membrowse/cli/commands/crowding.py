"""`membrowse crowding`: who has the first places."""

from __future__ import annotations

from typing import Annotated

import typer

from membrowse.cli import folders, output, terminal
from membrowse.cli.connection import asynchronous, encoder_loaded, engine_of
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import (
    AfterFilter,
    AsJson,
    BeforeFilter,
    FolderOption,
    Operators,
    PathFilter,
    RootFilter,
    TagFilter,
    TopK,
    not_blank,
    syntax_of,
)
from membrowse.presentation.crowding import crowding_lines
from membrowse.wire.crowding import CrowdingRequest, CrowdingSource
from membrowse.wire.search import Filters


@asynchronous
async def crowding(
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY", help="What the agent asked.", show_default=False, parser=not_blank
        ),
    ] = None,
    pins: Annotated[bool, typer.Option("--pins", help="The queries of all pins.")] = False,
    log: Annotated[bool, typer.Option("--log", help="What agents got, from the log.")] = False,
    k: TopK = None,
    folder: FolderOption = None,
    root: RootFilter = "",
    path: PathFilter = "",
    tag: TagFilter = "",
    after: AfterFilter = "",
    before: BeforeFilter = "",
    syntax: Operators = False,
    as_json: AsJson = False,
) -> Exit:
    """Show which roots, folders and notes have the first places.

    \b
      membrowse crowding "which port does staging use?"
      membrowse crowding --pins --json

    Exit status 1 if nothing has a place.
    """
    if (query is not None) + pins + log != 1:
        raise Stop(Exit.USAGE, "give one of QUERY, --pins and --log")
    filters = Filters(root=root, path=path, tag=tag, after=after, before=before)
    if query is None and (filters or syntax):
        raise Stop(Exit.USAGE, "filters and --syntax need a QUERY: pins and recalls have their own")
    if log and k is not None:
        raise Stop(Exit.USAGE, "-k is not for --log: each agent has its own")
    source = CrowdingSource.PINS if pins else CrowdingSource.LOG if log else CrowdingSource.QUERY
    request = CrowdingRequest(
        source=source,
        text=query or "",
        syntax=syntax_of(syntax),
        filters=filters,
        k=k,
    )
    async with engine_of(folders.chosen(folder)) as engine:
        await encoder_loaded(engine)
        found = await engine.ask(request)
    if as_json:
        output.write_json(found, output.SCHEMA)
    else:
        terminal.write(crowding_lines(found, terminal.width()))
    return Exit.DONE if found.places else Exit.NONE
