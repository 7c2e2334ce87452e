"""`membrowse pins`: run, list, add, remove and export pins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from membrowse import paths
from membrowse.cli import folders, output, terminal
from membrowse.cli.connection import (
    NOT_FOUND,
    asynchronous,
    encoder_loaded,
    engine_of,
    index_current,
)
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import (
    AfterFilter,
    AsJson,
    BeforeFilter,
    ExpectedPlace,
    ExpectedText,
    FolderOption,
    NewFile,
    Operators,
    PathFilter,
    Query,
    RootFilter,
    TagFilter,
    TopK,
    syntax_of,
)
from membrowse.cli.targets import parse_target
from membrowse.client.engine import EngineRefused
from membrowse.presentation import pins as pages
from membrowse.presentation.figures import counted
from membrowse.wire.pins import AddPinRequest, PinRun, PinsRequest, RemovePinRequest, pin_line
from membrowse.wire.request import Request
from membrowse.wire.search import Filters

_LARGEST_BYTES = 1_000_000
"""An engine takes no larger request."""

app = typer.Typer(
    help="Run, list, add, remove and export pins. A pin is a query with the note it should find.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
@asynchronous
async def run(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help='Pins, one {"query": …, "path": …, "text": …, "k": 5} per line. [default: '
            "the folder's pins]",
            show_default=False,
        ),
    ] = None,
    folder: FolderOption = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the index is current.")
    ] = True,
    as_json: AsJson = False,
) -> Exit:
    """Run every pin, and print recall and the pins that fail.

    Exit status 0 if all pins pass, 1 if one fails or there is none, 3 if that is not final.
    """
    chosen = folders.chosen(folder)
    request = PinsRequest() if file is None else _pins_request(file)
    async with engine_of(chosen) as engine:
        if wait:
            await index_current(engine)
        await encoder_loaded(engine)
        answer = await engine.ask(request)
    if file is not None and answer.problems and not answer.total:
        raise Stop(Exit.USAGE, "\n".join((f"no pin in {file}", *answer.problems)))
    _report_problems(answer, chosen)
    if as_json:
        _write_json(answer)
    elif answer.total:
        terminal.write(pages.run_page(answer, terminal.width(), _roots(chosen, answer)))
    if answer.provisional:
        output.say(f"not final: {answer.provisional}")
        return Exit.UNAVAILABLE
    if answer.passing < answer.total or not answer.total:
        return Exit.NONE
    return Exit.USAGE if answer.problems else Exit.DONE


@app.command("list")
@asynchronous
async def list_(folder: FolderOption = None, as_json: AsJson = False) -> Exit:
    """List the pins and their results.

    Exit status 1 if there is none.
    """
    chosen = folders.chosen(folder)
    async with engine_of(chosen) as engine:
        await encoder_loaded(engine)
        answer = await engine.ask(PinsRequest())
    _report_problems(answer, chosen)
    if as_json:
        _write_json(answer)
    elif answer.total:
        terminal.write(pages.list_page(answer, terminal.width(), _roots(chosen, answer)))
    return Exit.DONE if answer.total else Exit.NONE


@app.command()
@asynchronous
async def add(
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
    as_json: AsJson = False,
) -> Exit:
    """Pin a query to the note that it should find.

    \b
      membrowse pins add "which port does staging use?" decisions/ssh.md
      membrowse pins add "which port does staging use?" --text "listens on 41022" -k 3

    Exit status 1 if no chunk of the note is indexed.
    """
    chosen = folders.chosen(folder)
    target = parse_target(chosen, place, text)
    request = AddPinRequest(
        text=query,
        syntax=syntax_of(syntax),
        target=target,
        k=k,
        filters=Filters(root=root, path=path, tag=tag, after=after, before=before),
    )
    answer = await _changed_pins(chosen, request)
    output.say(f"pinned in {answer.file}")
    if as_json:
        _write_json(answer)
    else:
        added = [result for result in answer.results if result.pin.query == query][-1:]
        for result in added:
            page = pages.pin_page(result, terminal.width(), _roots(chosen, answer))
            terminal.write(page)
    return Exit.DONE


@app.command()
@asynchronous
async def remove(
    pin: Annotated[
        str, typer.Argument(metavar="ID", help="As `pins list` shows it.", show_default=False)
    ],
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> Exit:
    """Remove a pin.

    Exit status 1 if there is no such pin.
    """
    answer = await _changed_pins(folders.chosen(folder), RemovePinRequest(id=pin))
    output.say(f"removed; {counted(answer.total, 'pin')} left in {answer.file}")
    if as_json:
        _write_json(answer)
    return Exit.DONE


@app.command()
@asynchronous
async def export(
    file: NewFile = None,
    folder: FolderOption = None,
) -> Exit:
    """Write the pins to a file that can be shared: `golden.jsonl` in a folder holds its pins.

    Exit status 1 if there is none.
    """
    chosen = folders.chosen(folder)
    async with engine_of(chosen) as engine:
        answer = await engine.ask(PinsRequest())
    _report_problems(answer, chosen)
    if not answer.total:
        return Exit.NONE
    content = b"".join(pin_line(result.pin) + b"\n" for result in answer.results)
    if file is None:
        output.write(content.decode())
    else:
        _write_new(file, content)
        output.say(f"{counted(answer.total, 'pin')} written to {file}")
    return Exit.DONE


def _write_new(file: Path, content: bytes) -> None:
    """Write a file that must not exist; raises `Stop`."""
    try:
        with file.open("xb") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise Stop(Exit.USAGE, f"{file} exists already: name a new file") from error
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be written: {error.strerror}") from error


def _pins_request(file: Path) -> PinsRequest:
    """A request with the content of `file`, which the engine may have no right to read."""
    try:
        content = paths.read_regular(file, _LARGEST_BYTES).decode(errors="replace")
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from error
    return PinsRequest(file=str(file.absolute()), content=content)


async def _changed_pins(folder: Path, request: Request[PinRun]) -> PinRun:
    """The pins after a change; raises `Stop` if there is no such pin or chunk."""
    async with engine_of(folder) as engine:
        await encoder_loaded(engine)
        try:
            return await engine.ask(request)
        except EngineRefused as refusal:
            if refusal.status != NOT_FOUND:
                raise
            raise Stop(Exit.NONE, str(refusal)) from refusal


def _report_problems(run: PinRun, folder: Path) -> None:
    for problem in run.problems:
        output.say(problem)
    if not run.total:
        output.say(f"no pin in {run.file or folder}")


def _roots(folder: Path, run: PinRun) -> dict[str, str]:
    return folders.roots_of(folder, (result.pin.path for result in run.results))


def _write_json(run: PinRun) -> None:
    counts = {"total": run.total, "holding": run.passing}
    output.write_json(run, output.SCHEMA | counts)
