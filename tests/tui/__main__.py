"""Run the browser over the fake engine, to look at it: `python -m tests.tui [FOLDER]`."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from membrowse.client.supervisor import Changed, Connected, Session, Starting
from membrowse.settings import Settings
from membrowse.tui.app import MembrowseApp
from membrowse.wire.engine import HelloRequest, StatesRequest
from tests.tui.corpus import routine
from tests.tui.fake_engine import FakeEngine


async def sessions(folder: Path) -> AsyncGenerator[Session, None]:
    """One session that stays."""
    yield Starting("starting an engine")
    engine = FakeEngine(delay=0.01)
    engine.notes |= routine(160)
    engine.rebuild_chunks()
    yield Connected(engine, await engine.ask(HelloRequest()))
    async for state in engine.stream(StatesRequest()):
        yield Changed(state)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    questions = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    MembrowseApp(sessions=sessions, settings=Settings(), folder=folder, questions=questions).run()
