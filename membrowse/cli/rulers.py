"""`membrowse rulers`: a text as the analyser and the encoder see it."""

from __future__ import annotations

from pathlib import Path

from membrowse.cli import output
from membrowse.cli.connection import engine_of, until_loaded
from membrowse.cli.exit_codes import Exit
from membrowse.cli.inspecting import SCHEMA, explained
from membrowse.cli.searching import syntax_of, valid
from membrowse.cli.targets import parse_target
from membrowse.wire.tokens import TokensRequest


async def rulers(folder: Path, text: str, place: str | None, *, as_json: bool) -> Exit:
    """Print `text`, and the chunk at `place` if there is one, under both rulers."""
    text = valid(text)
    target = None if place is None else parse_target(folder, place)
    async with engine_of(folder) as engine:
        await until_loaded(engine)
        chunk = ""
        if target is not None:
            chunk = (await explained(engine, text, syntax_of(False), target)).hit.chunk
        answer = await engine.ask(TokensRequest(text=text, chunk=chunk))
    if as_json:
        output.write_json(answer, {"schema": SCHEMA})
    else:
        from membrowse.cli import rulers_sheet, sheet

        page = sheet.for_output()
        rulers_sheet.fill(page, answer)
        sheet.write(page)
    return Exit.DONE
