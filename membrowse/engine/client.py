"""A client's side of the protocol: the only way to an index for the browser and the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from membrowse.engine.protocol import (
    ChunkRequest,
    ChunkView,
    FileRecord,
    Hello,
    PageRequest,
    Problem,
    RecallRequest,
    ReindexRequest,
    State,
    Status,
    WatchRequest,
)
from membrowse.recall import Ranking, Recall


class EngineUnavailable(Exception):
    """No engine answers, and why; the message says what to do."""


class EngineRefused(Exception):
    """The engine answered that it will not or cannot; `problem` says why."""

    def __init__(self, problem: Problem, status: int) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.status = status


class Engine(Protocol):
    """What a client can ask of the engine that owns an index.

    Every method raises `EngineUnavailable` when the engine is gone and `EngineRefused` when it
    answers with a problem.
    """

    async def hello(self) -> Hello: ...

    def recall(self, request: RecallRequest) -> AsyncIterator[Recall]:
        """One complete recall, or with `progressive` several, each more complete."""
        ...

    async def page(self, request: PageRequest) -> Ranking: ...

    async def chunk(self, request: ChunkRequest) -> ChunkView: ...

    async def files(self) -> list[FileRecord]: ...

    async def status(self) -> Status: ...

    def states(self) -> AsyncIterator[State]:
        """The state now, then again whenever it changes, until the engine ends."""
        ...

    async def reindex(self, request: ReindexRequest) -> State: ...

    async def set_watching(self, request: WatchRequest) -> State: ...

    async def stop(self) -> State: ...

    async def close(self) -> None: ...
