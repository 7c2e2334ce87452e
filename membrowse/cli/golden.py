"""`membrowse golden run`: every pin, recall over all of them, and what is broken."""

from __future__ import annotations

from pathlib import Path

import msgspec

from membrowse.cli import output
from membrowse.cli.boundary import Stop
from membrowse.cli.connection import brought_up_to_date, engine_of, until_loaded
from membrowse.cli.exits import Exit
from membrowse.cli.inspecting import SCHEMA
from membrowse.cli.pin_file import PinFile, read
from membrowse.engine.client import Engine
from membrowse.engine.inspections import PinsRequest
from membrowse.findings.pins import PinRun


async def run(folder: Path, file: Path | None, *, wait: bool, as_json: bool) -> Exit:
    """Run the pins of `file`, or the folder's own, and print how they fare."""
    pins = None if file is None else read(file, folder)
    async with engine_of(folder) as engine:
        if wait:
            await brought_up_to_date(engine)
        await until_loaded(engine)
        answer = await _ran(engine, pins)
    for problem in answer.problems:
        output.say(problem)
    if not answer.total:
        output.say(f"no pin in {answer.file or folder}")
    if as_json:
        counts = {"schema": SCHEMA, "total": answer.total, "holding": answer.holding}
        output.write_json(answer, counts)
    else:
        from membrowse.cli import golden_sheet, sheet

        page = sheet.for_output()
        golden_sheet.fill(page, answer)
        output.write(page.text(styled=sheet.is_styled()))
    return _status(answer)


async def _ran(engine: Engine, pins: PinFile | None) -> PinRun:
    """The run of `pins`, which the engine may have no right to read itself."""
    if pins is None:
        return await engine.inspect(PinsRequest())
    if not pins.pins and pins.problems:
        raise Stop(Exit.USAGE, "\n".join((f"no pin in {pins.file}", *pins.problems)))
    answer = await engine.inspect(PinsRequest(pins=pins.pins))
    problems = (*pins.problems, *answer.problems)
    return msgspec.structs.replace(answer, file=pins.file, problems=problems)


def _status(answer: PinRun) -> Exit:
    if not answer.total or answer.holding < answer.total:
        return Exit.NONE
    return Exit.USAGE if answer.problems else Exit.DONE
