"""`membrowse golden run`: every pin, recall over all of them, and what is broken."""

from __future__ import annotations

from pathlib import Path

import msgspec

from membrowse.cli import output
from membrowse.cli.boundary import Stop
from membrowse.cli.connection import brought_up_to_date, engine_of, until_loaded
from membrowse.cli.exits import Exit
from membrowse.cli.inspecting import SCHEMA
from membrowse.engine.inspections import PinsRequest
from membrowse.findings.golden import Golden, parse
from membrowse.findings.pins import PinRun


async def run(folder: Path, file: Path | None, *, wait: bool, as_json: bool) -> Exit:
    """Run the pins of `file`, or the folder's own, and print how they fare."""
    given = None if file is None else read(file)
    async with engine_of(folder) as engine:
        if wait:
            await brought_up_to_date(engine)
        await until_loaded(engine)
        answer = await engine.inspect(PinsRequest(pins=given.pins if given else None))
    if given and file:
        problems = (*given.problems, *answer.problems)
        answer = msgspec.structs.replace(answer, file=str(file.absolute()), problems=problems)
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
        sheet.write(page)
    return _status(answer)


def read(file: Path) -> Golden:
    """The pins of `file`, read here since the engine may run as a user who has no right to.

    Raises `Stop` where it cannot be read, or holds none that can be run.
    """
    try:
        golden = parse(file.read_bytes())
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from error
    if golden.problems and not golden.pins:
        raise Stop(Exit.USAGE, "\n".join((f"no pin in {file}", *golden.problems)))
    return golden


def _status(answer: PinRun) -> Exit:
    if not answer.total or answer.holding < answer.total:
        return Exit.NONE
    return Exit.USAGE if answer.problems else Exit.DONE
