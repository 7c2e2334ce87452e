"""Putting the app on a stage: fake sessions, a fixed clock, waiting for a condition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from textual.pilot import Pilot

from membrowse.client.supervisor import Changed, Connected, Session
from membrowse.settings import Settings
from membrowse.tui.app import MembrowseApp
from membrowse.wire.agents import AgentProfile
from membrowse.wire.engine import HelloRequest, StatesRequest
from membrowse.wire.search import Ranking, SearchResponse
from tests.standin.engine import StandIn
from tests.standin.replies import FOLDER
from tests.waiting import DEADLINE_SECONDS

NOW = datetime(2026, 7, 20, 12, 5, tzinfo=UTC)
QUERY = "which port does staging ssh use?"


class Sessions:
    """Sessions as a test hands them out; by default one with `engine` that stays."""

    def __init__(self, engine: StandIn | None = None) -> None:
        self.engine = engine or StandIn()
        self.folders: list[Path] = []
        self.profiles: list[AgentProfile | None] = []
        self._queue: asyncio.Queue[Session] = asyncio.Queue()
        self.connects = True

    async def __call__(
        self, folder: Path, profile: AgentProfile | None = None
    ) -> AsyncGenerator[Session, None]:
        self.folders.append(folder)
        self.profiles.append(profile)
        if self.connects:
            yield await self.connected()
        states = asyncio.create_task(self._tell_states())
        try:
            while True:
                yield await self._queue.get()
        finally:
            states.cancel()

    async def _tell_states(self) -> None:
        async for state in self.engine.stream(StatesRequest()):
            self.say(Changed(state))

    async def connected(self) -> Connected:
        """The session that the engine's connection is."""
        return Connected(self.engine, await self.engine.ask(HelloRequest()))

    def say(self, session: Session) -> None:
        """Hand out the next session."""
        self._queue.put_nowait(session)


def with_rankings(rankings: Mapping[str, Ranking]) -> Callable[[SearchResponse], SearchResponse]:
    """Amends a response: these rankings instead of the engine's, or beside them."""

    def amended(response: SearchResponse) -> SearchResponse:
        known = response.rankings
        names = known.keys() | rankings if response.complete else known
        return replace(
            response, rankings={name: rankings.get(name) or known[name] for name in names}
        )

    return amended


def with_query(**changes: object) -> Callable[[SearchResponse], SearchResponse]:
    """Amends a response: other things are said of the query."""
    return lambda response: replace(response, query=replace(response.query, **changes))


def make_app(
    sessions: Sessions | None = None,
    settings: Settings | None = None,
    folder: Path | None = FOLDER,
    **others: Any,
) -> MembrowseApp:
    """The app over fake sessions, at a fixed time, in our theme."""
    app = MembrowseApp(
        sessions=sessions or Sessions(),
        settings=settings or Settings(),
        folder=folder,
        clock=lambda: NOW,
        **others,
    )
    app.theme = "membrowse"
    app.animation_level = "none"
    return app


async def until(condition: Callable[[], Any], what: str = "") -> None:
    """Wait until `condition` holds; fail with `what` when it does not in time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain: {what or condition}")
        await asyncio.sleep(0.01)


async def ask(app: MembrowseApp, text: str = QUERY) -> None:
    """Put a query into the field and wait until it is answered, preview included."""
    app.browser.query_bar.put(text)
    await answered(app, text)


async def answered(app: MembrowseApp, text: str) -> None:
    """Wait until `text` is answered in full."""
    browser = app.browser
    text = text.encode("utf-8", "replace").decode()
    query = browser.open_query
    await until(lambda: query.text == text and query.complete, "a response")
    await until(lambda: shows_cursor(app), "the preview")
    await until(lambda: not app.screen._layout_required, "the layout, at the next tick")


async def settled(app: MembrowseApp, pilot: Pilot[int]) -> None:
    """Wait until the screen's own work, such as looking something up, has ended and is shown."""
    await pilot.pause()
    await until(lambda: all(w.is_finished for w in app.workers if w.node is app.screen))
    await pilot.pause()


def shows_cursor(app: MembrowseApp) -> bool:
    """Whether the preview shows the chunk under the cursor (or there is none)."""
    cursor, view = app.browser.open_query.cursor, app.browser.preview.view
    return cursor is None or (view is not None and view.chunk == cursor.chunk)


@asynccontextmanager
async def on_stage(
    app: MembrowseApp, size: tuple[int, int] = (120, 30), query: str = ""
) -> AsyncIterator[Pilot[int]]:
    """The app running, connected, with `query` answered if there is one."""
    async with app.run_test(size=size, notifications=True) as pilot:
        if app._folder is not None and getattr(app._sessions, "connects", True):
            await until(lambda: app.browser.engine.state is not None, "a connection")
        if query:
            await ask(app, query)
            await pilot.pause()
        yield pilot


def screen_text(app: MembrowseApp) -> str:
    """What the screen shows, as text."""
    width, height = app.size
    strips = app.screen._compositor.render_strips(app.size)
    lines = [strip.crop(0, width).text for strip in strips[:height]]
    return "\n".join(line.rstrip() for line in lines)
