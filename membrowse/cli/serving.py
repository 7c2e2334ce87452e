"""Engines: one in the foreground, and stopping, starting and reading those in the background."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from membrowse import places, settings
from membrowse.cli import output
from membrowse.cli.boundary import Stop
from membrowse.cli.connection import engine_of
from membrowse.cli.exits import Exit
from membrowse.engine import lifecycle
from membrowse.engine.client import EngineUnavailable
from membrowse.text import shown_block


def serve(folder: Path, group: str | None) -> None:
    """Be the engine of `folder` until told to stop. The only command that holds an index."""
    settings.load(places.config_file())
    from membrowse.engine import run

    status = run.main(folder, foreground=True, group=group)
    if status == os.EX_TEMPFAIL:
        raise Stop(
            Exit.UNAVAILABLE, "another engine owns this index: `membrowse engine stop` ends it"
        )
    if status:
        raise Stop(Exit.UNAVAILABLE, f"the engine ended with status {status}")


def stop(folder: Path) -> None:
    """Stop the engine of `folder`, if one runs."""
    stopped = asyncio.run(lifecycle.stop(folder))
    output.say(f"stopped the engine of {folder}" if stopped else f"no engine runs for {folder}")


def restart(folder: Path) -> None:
    """Stop the engine of `folder`, if one runs, and start it."""
    stop(folder)
    asyncio.run(_start(folder))


async def _start(folder: Path) -> None:
    async with engine_of(folder) as engine:
        hello = await engine.hello()
    output.say(f"process {hello.engine.pid} serves {folder}")


def print_log(folder: Path, lines: int) -> None:
    """Print the last `lines` of the log of the engine that serves `folder`, or last did."""
    log = asyncio.run(_log_of(folder))
    if not log.exists():
        raise Stop(Exit.NONE, f"no engine of {folder} has written {log}")
    output.write(shown_block(lifecycle.last_words(log, lines)) + "\n")


async def _log_of(folder: Path) -> Path:
    """The log that a running engine names, else that of the person's own."""
    try:
        engine = await lifecycle.connect(folder, start=False)
    except EngineUnavailable:
        return places.log_file(folder)
    try:
        return Path((await engine.hello()).engine.log or places.log_file(folder))
    except EngineUnavailable:
        return places.log_file(folder)
    finally:
        await engine.close()
