"""The browser: a Textual client of the engine that shows rankings side by side.

The app alone talks to the engine: it hands the engine's state down to the screens, takes requests
as `messages` and delivers the replies. Every widget owns its state. `model/` is free of Textual.
`actions` is the one registry of what the user can do.
"""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from membrowse.client.supervisor import Session
    from membrowse.settings import Settings
    from membrowse.wire.agents import AgentProfile


def run(
    folder: Path | None,
    settings: Settings,
    *,
    questions: Path | None = None,
    profile: AgentProfile | None = None,
    demo: Callable[[], Path] | None = None,
) -> int:
    """Run the browser and return its exit code.

    Args:
        folder: The folder to open; None: the one opened last, or else the welcome dialog.
        questions: A JSONL file of queries to step through.
        profile: The agent by whose k, minimum score and weights `folder` is ranked.
        demo: Copies the demo memory for this user and returns its folder.
    """
    gc.disable()  # imports create no garbage, and collecting costs a twelfth of the import time
    from membrowse.tui.app import MembrowseApp

    gc.freeze()
    gc.enable()
    app = MembrowseApp(
        sessions=engine_sessions,
        settings=settings,
        folder=folder,
        questions=questions,
        profile=profile,
        demo=demo,
    )
    return app.run() or app.return_code or 0


async def engine_sessions(
    folder: Path, profile: AgentProfile | None = None
) -> AsyncGenerator[Session, None]:
    """The sessions with the engine of `folder`; slow imports run off the event loop.

    The profile counts in its own folder alone.
    """
    import asyncio
    import contextlib
    import importlib

    from membrowse.agents.collections import folder_of

    await asyncio.to_thread(importlib.import_module, "httpx")
    supervisor = await asyncio.to_thread(importlib.import_module, "membrowse.client.supervisor")
    agents_folder = os.path.realpath(folder_of(profile)) if profile is not None else None
    own = agents_folder == os.path.realpath(folder)
    supervised = supervisor.Supervisor(folder, profile if own else None)
    async with contextlib.aclosing(supervised.sessions()) as sessions:
        async for session in sessions:
            yield session
