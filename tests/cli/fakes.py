"""An engine that answers as it is told, for what the command line makes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from membrowse.engine.client import EngineRefused
from membrowse.engine.inspections import Inspection
from membrowse.engine.protocol import (
    ChunkRequest,
    ChunkView,
    EncoderState,
    EngineInfo,
    FileRecord,
    Hello,
    PageRequest,
    Pending,
    Problem,
    RecallRequest,
    ReindexRequest,
    State,
    Status,
    TokenVectors,
    Watcher,
    WatchRequest,
)
from membrowse.recall import RANKINGS, Hit, Query, Ranking, RankingState, Recall, Term

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


def recall(text: str = "deploy", hits: int = 2, **changes: object) -> Recall:
    found = tuple(hit(rank) for rank in range(1, hits + 1))
    values: dict[str, object] = {
        "recall": f"of {text}",
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
    return Recall(**(values | changes))  # type: ignore[arg-type]


def state(**changes: object) -> State:
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
    return State(**(values | changes))  # type: ignore[arg-type]


def status(**changes: object) -> Status:
    values: dict[str, object] = {
        "state": state(),
        "engine": INFO,
        "index_dir": "/index",
        "sizes": {"manifest": 1_500_000, "keyword": 900},
        "notes_by_state": {"indexed": 131, "skipped": 4},
        "token_vectors": TokenVectors(chunks=992, bytes=85_000_000, budget_bytes=2_147_483_648),
        "recipe": {"chunker": "1", "analyser": "1", "encoder": "e"},
        "settings_digest": "abc",
    }
    return Status(**(values | changes))  # type: ignore[arg-type]


@dataclass
class FakeEngine:
    """Answers with `answer(request)` after `delay(request)` seconds; `told` are its states."""

    answer: Callable[[RecallRequest], Recall] = lambda request: recall(request.text)
    delay: Callable[[RecallRequest], float] = lambda _: 0.0
    told: list[State] = field(default_factory=lambda: [state()])
    records: list[FileRecord] = field(default_factory=list)
    may_reindex: bool = True
    requests: list[RecallRequest] = field(default_factory=list)
    answers: dict[type, Any] = field(default_factory=dict)
    """By kind of inspection: the answer, or a function of the request that gives it."""
    reindexed: list[ReindexRequest] = field(default_factory=list)
    closed: bool = False

    async def hello(self) -> Hello:
        return Hello(protocol=1, folder="/notes", rights=(), engine=INFO)

    async def recall(self, request: RecallRequest) -> AsyncIterator[Recall]:
        self.requests.append(request)
        await asyncio.sleep(self.delay(request))
        yield self.answer(request)

    async def states(self) -> AsyncIterator[State]:
        for one in self.told:
            yield one

    async def reindex(self, request: ReindexRequest) -> State:
        if not self.may_reindex:
            raise EngineRefused(Problem(message="this needs the right to reindex"), 403)
        self.reindexed.append(request)
        return self.told[0]

    async def files(self) -> list[FileRecord]:
        return self.records

    async def status(self) -> Status:
        return status(state=self.told[-1])

    async def close(self) -> None:
        self.closed = True

    async def page(self, request: PageRequest) -> Ranking:
        raise AssertionError(request)

    async def chunk(self, request: ChunkRequest) -> ChunkView:
        raise AssertionError(request)

    async def inspect(self, request: Inspection[T]) -> T:
        answer = self.answers[type(request)]
        reply: T = answer(request) if callable(answer) else answer
        return reply

    async def set_watching(self, request: WatchRequest) -> State:
        raise AssertionError(request)

    async def stop(self) -> State:
        return self.told[-1]
