"""A folder's memory for asynchronous programs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from membrowse import paths, settings
from membrowse.agents.collections import open_collection
from membrowse.api.session import Session
from membrowse.client import discovery, readiness
from membrowse.client.diagnosis import diagnose
from membrowse.client.engine import Engine, EngineHangs, EngineUnavailable
from membrowse.client.profiled_engine import ProfiledEngine
from membrowse.client.search import search_response
from membrowse.stores.address import parse_address
from membrowse.stores.directory import opened
from membrowse.wire.agents import AgentProfile
from membrowse.wire.diagnosis import DiagnosisReport, DiagnosisRequest
from membrowse.wire.engine import EngineState, ReindexRequest, Status, StatusRequest
from membrowse.wire.explanation import ExplainRequest, Explanation
from membrowse.wire.notes import NoteLines, NoteRequest
from membrowse.wire.pins import AddPinRequest, PinRun
from membrowse.wire.search import (
    NO_FILTERS,
    Filters,
    RecallContext,
    SearchRequest,
    SearchResponse,
    Target,
)

T = TypeVar("T")


class AsyncMemory:
    """The memory in `folder`, a collection of the settings, or a store of another program.

        async with AsyncMemory("~/notes", client="planner") as memory:
            response = await memory.search("which port does staging use?")

    The folder's engine is found, or with `start` started, at the first call, and again if it has
    ended since. With a `client`, the name of an agent, every search is recorded as its recall.
    What goes wrong is a `MembrowseError`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        collection: str = "",
        store: str = "",
        client: str = "",
        session: str = "",
        profile: AgentProfile | None = None,
        withholds_weak: bool = False,
        start: bool = True,
    ) -> None:
        """`session` is the agent's own name for its conversation, recorded with its recalls. With
        an attached agent's `profile`, its k, minimum score and weights hold. With `withholds_weak`,
        the caller gives the agent no hit if nothing matches well, and its recalls say so. `store`
        is an address such as `chroma:PATH#COLLECTION`, read as `membrowse open` was told to. Raises
        `SettingsError` for a collection that the settings lack, or a store that is not there."""
        self.folder = _folder(folder, collection, store)
        self.client = client
        self.session = session
        self._profile = profile
        self._withholds_weak = withholds_weak
        self._start = start
        self._connection: Session | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> AsyncMemory:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection; the engine ends by itself when it is idle."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def search(
        self,
        query: str,
        *,
        k: int | None = None,
        min_score: float | None = None,
        root: str = "",
        path: str = "",
        tag: str = "",
        after: str = "",
        before: str = "",
        syntax: str = "literal",
    ) -> SearchResponse:
        """The first `k` hits of every ranking, with the text of their chunks.

        `response.hits` are those of the reranked ranking. `k` and `min_score` default to the
        agent's settings; `min_score` hides nothing here and is recorded with the recall. `root` is
        the first segment of a path, `path` a glob, `after` and `before` are dates such as 2026,
        2026-03 or 2026-03-02: only chunks of notes that pass are ranked.
        """
        filters = Filters(root=root, path=path, tag=tag, after=after, before=before)

        async def ask(session: Session) -> SearchResponse:
            state = await _loaded(session)
            limit = state.agent_k if k is None else k
            least = state.agent_min_score if min_score is None else min_score
            request = SearchRequest(
                text=query,
                syntax=syntax,
                limit=limit,
                client=self.client or "python",
                texts=True,
                filters=filters,
                recall=self._recall(limit, least) if self.client else None,
            )
            return await search_response(session.engine, request)

        return await self._with_session(ask)

    def _recall(self, k: int, min_score: float) -> RecallContext:
        return RecallContext(
            agent=self.client,
            session=self.session,
            k=k,
            min_score=min_score or None,
            withholds_weak=self._withholds_weak,
        )

    async def why(
        self,
        query: str,
        path: str = "",
        *,
        line: int | None = None,
        text: str = "",
        k: int | None = None,
        filters: Filters = NO_FILTERS,
        syntax: str = "literal",
        suggest: bool = True,
    ) -> DiagnosisReport:
        """Why the note at `path`, or the chunk with `line` or `text`, is not in the top k.

        With `suggest`, also changes that would bring it there; this takes up to a few seconds.
        `filters` are those of the search in question: `Filters(path="logs/*", after="2026-03")`.
        """
        request = DiagnosisRequest(
            text=query,
            syntax=syntax,
            target=Target(path=path, line=line, text=text),
            k=k,
            filters=filters,
        )
        return await self._ask(lambda engine: diagnose(engine, request, suggest=suggest))

    async def explain(
        self,
        query: str,
        path: str = "",
        *,
        line: int | None = None,
        text: str = "",
        filters: Filters = NO_FILTERS,
        syntax: str = "literal",
    ) -> Explanation:
        """The rank of a chunk, term by term; of the note's best chunk without `line` or `text`."""
        target = Target(path=path, line=line, text=text)
        request = ExplainRequest(text=query, syntax=syntax, target=target, filters=filters)
        return await self._ask(lambda engine: engine.ask(request))

    async def get(self, path: str, start: int = 1, end: int | None = None) -> NoteLines:
        """The lines `start` to `end` (1-based, inclusive) of an indexed note, as on disk."""
        request = NoteRequest(path=path, first_line=start, last_line=end)
        return await self._ask(lambda engine: engine.ask(request))

    async def status(self) -> Status:
        """The engine, its index, and how the folder differs from it."""
        return await self._ask(lambda engine: engine.ask(StatusRequest()))

    async def state(self) -> EngineState:
        """The engine's state once the index is open; the connection follows it without asking."""
        return await self._with_session(lambda session: session.state(readiness.is_open))

    async def reindex(self, paths: Sequence[str] = ()) -> EngineState:
        """Compare the folder with the index now, and index these notes even if unchanged."""
        request = ReindexRequest(paths=tuple(paths))
        return await self._with_session(lambda session: session.engine.ask(request))

    async def wait_until_current(self) -> EngineState:
        """Wait until folder and index agree. Raises `NeverCurrent` if they will not."""
        return await self._with_session(lambda session: readiness.index_current(session.engine))

    async def pin(
        self,
        query: str,
        path: str = "",
        *,
        line: int | None = None,
        text: str = "",
        k: int | None = None,
        filters: Filters = NO_FILTERS,
    ) -> PinRun:
        """Pin the query to the note it should find, and run all pins."""
        target = Target(path=path, line=line, text=text)
        request = AddPinRequest(text=query, target=target, k=k, filters=filters)
        return await self._ask(lambda engine: engine.ask(request))

    async def _ask(self, ask: Callable[[Engine], Awaitable[T]]) -> T:
        """Ask once the encoder is loaded, so that every ranking counts."""

        async def loaded(session: Session) -> T:
            await _loaded(session)
            return await ask(session.engine)

        return await self._with_session(loaded)

    async def _with_session(self, ask: Callable[[Session], Awaitable[T]]) -> T:
        """What `ask` returns; if the engine dies meanwhile, it is asked once more."""
        session = await self._connected()
        try:
            return await ask(session)
        except EngineHangs:
            raise
        except EngineUnavailable:
            await self._leave(session)
        return await ask(await self._connected())

    async def _connected(self) -> Session:
        async with self._connecting:
            if self._connection is not None and self._connection.is_lost:
                await self.close()
            if self._connection is None:
                settings.load(paths.config_file())
                engine: Engine = await discovery.connect(self.folder, start=self._start)
                if self._profile is not None:
                    engine = ProfiledEngine(engine, self._profile)
                self._connection = Session(engine)
            return self._connection

    async def _leave(self, session: Session) -> None:
        async with self._connecting:
            if self._connection is session:
                await self.close()


async def _loaded(session: Session) -> EngineState:
    """The state once the encoder is loaded, will not be, or takes too long."""
    try:
        async with asyncio.timeout(readiness.LOADING_SECONDS):
            return await session.state(readiness.has_encoder)
    except TimeoutError:
        return await session.state()


def _folder(folder: str | os.PathLike[str] | None, collection: str, store: str) -> Path:
    """The folder, or what stands for the collection or the store; exactly one of them is given."""
    if (folder is not None) + bool(collection) + bool(store) != 1:
        raise ValueError("give a folder, a collection or a store")
    if collection:
        return open_collection(collection, settings.load(paths.config_file()))
    if store:
        return opened(parse_address(store))
    return Path(folder or "").expanduser().absolute()
