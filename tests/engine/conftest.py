"""Real engines in processes of their own, over folders of the test's making."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from membrowse import paths
from membrowse.client import discovery
from membrowse.client.engine import Engine, EngineClient
from membrowse.engine.http import server
from membrowse.engine.http.listener import bind
from membrowse.engine.http.peers import Peer, Rights
from membrowse.engine.service import Service
from membrowse.engine.service_manager import ServiceManager
from membrowse.notes.chunker import CHUNKER
from membrowse.settings import Settings
from membrowse.sqlite import checksum
from membrowse.wire.engine import EngineState, StatesRequest
from membrowse.wire.search import RANKINGS, RankingState, SearchRequest, SearchResponse
from tests.conftest import ExportedEncoder
from tests.waiting import DEADLINE_SECONDS

PORTS = (
    "# Ports\n\nStaging ssh listens on port 2222 behind the bastion.\n\n## Web\n\nCaddy on 443.\n"
)
FOOD = "# Food\n\nThe maintainer likes soup on rainy days.\n"


@pytest.fixture(autouse=True)
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported_encoder: ExportedEncoder
) -> Iterator[Path]:
    """A home of its own for every test, with the encoder already exported."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    (path / "cache").symlink_to(exported_encoder.home / "cache")
    for name in [name for name in os.environ if name.startswith("MEMBROWSE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MEMBROWSE_HOME", str(path))
    monkeypatch.setenv("MEMBROWSE_ENGINE_SETTLE_MS", "50")
    yield path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.mkdir()
    (path / "ports.md").write_text(PORTS)
    (path / "food.md").write_text(FOOD)
    return path


def save(file: Path, text: str) -> None:
    """Write `file` at once: no engine sees it empty, however slow the machine."""
    draft = file.with_name(f".{file.name}.tmp")
    draft.write_text(text)
    draft.replace(file)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[EngineClient]:
    """A client of a running engine, which is stopped afterwards."""
    client = await discovery.connect(folder)
    try:
        yield client
    finally:
        await client.close()
        await discovery.stop(folder)


@asynccontextmanager
async def engine_here(
    folder: Path, operators: str | None = None, settings: Settings | None = None
) -> AsyncIterator[Path]:
    """An engine in this process; its socket."""
    listener = bind(paths.own_socket(folder))
    service = Service(folder, settings or Settings(), idle_seconds=0)
    rights = Rights(operators)
    running = asyncio.create_task(server.run(service, listener, ServiceManager({}), rights))
    try:
        yield listener.path
    finally:
        service.begin_stop()
        await running
        listener.close()


def called_by(application: Starlette, uid: int) -> httpx.ASGITransport:
    """A transport to `application` on which user `uid` is the peer."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "state": {"peer": Peer(uid, frozenset())}}, receive, send)

    return httpx.ASGITransport(called)


async def until(client: EngineClient, condition: Callable[[EngineState], bool]) -> EngineState:
    """The first state for which `condition` holds, in time."""
    last: EngineState | None = None
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            async for state in client.stream(StatesRequest()):
                last = state
                if condition(state):
                    return state
    except TimeoutError:
        pytest.fail(f"not in {DEADLINE_SECONDS:.0f} s; the last state was {last}")
    pytest.fail(f"the engine ended; the last state was {last}")


def loaded(state: EngineState) -> bool:
    """The encoder has loaded, or failed to: no answer is provisional because of it."""
    return state.encoder.state is not RankingState.LOADING


def current(state: EngineState) -> bool:
    """Everything is indexed and encoded, and questions can be encoded, too."""
    done = state.progress is None and not state.pending.total and bool(state.watcher.last_check)
    return done and state.encoded == state.chunks and loaded(state)


def at(generation: int) -> Callable[[EngineState], bool]:
    """Current, at a generation later than `generation`."""
    return lambda state: current(state) and state.generation > generation


async def ask(engine: Engine, text: str, /, **options: object) -> SearchResponse:
    """The complete recall."""
    request = SearchRequest(text=text, **options)  # type: ignore[arg-type]
    return [recall async for recall in engine.stream(request)][-1]


def first_paths(recall: SearchResponse) -> dict[str, str]:
    """The path of the first hit of each ranking."""
    return {
        name: recall.rankings[name].hits[0].path if recall.rankings[name].hits else ""
        for name in RANKINGS
    }


def order(recall: SearchResponse, ranking: str) -> list[tuple[str, float]]:
    return [(hit.chunk, hit.score) for hit in recall.rankings[ranking].hits]


def made_otherwise(index: Path) -> None:
    """Let the index in the directory `index` have been made by an older chunker."""
    with closing(sqlite3.connect(index / "manifest.sqlite")) as connection, connection:
        (recipe,) = connection.execute("SELECT value FROM meta WHERE name = 'recipe'").fetchone()
        older = recipe.replace(f"{CHUNKER}-256", "ancient")
        assert older != recipe
        connection.execute(
            "UPDATE meta SET value = ?, checksum = ? WHERE name = 'recipe'",
            (older, checksum("recipe", older)),
        )


class Condition(Protocol):
    async def __call__(self) -> bool: ...


async def eventually(condition: Condition) -> None:
    """Wait until `condition` holds, in time."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():
            await asyncio.sleep(0.02)
