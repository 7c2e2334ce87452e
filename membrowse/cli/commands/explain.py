"""`membrowse explain`: a chunk's rank, term by term."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from membrowse.cli import folders, output, terminal
from membrowse.cli.connection import asynchronous, encoder_loaded, engine_of, explain_target
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import (
    AfterFilter,
    AsJson,
    BeforeFilter,
    FolderOption,
    Operators,
    PathFilter,
    Place,
    Query,
    RootFilter,
    TagFilter,
    syntax_of,
)
from membrowse.cli.targets import parse_target
from membrowse.presentation.explanation import explanation_page
from membrowse.wire.explanation import SpellingRequest
from membrowse.wire.search import Filters


@asynchronous
async def explain(
    query: Query,
    place: Place,
    folder: FolderOption = None,
    root: RootFilter = "",
    path: PathFilter = "",
    tag: TagFilter = "",
    after: AfterFilter = "",
    before: BeforeFilter = "",
    syntax: Operators = False,
    spellings: Annotated[
        bool,
        typer.Option(
            "--spellings", help="Suggest spellings for words that match nothing (slower)."
        ),
    ] = False,
    as_json: AsJson = False,
) -> Exit:
    """Explain a chunk's rank, term by term.

    Without a line, the best chunk of the note is explained. Exit status 1 if none is indexed.
    """
    chosen = folders.chosen(folder)
    target, read_as = parse_target(chosen, place), syntax_of(syntax)
    filters = Filters(root=root, path=path, tag=tag, after=after, before=before)
    similar = None
    async with engine_of(chosen) as engine:
        await encoder_loaded(engine)
        explanation = await explain_target(chosen, engine, query, read_as, target, filters)
        if spellings:
            similar = await engine.ask(SpellingRequest(text=query, syntax=read_as))
    hit = explanation.hit
    if target.line and not hit.start_line <= target.line <= hit.end_line:
        output.say(f"no chunk covers line {target.line}: this is the nearest one of the note")
    if as_json:
        spelled = {} if similar is None else {"spellings": similar}
        output.write_json(explanation, output.SCHEMA | spelled)
    else:
        now = datetime.now().astimezone()
        terminal.write(explanation_page(explanation, similar, now, terminal.width()))
    return Exit.DONE
