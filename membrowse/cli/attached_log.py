"""The log of an attached agent: imported, and followed, while the browser is open."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextlib import aclosing
from datetime import datetime
from pathlib import Path

from membrowse.agents.collections import real_roots
from membrowse.client import discovery
from membrowse.client.engine import Engine, EngineRefused, EngineUnavailable
from membrowse.client.recall_import import RecallImport, new_recalls
from membrowse.recall_log.foreign_log import ForeignLog
from membrowse.wire.agents import AgentProfile
from membrowse.wire.recalls import RecallsRequest

_POLL_SECONDS = 0.5


def follow(profile: AgentProfile) -> None:
    """Import what the log of `profile` gains, as recalls of its name; returns at once.

    A thread waits for the engine that the browser starts, and ends with the program.
    """
    if profile.memory.log:
        threading.Thread(
            target=lambda: asyncio.run(_follow(profile)), name="agent log", daemon=True
        ).start()


async def _follow(profile: AgentProfile) -> None:
    while True:
        with contextlib.suppress(EngineUnavailable, EngineRefused, OSError):
            engine = await discovery.connect(Path(profile.memory.folder), start=False)
            try:
                await import_new(engine, profile)
            finally:
                await engine.close()
        await asyncio.sleep(_POLL_SECONDS)


async def import_new(engine: Engine, profile: AgentProfile) -> None:
    """Import what the log of `profile` gains, for ever. Raises `EngineUnavailable`.

    Logs that have not changed since the newest recall of that name are not read.
    """
    newest = await engine.ask(RecallsRequest(agent=profile.name, limit=1))
    since = 0.0
    if newest.recalls:
        since = datetime.fromisoformat(newest.recalls[0].at).timestamp()

    def importing(_file: Path) -> RecallImport:
        log = ForeignLog(
            folders=real_roots(Path(profile.memory.folder)),
            format=profile.memory.log_format,
            agent=profile.name,
        )
        return RecallImport(engine=engine, log=log, bad_line=lambda _: None)

    async with aclosing(new_recalls(importing, Path(profile.memory.log), since=since)) as changes:
        async for _ in changes:
            pass
