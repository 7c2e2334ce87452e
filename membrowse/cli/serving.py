"""Engines: one in the foreground, and stopping, starting and reading those in the background."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from membrowse import paths, settings
from membrowse.cli import output
from membrowse.cli.connection import engine_of
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.client import discovery
from membrowse.client.engine import EngineUnavailable
from membrowse.text import shown_block
from membrowse.wire.engine import HelloRequest


def serve(folder: Path, group: str | None) -> None:
    """Be the engine of `folder` until told to stop. The only command that holds an index."""
    settings.load(paths.config_file())
    from membrowse.engine import process

    status = process.main(folder, foreground=True, group=group)
    if status == os.EX_TEMPFAIL:
        raise Stop(
            Exit.UNAVAILABLE, "another engine owns this index: `membrowse engine stop` ends it"
        )
    if status:
        raise Stop(Exit.UNAVAILABLE, f"the engine ended with status {status}")


def stop(folder: Path) -> None:
    """Stop the engine of `folder`, if one runs."""
    stopped = asyncio.run(discovery.stop(folder))
    output.say(f"stopped the engine of {folder}" if stopped else f"no engine runs for {folder}")


def restart(folder: Path) -> None:
    """Stop the engine of `folder`, if one runs, and start it."""
    stop(folder)
    asyncio.run(_start(folder))


async def _start(folder: Path) -> None:
    async with engine_of(folder) as engine:
        hello = await engine.ask(HelloRequest())
    output.say(f"process {hello.engine.pid} serves {folder}")


def print_log(folder: Path, lines: int) -> None:
    """Print the last `lines` of the log of the engine that serves `folder`, or last did."""
    log = asyncio.run(_log_of(folder))
    if not log.exists():
        raise Stop(Exit.NONE, f"no engine of {folder} has written {log}")
    output.write(shown_block(discovery.last_words(log, lines)) + "\n")


async def _log_of(folder: Path) -> Path:
    """The log that a running engine names, else that of the person's own."""
    try:
        engine = await discovery.connect(folder, start=False)
    except EngineUnavailable:
        return paths.log_file(folder)
    try:
        return Path((await engine.ask(HelloRequest())).engine.log or paths.log_file(folder))
    except EngineUnavailable:
        return paths.log_file(folder)
    finally:
        await engine.close()
