"""`membrowse tokens`: how the analyser and the encoder read a text."""

from __future__ import annotations

from typing import Annotated

import typer

from membrowse.cli import folders, output, terminal
from membrowse.cli.connection import asynchronous, encoder_loaded, engine_of, explain_target
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson, FolderOption, not_blank, syntax_of
from membrowse.cli.targets import parse_target
from membrowse.presentation.tokens import tokens_page
from membrowse.wire.tokens import TokensRequest


@asynchronous
async def tokens(
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT", help="A query, or any text.", show_default=False, parser=not_blank
        ),
    ],
    chunk: Annotated[
        str | None,
        typer.Option(metavar="PATH:LINE", help="Also the chunk at this line.", show_default=False),
    ] = None,
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> Exit:
    """Show how the analyser and the encoder read a text."""
    chosen = folders.chosen(folder)
    target = None if chunk is None else parse_target(chosen, chunk)
    async with engine_of(chosen) as engine:
        await encoder_loaded(engine)
        found = ""
        if target is not None:
            found = (await explain_target(chosen, engine, text, syntax_of(False), target)).hit.chunk
        answer = await engine.ask(TokensRequest(text=text, chunk=found))
    if as_json:
        output.write_json(answer, output.SCHEMA)
    else:
        terminal.write(tokens_page(answer, terminal.width()))
    return Exit.DONE
