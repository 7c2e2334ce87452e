"""A client's side of the protocol: the only way to an index for the browser and the command line.

httpx costs a fifth of a second to import, so it is imported when the first request is made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from membrowse.engine.inspections import INSPECTIONS, Inspection
from membrowse.engine.protocol import (
    CheckReport,
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

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_BASE = "http://membrowse"
_CONNECT_SECONDS = 2.0
_DATA = b"data: "


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

    async def inspect(self, request: Inspection[T]) -> T:
        """The record that answers `request`; cancelling the call cancels the work."""
        ...

    async def stop(self) -> State: ...

    async def close(self) -> None: ...


class EngineClient:
    """`Engine` over the Unix socket at `socket`."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._http: httpx.AsyncClient | None = None

    async def hello(self) -> Hello:
        return await self._ask("GET", "/hello", Hello)

    async def recall(self, request: RecallRequest) -> AsyncIterator[Recall]:
        async with self._stream("POST", "/recall", request) as lines:
            async for line in lines:
                yield msgspec.json.decode(line, type=Recall)

    async def page(self, request: PageRequest) -> Ranking:
        return await self._ask("POST", "/page", Ranking, request)

    async def chunk(self, request: ChunkRequest) -> ChunkView:
        return await self._ask("POST", "/chunk", ChunkView, request)

    async def files(self) -> list[FileRecord]:
        return await self._ask("GET", "/files", list[FileRecord])

    async def status(self) -> Status:
        return await self._ask("GET", "/status", Status)

    async def states(self) -> AsyncIterator[State]:
        async with self._stream("GET", "/events", None) as lines:
            async for line in lines:
                if line.startswith(_DATA):
                    yield msgspec.json.decode(line[len(_DATA) :], type=State)

    async def reindex(self, request: ReindexRequest) -> State:
        return await self._ask("POST", "/reindex", State, request)

    async def set_watching(self, request: WatchRequest) -> State:
        return await self._ask("POST", "/watching", State, request)

    async def inspect(self, request: Inspection[T]) -> T:
        route = INSPECTIONS[type(request)]
        async with self._response("POST", route.path, request) as response:
            reply: T = msgspec.json.decode(await response.aread(), type=route.reply)
            return reply

    async def stop(self) -> State:
        return await self._ask("POST", "/stop", State)

    async def check(self) -> CheckReport:
        """The stores of the index against each other."""
        return await self._ask("GET", "/check", CheckReport)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            import httpx

            self._http = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(uds=str(self._socket)),
                base_url=_BASE,
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
                trust_env=False,
            )
        return self._http

    async def _ask(self, method: str, path: str, reply: type[T], body: object = None) -> T:
        async with self._response(method, path, body) as response:
            return msgspec.json.decode(await response.aread(), type=reply)

    @asynccontextmanager
    async def _stream(
        self, method: str, path: str, body: object
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self._response(method, path, body) as response:
            yield _lines(response)

    @asynccontextmanager
    async def _response(
        self, method: str, path: str, body: object
    ) -> AsyncIterator[httpx.Response]:
        """The open response to a request; failures become our two exceptions."""
        import httpx

        content = None if body is None else msgspec.json.encode(body)
        try:
            async with self._client().stream(method, path, content=content) as response:
                if response.is_error:
                    raise EngineRefused(_problem(await response.aread()), response.status_code)
                yield response
        except (httpx.TransportError, OSError) as error:
            raise EngineUnavailable(f"the engine at {self._socket} is gone: {error}") from error


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """The lines of a response's body, as they arrive, without their line feeds."""
    rest = b""
    async for piece in response.aiter_raw():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line:
                yield line
    if rest:
        yield rest


def _problem(body: bytes) -> Problem:
    try:
        return msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        return Problem(message=body.decode(errors="replace")[:500], kind="unknown")
