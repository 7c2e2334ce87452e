"""Fills the recall log of the demo memory. Imported while the browser starts, off its path."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from membrowse import paths
from membrowse.agents.collections import real_roots
from membrowse.cli.demo_memory import RECALLS
from membrowse.client import discovery
from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.client.recall_import import RecallImport, import_file
from membrowse.recall_log.foreign_log import ForeignLog
from membrowse.wire.engine import StatesRequest
from membrowse.wire.recalls import RecallsRequest

_FILL_SECONDS = 300.0
_POLL_SECONDS = 0.5


def fill(folder: Path) -> None:
    """Import the demo's recalls as soon as an engine serves the folder; returns when that is done.

    Does nothing if the log has some, or if no engine comes.
    """
    with contextlib.suppress(EngineUnavailable, EngineRefused, OSError, TimeoutError):
        asyncio.run(asyncio.wait_for(import_recalls(folder), _FILL_SECONDS))


async def import_recalls(folder: Path) -> None:
    """Import the demo's recalls into an empty log, once the folder is indexed.

    Raises `EngineUnavailable` and `EngineRefused`.
    """
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        with contextlib.suppress(EngineUnavailable):
            engine = await discovery.connect(folder, start=False)
            break
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        states = await stack.enter_async_context(
            contextlib.aclosing(engine.stream(StatesRequest()))
        )
        async for state in states:
            if state.watcher.last_check and not (state.reading or state.pending.total):
                break
        if (await engine.ask(RecallsRequest(limit=1))).total:
            return
        log = ForeignLog(folders=real_roots(folder))
        importing = RecallImport(engine=engine, log=log, bad_line=lambda _: None)
        descriptor = paths.open_file(folder / RECALLS, os.O_RDONLY)
        stack.callback(os.close, descriptor)
        await import_file(importing, descriptor, whole=False, progress=lambda _: None)
