"""`membrowse why`: the verdict, the ladder, and the changes that would help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from membrowse.cli import output
from membrowse.cli.connection import engine_of, until_loaded
from membrowse.cli.exit_codes import Exit
from membrowse.cli.inspecting import SCHEMA
from membrowse.cli.searching import syntax_of, valid
from membrowse.cli.targets import parse_target
from membrowse.client.diagnosis import diagnose
from membrowse.wire.diagnosis import DiagnosisRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """What was expected of a query."""

    query: str
    place: str | None
    text: str
    k: int | None
    """None: the agent's."""
    operators: bool
    changes: bool


async def why(folder: Path, asked: Asked, *, as_json: bool) -> Exit:
    """Print why the target stands where it stands; `Exit.NONE` where that is not the top k."""
    request = DiagnosisRequest(
        text=valid(asked.query),
        syntax=syntax_of(asked.operators),
        target=parse_target(folder, asked.place, valid(asked.text)),
        k=asked.k,
    )
    async with engine_of(folder) as engine:
        await until_loaded(engine)
        answer = await diagnose(engine, request, suggest=asked.changes)
    if as_json:
        output.write_json(answer, {"schema": SCHEMA})
    else:
        from membrowse.cli import ladder_sheet, sheet

        page = sheet.for_output()
        ladder_sheet.fill(page, answer, looked_for_changes=asked.changes)
        sheet.write(page)
    return Exit.DONE if answer.in_top_k else Exit.NONE
