"""`membrowse engine`: stop or restart the engine of a folder, or read its log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from membrowse import paths
from membrowse.cli import folders, output
from membrowse.cli.connection import asynchronous, engine_of
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import FolderOption
from membrowse.client import discovery
from membrowse.client.engine import EngineUnavailable
from membrowse.client.registered_services import registered
from membrowse.client.titles import title_or_path
from membrowse.text import shown_block
from membrowse.wire.engine import HelloRequest

app = typer.Typer(
    help="Stop or restart the engine of a folder, or read its log.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
@asynchronous
async def stop(folder: FolderOption = None) -> Exit:
    """Stop the engine, if one runs. An open browser starts it again."""
    chosen = folders.chosen(folder)
    _refuse_service(chosen)
    await _stop(chosen)
    return Exit.DONE


@app.command()
@asynchronous
async def restart(folder: FolderOption = None) -> Exit:
    """Stop the engine, if one runs, and start it again."""
    chosen = folders.chosen(folder)
    _refuse_service(chosen)
    await _stop(chosen)
    async with engine_of(chosen) as engine:
        hello = await engine.ask(HelloRequest())
    output.say(f"process {hello.engine.pid} serves {title_or_path(chosen)}")
    return Exit.DONE


@app.command()
@asynchronous
async def log(
    folder: FolderOption = None,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="Lines to print.")] = 50,
) -> Exit:
    """Print the end of the engine's log."""
    chosen = folders.chosen(folder)
    service = registered(chosen)
    if service is not None:
        journal = f"`membrowse service logs {service.name}`, as root or a member of systemd-journal"
        raise Stop(Exit.USAGE, f"the log of {service.unit} is in the journal: {journal}")
    file = await _log_file(chosen)
    if not file.exists():
        raise Stop(Exit.NONE, f"no engine of {title_or_path(chosen)} has written {file}")
    output.write(shown_block(discovery.last_words(file, lines)) + "\n")
    return Exit.DONE


def _refuse_service(folder: Path) -> None:
    """Raise `Stop` if a service manager runs the engine: it would not know."""
    service = registered(folder)
    if service is not None:
        raise Stop(
            Exit.USAGE,
            f"{service.unit} runs this engine: use `membrowse service restart {service.name}`, "
            f"or `systemctl stop {service.unit}`",
        )


async def _stop(folder: Path) -> None:
    stopped = await discovery.stop(folder)
    named = title_or_path(folder)
    output.say(f"stopped the engine of {named}" if stopped else f"no engine runs for {named}")


async def _log_file(folder: Path) -> Path:
    """The log that a running engine reports, else that of the user's own engine."""
    own = paths.log_file(folder)
    try:
        engine = await discovery.connect(folder, start=False)
    except EngineUnavailable:
        return own
    try:
        return Path((await engine.ask(HelloRequest())).engine.log or own)
    except EngineUnavailable:
        return own
    finally:
        await engine.close()
