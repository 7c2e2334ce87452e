"""The development loop: run the browser over the stand-in engine, without process or model.

`python -m tests.tui [QUESTIONS]`, or with Textual's console: `textual run --dev tests.tui`.
The folder is a copy of `tests/standin/memory` with 160 daily logs; nothing that is edited, pinned
or saved there outlives the browser.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from membrowse.client.supervisor import Changed, Connected, Session, Starting
from membrowse.settings import Settings
from membrowse.tui.app import MembrowseApp
from membrowse.wire.agents import AgentProfile
from membrowse.wire.engine import HelloRequest, Right, StatesRequest
from tests.standin.corpus import corpus
from tests.standin.engine import StandIn
from tests.standin.replies import FOLDER


async def sessions(_: Path, _profile: AgentProfile | None = None) -> AsyncGenerator[Session, None]:
    """One session that stays."""
    yield Starting("starting an engine")
    engine = StandIn(corpus(logs=160), rights=tuple(Right))
    yield Connected(engine, await engine.ask(HelloRequest()))
    async for state in engine.stream(StatesRequest()):
        yield Changed(state)


if __name__ == "__main__":
    questions = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    MembrowseApp(sessions=sessions, settings=Settings(), folder=FOLDER, questions=questions).run()
