"""`membrowse why`: why a note is not in the top k, and what would bring it there."""

from __future__ import annotations

from typing import Annotated

import typer

from membrowse.cli import folders, output, terminal
from membrowse.cli.connection import asynchronous, encoder_loaded, engine_of
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import (
    AfterFilter,
    AsJson,
    BeforeFilter,
    ExpectedPlace,
    ExpectedText,
    FolderOption,
    Operators,
    PathFilter,
    Query,
    RootFilter,
    TagFilter,
    TopK,
    syntax_of,
)
from membrowse.cli.targets import parse_target
from membrowse.client.diagnosis import diagnose
from membrowse.presentation.diagnosis import diagnosis_page
from membrowse.wire.diagnosis import DiagnosisRequest
from membrowse.wire.search import Filters


@asynchronous
async def why(
    query: Query,
    place: ExpectedPlace = None,
    text: ExpectedText = "",
    k: TopK = None,
    folder: FolderOption = None,
    root: RootFilter = "",
    path: PathFilter = "",
    tag: TagFilter = "",
    after: AfterFilter = "",
    before: BeforeFilter = "",
    syntax: Operators = False,
    no_changes: Annotated[
        bool, typer.Option("--no-changes", help="Do not look for changes that would help.")
    ] = False,
    as_json: AsJson = False,
) -> Exit:
    """Find out why a note is not in the top k, and what would help.

    \b
      membrowse why "which port does staging use?" decisions/ssh.md:14
      membrowse why "which port does staging use?" --text "listens on 41022"

    Exit status 0 if it is in the top k, 1 if not.
    """
    chosen = folders.chosen(folder)
    target = parse_target(chosen, place, text)
    request = DiagnosisRequest(
        text=query,
        syntax=syntax_of(syntax),
        target=target,
        k=k,
        filters=Filters(root=root, path=path, tag=tag, after=after, before=before),
    )
    async with engine_of(chosen) as engine:
        await encoder_loaded(engine)
        report = await diagnose(engine, request, suggest=not no_changes)
    if as_json:
        output.write_json(report, output.SCHEMA)
    else:
        terminal.write(diagnosis_page(report, terminal.width(), suggest=not no_changes))
    return Exit.DONE if report.in_top_k else Exit.NONE
