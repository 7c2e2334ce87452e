"""`membrowse explain`: every number of a chunk's place, for a person or a program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from membrowse.cli import output
from membrowse.cli.connection import engine_of, until_loaded
from membrowse.cli.exit_codes import Exit
from membrowse.cli.inspecting import SCHEMA, explained
from membrowse.cli.searching import syntax_of, valid
from membrowse.cli.targets import parse_target
from membrowse.wire.explanation import SpellingRequest, SpellingSuggestion


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be explained."""

    query: str
    place: str
    operators: bool
    spellings: bool


async def explain(folder: Path, asked: Asked, *, as_json: bool) -> Exit:
    """Print the explanation of one chunk under one query."""
    target, text = parse_target(folder, asked.place), valid(asked.query)
    syntax = syntax_of(asked.operators)
    spellings: list[SpellingSuggestion] | None = None
    async with engine_of(folder) as engine:
        await until_loaded(engine)
        explanation = await explained(engine, text, syntax, target)
        if asked.spellings:
            spellings = await engine.ask(SpellingRequest(text=text, syntax=syntax))
    hit = explanation.hit
    if target.line and not hit.start_line <= target.line <= hit.end_line:
        output.say(f"no chunk covers line {target.line}: this is the nearest of the note")
    if as_json:
        first = {"schema": SCHEMA} | ({} if spellings is None else {"spellings": spellings})
        output.write_json(explanation, first)
    else:
        from membrowse.cli import explanation_sheet, sheet

        page = sheet.for_output()
        explanation_sheet.fill(page, explanation, spellings)
        sheet.write(page)
    return Exit.DONE
