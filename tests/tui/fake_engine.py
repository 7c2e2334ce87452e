"""An engine without index, model or socket: deterministic rankings over a small corpus."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, TypeVar

import msgspec

from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.notes.chunk import Chunk
from membrowse.wire.engine import (
    EngineInfo,
    EngineState,
    Hello,
    HelloRequest,
    RebuildRequest,
    ReindexRequest,
    Right,
    Status,
    StatusRequest,
    StopRequest,
    TokenStorage,
    WatchRequest,
)
from membrowse.wire.notes import (
    ChunkRequest,
    ChunkView,
    FileRecord,
    FilesRequest,
    Freshness,
    NoteState,
)
from membrowse.wire.request import Problem, Request, StreamRequest
from membrowse.wire.search import (
    FUSED,
    KEYWORD,
    RANKINGS,
    RERANKED,
    VECTOR,
    Approximate,
    Hit,
    PageRequest,
    Query,
    Ranking,
    RankingState,
    SearchRequest,
    SearchResponse,
    Term,
)
from tests.tui import compared, diagnosed, inspected, tuned
from tests.tui.corpus import NOTES, OTHER_FILES, STATE, chunks_of, routine
from tests.tui.fake_text import STOP, bag, cosine, ranked, scaled, share, words
from tests.tui.fake_text import vector as vector_of

POOL = 20

T = TypeVar("T")


@dataclass
class FakeEngine:
    """Implements `engine.client.Engine`. Tests change its fields and call `changed()`."""

    notes: dict[str, tuple[str, str, str]] = field(default_factory=lambda: {**NOTES, **routine(40)})
    rights: tuple[Right, ...] = (Right.READ, Right.REINDEX)
    overrides: dict[str, Ranking] = field(default_factory=dict)
    """Rankings to answer instead of one's own, or beside them."""
    query_changes: dict[str, object] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before each part of a progressive recall."""
    gate: asyncio.Event | None = None
    """Recalls wait for it before their last part."""
    gone: bool = False
    asked: list[SearchRequest] = field(default_factory=list)
    pages: list[PageRequest] = field(default_factory=list)
    reindexed: list[ReindexRequest | RebuildRequest] = field(default_factory=list)
    successors: dict[str, str] = field(default_factory=dict)
    files_extra: list[FileRecord] = field(default_factory=list)
    answers: dict[type, Any] = field(default_factory=dict)
    """By kind of inspection: the answer, or a function (maybe async) of the request."""
    pool: int = POOL

    def __post_init__(self) -> None:
        self.chunks: list[Chunk] = []
        self._evaluations: dict[str, dict[str, list[tuple[int, float]]]] = {}
        self._changed = asyncio.Event()
        self.rebuild_chunks()
        fakes = (inspected, compared, diagnosed, tuned)
        self.answers = {
            k: v for fake in fakes for k, v in fake.answers(self).items()
        } | self.answers
        held = {"notes": len(self.notes), "chunks": len(self.chunks), "encoded": len(self.chunks)}
        self.state = msgspec.structs.replace(STATE, **held)

    def rebuild_chunks(self) -> None:
        """Cut the notes again."""
        self._scored: dict[str, dict[str, list[tuple[int, float]]]] = {}
        self.chunks = [
            chunk for path in sorted(self.notes) for chunk in chunks_of(path, *self.notes[path])
        ]

    def change(self, **changes: object) -> None:
        """Change the state and tell those who listen."""
        self.state = msgspec.structs.replace(self.state, **changes)
        self._changed.set()

    def edit(self, path: str, text: str) -> None:
        """A note is saved and indexed: a new generation."""
        title, date, _ = self.notes[path]
        self.notes[path] = (title, date, text)
        self.rebuild_chunks()
        self.change(generation=self.state.generation + 1, chunks=len(self.chunks))

    def _alive(self) -> None:
        if self.gone:
            raise EngineUnavailable("the engine is gone")

    async def hello(self) -> Hello:
        self._alive()
        info = EngineInfo(pid=1, user="me", since="2026-07-20T08:00:00Z", version="0.1.0")
        return Hello(protocol=1, folder=self.state.folder, rights=self.rights, engine=info)

    async def states(self) -> AsyncIterator[EngineState]:
        while not self.gone:
            self._changed.clear()
            yield self.state
            await self._changed.wait()

    # Recalls

    async def recall(self, request: SearchRequest) -> AsyncIterator[SearchResponse]:
        self._alive()
        self.asked.append(request)
        name = f"r{len(self.asked)}"
        scores = self.scores(request.text)
        self._evaluations[name] = scores
        steps = [(KEYWORD,), (KEYWORD, VECTOR), (KEYWORD, VECTOR, FUSED, RERANKED)]
        for number, names in enumerate(steps if request.progressive else steps[-1:]):
            last = number == len(steps) - 1 or not request.progressive
            if last and self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(self.delay)
            self._alive()
            yield self._recall(name, request, names, complete=last)

    def recall_by(
        self, request: SearchRequest, scores: dict[str, list[tuple[int, float]]]
    ) -> SearchResponse:
        """All rankings by these scores."""
        name = f"t{len(self._evaluations)}"
        self._evaluations[name] = scores
        return self._recall(name, request, RANKINGS, complete=True)

    def _recall(
        self, name: str, request: SearchRequest, names: tuple[str, ...], *, complete: bool
    ) -> SearchResponse:
        scores = self._evaluations[name]
        known = {ranking: scores[ranking] for ranking in names}
        rankings = {
            ranking: self.overrides.get(ranking) or self._ranking(known, ranking, 0, request.limit)
            for ranking in names
        }
        if complete:
            extra = {n: r for n, r in self.overrides.items() if n not in rankings}
            rankings |= extra
        state = self.state
        return SearchResponse(
            id=name,
            asked_at="2026-07-20T10:05:00Z",
            client=request.client,
            query=self._query(request),
            folder=state.folder,
            generation=state.generation,
            notes=state.notes,
            chunks=len(self.chunks),
            pending=state.pending.total,
            settings_digest="0" * 12,
            rankings=rankings,
            complete=complete,
            tracked=self._tracked(known, request.track),
            number=request.number,
            target=diagnosed.expected(self, request.target, known),
        )

    def _query(self, request: SearchRequest) -> Query:
        found = list(dict.fromkeys(words(request.text)))
        terms = [word for word in found if word not in STOP]
        holders = {
            term: sum(term in bag(f"{c.title} {c.heading} {c.text}") for c in self.chunks)
            for term in terms
        }
        query = Query(
            text=request.text,
            syntax=request.syntax,
            terms=tuple(Term(term=term, df=holders[term]) for term in terms),
            dropped=tuple(word for word in found if word in STOP),
            encoded=request.text,
            pieces=len(found) + 1,
            unknown=0.0,
        )
        return msgspec.structs.replace(query, **self.query_changes)

    def scores(self, text: str) -> dict[str, list[tuple[int, float]]]:
        """By ranking: (row, score), best first."""
        if text not in self._scored:
            self._scored[text] = self._score(text)
        return self._scored[text]

    def _score(self, text: str) -> dict[str, list[tuple[int, float]]]:
        terms = [word for word in words(text) if word not in STOP]
        count = len(self.chunks)
        bags = [bag(f"{c.title} {c.heading} {c.text}") for c in self.chunks]
        df = {term: sum(term in bag for bag in bags) for term in terms}
        idf = {term: math.log(1 + (count - n + 0.5) / (n + 0.5)) for term, n in df.items()}
        keyword = [
            sum(idf[t] * bag[t] * 2.2 / (bag[t] + 0.6 + 0.01 * bag.total()) for t in set(terms))
            for bag in bags
        ]
        query = vector_of(text)
        vector = [cosine(query, vector_of(f"{c.header} {c.text}")) for c in self.chunks]
        fused = [(k + v) / 2 for k, v in zip(scaled(keyword), scaled(vector), strict=True)]
        order = sorted(range(count), key=lambda row: (-fused[row], row))
        again = {
            row: 0.6 * share(terms, bags[row]) + 0.4 * fused[row] for row in order[: self.pool]
        }
        reranked = sorted(again.items(), key=lambda item: (-item[1], item[0]))
        reranked += [(row, fused[row] * 0.3) for row in order[self.pool :]]
        return {
            KEYWORD: ranked([(row, score) for row, score in enumerate(keyword) if score > 0]),
            VECTOR: ranked(list(enumerate(vector))),
            FUSED: ranked(list(enumerate(fused))),
            RERANKED: reranked,
        }

    def _ranking(
        self, scores: Mapping[str, list[tuple[int, float]]], name: str, offset: int, limit: int
    ) -> Ranking:
        places = {n: {row: at for at, (row, _) in enumerate(s)} for n, s in scores.items()}
        hits = tuple(
            self._hit(scores, places, name, row) for row, _ in scores[name][offset : offset + limit]
        )
        pool = min(self.pool, len(self.chunks)) if name == RERANKED else None
        approximate = Approximate(asked=10, missed=(), took_ms=1.0) if name == VECTOR else None
        return Ranking(
            state=RankingState.READY,
            took_ms={KEYWORD: 3.1, VECTOR: 14.2, FUSED: 0.4, RERANKED: 8.8}[name],
            total=len(scores[name]),
            hits=hits,
            pool=pool,
            cached=pool,
            approximate=approximate,
        )

    def _hit(
        self,
        scores: Mapping[str, list[tuple[int, float]]],
        places: Mapping[str, Mapping[int, int]],
        name: str,
        row: int,
    ) -> Hit:
        chunk = self.chunks[row]
        at = {n: place.get(row) for n, place in places.items()}
        ranks = {n: None if place is None else place + 1 for n, place in at.items()}
        values = {n: None if p is None else scores[n][p][1] for n, p in at.items()}
        return Hit(
            rank=ranks[name] or 0,
            chunk=chunk.id,
            path=chunk.path,
            title=chunk.title,
            heading=chunk.heading,
            start_line=chunk.start_line,
            end_line=chunk.end_line,
            start_offset=chunk.start_offset,
            end_offset=chunk.end_offset,
            date=chunk.date,
            indexed_at="2026-07-20T10:00:00Z",
            ranks=ranks,
            scores=values,
            score=values[name] or 0.0,
            snippet=chunk.text[:120],
        )

    def hit(self, scores: Mapping[str, list[tuple[int, float]]], name: str, row: int) -> Hit:
        """The chunk of `row` at its rank in a ranking."""
        places = {n: {row: at for at, (row, _) in enumerate(s)} for n, s in scores.items()}
        return self._hit(scores, places, name, row)

    def _tracked(
        self, scores: Mapping[str, list[tuple[int, float]]], wanted: tuple[str, ...]
    ) -> dict[str, Hit]:
        places = {n: {row: at for at, (row, _) in enumerate(s)} for n, s in scores.items()}
        rows = {chunk.id: row for row, chunk in enumerate(self.chunks)}
        last = list(scores)[-1]
        found = {}
        for chunk in wanted:
            row = rows.get(self.successors.get(chunk, chunk))
            if row is not None and row in places[last]:
                found[chunk] = self._hit(scores, places, last, row)
        return found

    async def page(self, request: PageRequest) -> Ranking:
        self._alive()
        self.pages.append(request)
        scores = self._evaluations.get(request.response)
        if scores is None:
            raise EngineRefused(Problem(message="that response is forgotten"), 404)
        return self._ranking(scores, request.ranking, request.offset, request.limit)

    async def chunk(self, request: ChunkRequest) -> ChunkView:
        self._alive()
        ident = self.successors.get(request.chunk, request.chunk)
        chunk = next((c for c in self.chunks if c.id == ident), None)
        if chunk is None:
            raise EngineRefused(Problem(message="no such chunk"), 404)
        title, date, text = self.notes[chunk.path]
        lines = text.split("\n")
        first = max(0, chunk.start_line - 1 - 20)
        shown = lines[first : chunk.end_line + 20]
        wanted = [word for word in words(request.text) if word not in STOP]
        pattern = re.compile("|".join(map(re.escape, wanted)) or r"(?!)", re.IGNORECASE)
        return ChunkView(
            chunk=chunk.id,
            path=chunk.path,
            title=title,
            heading=chunk.heading,
            header=chunk.header,
            position=chunk.position,
            count=sum(c.path == chunk.path for c in self.chunks),
            start_line=chunk.start_line,
            end_line=chunk.end_line,
            date=date,
            date_source="front matter",
            indexed_at="2026-07-20T10:00:00Z",
            freshness=Freshness.CURRENT,
            first_line=first + 1,
            lines=tuple(shown),
            marks=tuple(
                (number, match.start(), match.end())
                for number, line in enumerate(shown, first + 1)
                for match in pattern.finditer(line)
            ),
        )

    # Files and commands

    async def files(self) -> list[FileRecord]:
        self._alive()
        indexed = [
            FileRecord(
                path=path,
                state=NoteState.INDEXED,
                chunks=sum(c.path == path for c in self.chunks),
                size=len(text.encode("utf-8", "replace")),
                modified_at="2026-07-19T09:12:00Z",
                indexed_at="2026-07-20T10:00:00Z",
            )
            for path, (_, _, text) in self.notes.items()
        ]
        return [*indexed, *OTHER_FILES, *self.files_extra]

    async def status(self) -> Status:
        hello = await self.hello()
        return Status(
            state=self.state,
            engine=hello.engine,
            index_dir="/tmp/index",  # noqa: S108
            sizes={},
            notes_by_state={},
            token_vectors=TokenStorage(chunks=0, bytes=0, budget_bytes=0),
            recipe={},
            settings_digest="0" * 12,
        )

    async def reindex(self, request: ReindexRequest | RebuildRequest) -> EngineState:
        self._alive()
        self.reindexed.append(request)
        return self.state

    async def ask(self, request: Request[T]) -> T:
        own: dict[type, Any] = {
            HelloRequest: lambda _: self.hello(),
            PageRequest: self.page,
            ChunkRequest: self.chunk,
            FilesRequest: lambda _: self.files(),
            StatusRequest: lambda _: self.status(),
            ReindexRequest: self.reindex,
            RebuildRequest: self.reindex,
            WatchRequest: self.set_watching,
            StopRequest: lambda _: self.stop(),
        }
        answer = own[type(request)] if type(request) in own else self.answers[type(request)]
        reply = answer(request) if callable(answer) else answer
        made: T = await reply if isawaitable(reply) else reply
        return made

    async def set_watching(self, request: WatchRequest) -> EngineState:
        self._alive()
        watcher = msgspec.structs.replace(self.state.watcher, paused=request.paused)
        self.change(watcher=watcher)
        return self.state

    async def stop(self) -> EngineState:
        return self.state

    async def stream(self, request: StreamRequest[T]) -> AsyncGenerator[T, None]:
        replies: Any = self.states()
        if isinstance(request, SearchRequest):
            replies = self.recall(request)
        async for reply in replies:
            yield reply

    async def close(self) -> None:
        """Nothing to close."""
