"""`membrowse golden run`: every pin, recall over all of them, and what is broken."""

from __future__ import annotations

from pathlib import Path

from membrowse.cli import output
from membrowse.cli.connection import brought_up_to_date, engine_of, until_loaded
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.inspecting import SCHEMA
from membrowse.wire.pins import PinRun, PinsRequest


async def run(folder: Path, file: Path | None, *, wait: bool, as_json: bool) -> Exit:
    """Run the pins of `file`, or the folder's own, and print how they fare."""
    request = PinsRequest() if file is None else read(file)
    async with engine_of(folder) as engine:
        if wait:
            await brought_up_to_date(engine)
        await until_loaded(engine)
        answer = await engine.ask(request)
    if file is not None and answer.problems and not answer.total:
        raise Stop(Exit.USAGE, "\n".join((f"no pin in {file}", *answer.problems)))
    for problem in answer.problems:
        output.say(problem)
    if not answer.total:
        output.say(f"no pin in {answer.file or folder}")
    if as_json:
        counts = {"schema": SCHEMA, "total": answer.total, "holding": answer.passing}
        output.write_json(answer, counts)
    else:
        from membrowse.cli import golden_sheet, sheet

        page = sheet.for_output()
        golden_sheet.fill(page, answer)
        sheet.write(page)
    return _status(answer)


def read(file: Path) -> PinsRequest:
    """A request with the content of `file`, which the engine's user may have no right to read.

    Raises `Stop` if it cannot be read.
    """
    try:
        content = file.read_bytes().decode(errors="replace")
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from error
    return PinsRequest(file=str(file.absolute()), content=content)


def _status(answer: PinRun) -> Exit:
    if not answer.total or answer.passing < answer.total:
        return Exit.NONE
    return Exit.USAGE if answer.problems else Exit.DONE
