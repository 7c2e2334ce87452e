"""The browser: a Textual client of the engine, showing rankings side by side.

It talks to the engine only through `engine.client`, knows no index, no model and no ranking, and
computes nothing but how things look. `model/` is free of Textual; data flows from the engine to the
app, from the app to screens and widgets; widgets post messages, and the app alone asks the engine.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from membrowse.client.supervisor import Session
    from membrowse.settings import Settings


def run(
    folder: Path | None,
    settings: Settings,
    *,
    questions: Path | None = None,
    demo: Callable[[], Path] | None = None,
) -> int:
    """Open the browser on `folder` (without one: the last, or a welcome) and return an exit code.

    `questions` is a JSONL file of queries to step through; `demo` makes the person's copy of the
    demo memory and returns its folder.
    """
    gc.disable()  # what is imported is no garbage: to look through it costs a twelfth of the import
    from membrowse.tui.app import MembrowseApp

    gc.freeze()
    gc.enable()
    app = MembrowseApp(
        sessions=_sessions, settings=settings, folder=folder, questions=questions, demo=demo
    )
    return app.run() or app.return_code or 0


async def _sessions(folder: Path) -> AsyncGenerator[Session, None]:
    """The sessions with a real engine; what they need is imported off the event loop."""
    import asyncio
    import contextlib
    import importlib

    await asyncio.to_thread(importlib.import_module, "httpx")
    supervisor = await asyncio.to_thread(importlib.import_module, "membrowse.client.supervisor")
    async with contextlib.aclosing(supervisor.Supervisor(folder).sessions()) as sessions:
        async for session in sessions:
            yield session
