"""An engine that answers as it is told, for what the command line makes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from membrowse.client.engine import EngineRefused
from membrowse.wire.engine import (
    EncoderState,
    EngineInfo,
    EngineState,
    Hello,
    HelloRequest,
    Pending,
    RebuildRequest,
    ReindexRequest,
    Status,
    StatusRequest,
    TokenStorage,
    Watcher,
)
from membrowse.wire.notes import FileRecord, FilesRequest
from membrowse.wire.request import Problem, Request, StreamRequest
from membrowse.wire.search import (
    RANKINGS,
    Hit,
    Query,
    Ranking,
    RankingState,
    SearchRequest,
    SearchResponse,
    Term,
)

T = TypeVar("T")

CHECKED = Watcher(kind="inotify", last_check="2026-11-22T15:04:05Z")
LOADED = EncoderState(state=RankingState.READY, name="all-MiniLM-L6-v2", precision="float32")
INFO = EngineInfo(pid=4321, user="ada", since="2026-11-22T15:00:00Z", version="0.1.0")


def hit(rank: int = 1, **changes: object) -> Hit:
    values: dict[str, object] = {
        "rank": rank,
        "chunk": f"c{rank}",
        "path": f"runbooks/deploy-{rank}.md",
        "title": "Deploy",
        "heading": "A › B",
        "start_line": 3,
        "end_line": 18,
        "start_offset": 40,
        "end_offset": 910,
        "date": "2026-03-02",
        "indexed_at": "2026-11-22T15:00:00Z",
        "ranks": {"keyword": rank, "vector": 4, "fused": 2, "reranked": None},
        "scores": {"keyword": 12.3, "vector": 0.5, "fused": 0.7, "reranked": None},
        "score": 12.3 / rank,
        "snippet": "the deploy script",
        "marks": ((4, 10),),
    }
    return Hit(**(values | changes))  # type: ignore[arg-type]


def ranking(hits: tuple[Hit, ...] = (), **changes: object) -> Ranking:
    values: dict[str, object] = {
        "state": RankingState.READY,
        "took_ms": 3.1,
        "total": len(hits),
        "hits": hits,
    }
    return Ranking(**(values | changes))  # type: ignore[arg-type]


def recall(text: str = "deploy", hits: int = 2, **changes: object) -> SearchResponse:
    found = tuple(hit(rank) for rank in range(1, hits + 1))
    values: dict[str, object] = {
        "id": f"of {text}",
        "asked_at": "2026-11-22T15:04:05Z",
        "client": "cli",
        "query": Query(
            text=text,
            syntax="literal",
            terms=(Term(term="deploy", df=12),),
            dropped=("how",),
            pieces=8,
        ),
        "folder": "/notes",
        "generation": 12,
        "notes": 131,
        "chunks": 992,
        "pending": 0,
        "settings_digest": "abc",
        "rankings": {name: ranking(found) for name in RANKINGS},
    }
    return SearchResponse(**(values | changes))  # type: ignore[arg-type]


def state(**changes: object) -> EngineState:
    values: dict[str, object] = {
        "folder": "/notes",
        "generation": 12,
        "notes": 131,
        "chunks": 992,
        "encoded": 992,
        "not_indexed": 4,
        "pending": Pending(),
        "watcher": CHECKED,
        "encoder": LOADED,
    }
    return EngineState(**(values | changes))  # type: ignore[arg-type]


def status(**changes: object) -> Status:
    values: dict[str, object] = {
        "state": state(),
        "engine": INFO,
        "index_dir": "/index",
        "sizes": {"manifest": 1_500_000, "keyword": 900},
        "notes_by_state": {"indexed": 131, "skipped": 4},
        "token_vectors": TokenStorage(chunks=992, bytes=85_000_000, budget_bytes=2_147_483_648),
        "recipe": {"chunker": "1", "analyser": "1", "encoder": "e"},
        "settings_digest": "abc",
    }
    return Status(**(values | changes))  # type: ignore[arg-type]


@dataclass
class FakeEngine:
    """Answers with `answer(request)` after `delay(request)` seconds; `told` are its states."""

    answer: Callable[[SearchRequest], SearchResponse] = lambda request: recall(request.text)
    delay: Callable[[SearchRequest], float] = lambda _: 0.0
    told: list[EngineState] = field(default_factory=lambda: [state()])
    records: list[FileRecord] = field(default_factory=list)
    may_reindex: bool = True
    requests: list[SearchRequest] = field(default_factory=list)
    answers: dict[type, Any] = field(default_factory=dict)
    """By kind of inspection: the answer, or a function of the request that gives it."""
    reindexed: list[ReindexRequest | RebuildRequest] = field(default_factory=list)
    closed: bool = False

    async def ask(self, request: Request[T]) -> T:
        own: dict[type, Any] = {
            HelloRequest: lambda _: Hello(protocol=1, folder="/notes", rights=(), engine=INFO),
            FilesRequest: lambda _: self.records,
            StatusRequest: lambda _: status(state=self.told[-1]),
            ReindexRequest: self._reindex,
            RebuildRequest: self._reindex,
        }
        answer = own[type(request)] if type(request) in own else self.answers[type(request)]
        reply: T = answer(request) if callable(answer) else answer
        return reply

    async def stream(self, request: StreamRequest[T]) -> AsyncGenerator[T, None]:
        replies: list[Any] = self.told
        if isinstance(request, SearchRequest):
            self.requests.append(request)
            await asyncio.sleep(self.delay(request))
            replies = [self.answer(request)]
        for reply in replies:
            yield reply

    def _reindex(self, request: ReindexRequest | RebuildRequest) -> EngineState:
        if not self.may_reindex:
            raise EngineRefused(Problem(message="this needs the right to reindex"), 403)
        self.reindexed.append(request)
        return self.told[0]

    async def close(self) -> None:
        self.closed = True
