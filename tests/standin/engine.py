"""A stand-in for the engine, behind the clients' `Engine`: no process, socket, thread or model.

A request is answered by a recorded reply if the test gives one, else by the engine's own handler
over real components with a stub encoder; these are opened when first needed. Handlers run on the
event loop, a few milliseconds each: Textual's pilot waits until the whole process is idle.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.settings import Settings, SettingsError
from membrowse.wire.backup import BackupPart, BackupRequest
from membrowse.wire.engine import (
    PROTOCOL,
    EngineState,
    Hello,
    HelloRequest,
    Metrics,
    MetricsRequest,
    RebuildRequest,
    ReindexRequest,
    Right,
    StopRequest,
)
from membrowse.wire.health import EngineHealth, HealthRequest
from membrowse.wire.pins import PinRun
from membrowse.wire.recalls import FollowRecallsRequest, NewRecalls, ReplayProgress, ReplayRequest
from membrowse.wire.request import Problem, Request, StreamRequest
from membrowse.wire.requests import ENDPOINTS, AnyRequest
from membrowse.wire.search import SearchRequest, SearchResponse
from tests.standin.corpus import corpus
from tests.standin.replies import FOLDER, INFO, LAST_CHANGE

if TYPE_CHECKING:
    from membrowse.engine.components import Components
    from membrowse.notes.chunk import Chunk

T = TypeVar("T")
R = TypeVar("R", bound=AnyRequest)
replace = msgspec.structs.replace

_INDEXING = {"pending", "reading"}
"""Parts of the state that search responses depend on."""


@dataclass(eq=False)
class StandIn:
    """Implements `membrowse.client.engine.Engine`."""

    files: Mapping[str, str] = field(default_factory=corpus, repr=False)
    """What the folder holds: text by path."""
    others: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What lies beside these and is no note, such as the pins."""
    settings: Settings = Settings()
    rights: tuple[Right, ...] = (Right.READ, Right.REINDEX)
    replies: dict[type[AnyRequest], Any] = field(default_factory=dict)
    """By type of request: the reply (of a stream, a list), or a function of the request that makes
    it, maybe async."""
    amend: dict[type[AnyRequest], Callable[[Any], Any]] = field(default_factory=dict)
    """By type of request: a function that makes the final reply of each reply, maybe async."""
    gone: bool = False
    closed: bool = False

    def __post_init__(self) -> None:
        self._requests: list[AnyRequest] = []
        self._changes: dict[str, object] = {}
        self._changed = asyncio.Event()

    # For tests

    def requests(self, *kinds: type[R]) -> list[R]:
        """The requests of these types so far, without those that lacked a right."""
        return [request for request in self._requests if isinstance(request, kinds)]

    @property
    def asked(self) -> list[SearchRequest]:
        """The searches so far."""
        return self.requests(SearchRequest)

    @property
    def reindexed(self) -> list[ReindexRequest | RebuildRequest]:
        """The requests that index something."""
        return [r for r in self._requests if isinstance(r, ReindexRequest | RebuildRequest)]

    def change(self, **changes: object) -> None:
        """Change fields of the state and notify its listeners."""
        self._changes |= changes
        self._changed.set()

    def edit(self, path: str, text: str) -> None:
        """Save a note and index it."""
        from membrowse.engine.indexing.events import FilesTouched
        from tests.standin.components import handle, write

        write(self.components.folder / path, text)
        handle(self.components, FilesTouched(frozenset({path})))

    @property
    def state(self) -> EngineState:
        """The components' state as if the folder were watched, with the changes of `change`."""
        from membrowse.engine.state import open_state

        real = open_state(self.components)
        shown = {
            "folder": str(FOLDER),
            "watcher": replace(real.watcher, kind="inotify", alive=True),
            "last_change": real.last_change or LAST_CHANGE,
        }
        return replace(real, **shown | self._changes)

    @property
    def chunks(self) -> Sequence[Chunk]:
        """All indexed chunks."""
        return self.components.index.generation.chunks

    def chunk(self, path: str, position: int = 0) -> str:
        """The id of a note's chunk."""
        return next(c.id for c in self.chunks if (c.path, c.position) == (path, position))

    @cached_property
    def components(self) -> Components:
        """The engine's components."""
        from tests.standin.components import open_components

        return open_components(self.files, self.others, self.settings, self._changed.set)

    def real(self, request: Request[T]) -> T:
        """The engine's own reply."""
        return cast(T, self._shown(self._handled(request)))

    # The protocol

    async def ask(self, request: Request[T]) -> T:
        kind = self._admitted(request)
        reply = await _result(self.replies.get(kind, self.real), request)
        return cast(T, await self._amended(kind, reply))

    async def stream(self, request: StreamRequest[T]) -> AsyncGenerator[T, None]:
        kind = self._admitted(request)
        replies = await _result(self.replies.get(kind, self._real_stream), request)
        async for reply in replies if hasattr(replies, "__aiter__") else _each(replies):
            yield await self._amended(kind, reply)

    async def close(self) -> None:
        self.closed = True

    def _admitted(self, request: AnyRequest) -> type[AnyRequest]:
        msgspec.json.encode(request)  # fails for what cannot cross the socket
        if self.gone:
            raise EngineUnavailable("the engine is gone")
        right = ENDPOINTS[type(request)].right
        if right not in (Right.READ, *self.rights):
            raise _refusal(f"permission denied: this needs the right to {right}", 403)
        self._requests.append(request)
        return type(request)

    async def _amended(self, kind: type[AnyRequest], reply: object) -> Any:
        return await _result(self.amend[kind], reply) if kind in self.amend else reply

    def _real_stream(self, request: StreamRequest[Any]) -> AsyncIterator[object]:
        if isinstance(request, BackupRequest):
            return _each(BackupPart(data=b"archive", total=7))
        if isinstance(request, FollowRecallsRequest):
            return self._new_recalls(request)
        if isinstance(request, ReplayRequest):
            return self._replay(request)
        return self._search(request) if isinstance(request, SearchRequest) else self._states()

    async def _new_recalls(self, request: FollowRecallsRequest) -> AsyncIterator[NewRecalls]:
        from membrowse.engine.handlers.recalls import summary_of

        async for batch in self.components.recalls.feed.follow():
            new = [recall for recall in batch if request.agent in ("", recall.agent)]
            yield NewRecalls(recalls=tuple(map(summary_of, new)))

    async def _states(self) -> AsyncIterator[EngineState]:
        while not self.gone:
            state = self.state
            self._changed.clear()
            yield state
            await self._changed.wait()

    async def _search(self, request: SearchRequest) -> AsyncIterator[SearchResponse]:
        from membrowse.ranking.query_parser import InvalidFilter
        from tests.standin.components import frozen_time

        indexing: dict[str, Any] = {
            name: self._changes[name] for name in _INDEXING & self._changes.keys()
        }
        indexer = self.components.indexer
        indexer.state = dataclasses.replace(indexer.state, **indexing)
        try:
            with frozen_time():
                stages = self.components.searcher.stages(request)
        except InvalidFilter as error:
            raise _refusal(str(error), 400) from error
        for stage in stages:
            await asyncio.sleep(0)
            with frozen_time():
                response = stage()
            if response is not None:
                yield response

    async def _replay(self, request: ReplayRequest) -> AsyncIterator[ReplayProgress]:
        from membrowse.engine.errors import Unknown
        from membrowse.engine.recalls.replay import replay

        try:
            for progress in replay(self.components, request, lambda: None):
                yield progress
        except Unknown as error:
            raise _refusal(str(error), 404) from error

    def _handled(self, request: Request[Any]) -> object:
        if isinstance(request, HelloRequest):
            return Hello(protocol=PROTOCOL, folder=str(FOLDER), rights=self.rights, engine=INFO)
        if isinstance(request, HealthRequest):
            return EngineHealth(ready=True)
        if isinstance(request, MetricsRequest):
            return Metrics(text="# EOF\n")
        if isinstance(request, StopRequest):
            self.change(stopping=True)
            return self.state
        from membrowse.engine.errors import Impossible, Unknown
        from membrowse.engine.handlers import long, quick
        from tests.standin.components import frozen_time, handle

        try:
            with frozen_time():
                reply = (quick.HANDLERS | long.HANDLERS)[type(request)](
                    self.components, request, lambda: None
                )
        except (SettingsError, Unknown, Impossible) as error:
            statuses = {SettingsError: 400, Unknown: 404, Impossible: 409}
            raise _refusal(str(error), statuses[type(error)]) from error
        handle(self.components)
        return reply

    def _shown(self, reply: object) -> object:
        """`reply` as of the folder that clients see."""
        if isinstance(reply, EngineState):
            return self.state
        if isinstance(reply, PinRun):
            return replace(reply, file=str(FOLDER / self.settings.pins.file))
        return reply


async def _result(made: Any, argument: object) -> Any:
    """`made`, or what the function `made` returns."""
    result = made(argument) if callable(made) else made
    return await result if isawaitable(result) else result


async def _each(replies: Any) -> AsyncIterator[object]:
    for reply in replies if isinstance(replies, list) else [replies]:
        yield reply


def _refusal(message: str, status: int) -> EngineRefused:
    return EngineRefused(Problem(message=message), status)
