"""What the fake engine finds out about a chunk: records that add up, over the small corpus."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from membrowse.client.engine import EngineRefused
from membrowse.notes.chunk import Chunk
from membrowse.wire.explanation import (
    ExplainRequest,
    Explanation,
    FieldMatch,
    FusedExplanation,
    FusedInput,
    HeatSpan,
    IndexedVersion,
    KeywordExplanation,
    PassageMatch,
    RerankedExplanation,
    SpellingRequest,
    SpellingSuggestion,
    TermExplanation,
    TokenMatch,
    VectorExplanation,
)
from membrowse.wire.rank_flow import ChunkFlow, RankFlow, RankFlowRequest
from membrowse.wire.request import Problem
from membrowse.wire.search import FUSED, KEYWORD, RANKINGS, RERANKED, VECTOR, RankingState
from tests.tui.fake_text import STOP, bag, cosine, share, vector, words

if TYPE_CHECKING:
    from tests.tui.fake_engine import FakeEngine

Scores = Mapping[str, list[tuple[int, float]]]
WORD = re.compile(r"[A-Za-z0-9]+|[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Inspected:
    """One chunk under one query, as the fake engine ranks it."""

    engine: FakeEngine
    text: str
    row: int
    scores: Scores

    @property
    def chunk(self) -> Chunk:
        return self.engine.chunks[self.row]

    @property
    def terms(self) -> list[str]:
        return list(dict.fromkeys(word for word in words(self.text) if word not in STOP))

    def rank(self, ranking: str) -> int | None:
        rows = [row for row, _ in self.scores[ranking]]
        return rows.index(self.row) + 1 if self.row in rows else None

    def score(self, ranking: str) -> float:
        return dict(self.scores[ranking]).get(self.row, 0.0)

    def bounds(self, ranking: str) -> tuple[float, float]:
        values = [score for _, score in self.scores[ranking]]
        low = 0.0 if ranking == KEYWORD else min(values, default=0.0)
        return low, max(values, default=0.0)


def inspect(engine: FakeEngine, text: str, chunk: str) -> Inspected:
    """The chunk with that id under the query `text`."""
    ids = [chunk.id for chunk in engine.chunks]
    ident = engine.successors.get(chunk, chunk)
    if ident not in ids:
        raise EngineRefused(Problem(message="there is no such chunk any more"), 404)
    return Inspected(engine, text, ids.index(ident), engine.scores(text))


def explain(engine: FakeEngine, request: ExplainRequest) -> Explanation:
    """As the engine explains."""
    it = inspect(engine, request.text, request.chunk)
    return Explanation(
        query=request.text,
        hit=engine.hit(it.scores, RERANKED, it.row),
        header=it.chunk.header,
        text=it.chunk.text,
        keyword=_keyword(it),
        vector=_vector(it),
        fused=_fused(it),
        reranked=_reranked(it),
        heat=tuple(_heat(it)),
        took_ms={KEYWORD: 3.1, VECTOR: 14.2, FUSED: 0.4, RERANKED: 8.8, "explain": 12.3},
        indexed=IndexedVersion(
            generation=engine.state.generation,
            indexed_at="2026-07-20T10:00:00Z",
            freshness=engine.hit(it.scores, RERANKED, it.row).freshness,
        ),
    )


def _keyword(it: Inspected) -> KeywordExplanation:
    total = it.score(KEYWORD)
    explained = [_term(it, term, total) for term in it.terms]
    explained.sort(key=lambda term: -term.contribution)
    return KeywordExplanation(
        rank=it.rank(KEYWORD),
        total=len(it.scores[KEYWORD]),
        score=total,
        k1=1.2,
        b=0.75,
        terms=tuple(explained),
        dropped=tuple(dict.fromkeys(word for word in words(it.text) if word in STOP)),
    )


def _term(it: Inspected, term: str, total: float) -> TermExplanation:
    chunks = it.engine.chunks
    df = sum(term in bag(f"{c.title} {c.heading} {c.text}") for c in chunks)
    idf = math.log(1 + (len(chunks) - df + 0.5) / (df + 0.5))
    chunk = it.chunk
    fields = {"title": chunk.title, "headings": chunk.heading, "body": chunk.text}
    held = {name: bag(text)[term] for name, text in fields.items()}
    count = sum(held.values())
    size = bag(f"{chunk.title} {chunk.heading} {chunk.text}").total()
    worth = idf * count * 2.2 / (count + 0.6 + 0.01 * size)
    return TermExplanation(
        term=term,
        typed=term,
        df=df,
        idf=idf,
        matches=tuple(
            FieldMatch(
                field=name,
                weight=1.0,
                frequency=times,
                length=float(bag(fields[name]).total()),
                mean_length=24.6,
                positions=tuple(at for at, word in enumerate(words(fields[name])) if word == term),
                contribution=worth * times / count,
            )
            for name, times in held.items()
            if times
        ),
        contribution=worth,
        share=worth / total if total else 0.0,
    )


def _vector(it: Inspected) -> VectorExplanation:
    score, query = it.score(VECTOR), vector(it.text)
    lines = [line for line in it.chunk.text.split("\n") if line.strip()]
    found = sorted(((cosine(query, vector(line)), line) for line in lines), reverse=True)
    factor = score / found[0][0] if found and found[0][0] else 1.0
    return VectorExplanation(
        state=RankingState.READY,
        message="",
        rank=it.rank(VECTOR),
        total=len(it.scores[VECTOR]),
        score=score,
        cosine=score * 0.93,
        passage_weight=1.0,
        passages=tuple(
            PassageMatch(
                start=it.chunk.text.index(line),
                end=it.chunk.text.index(line) + len(line),
                line=it.chunk.start_line + it.chunk.text[: it.chunk.text.index(line)].count("\n"),
                text=line,
                similarity=alike * factor,
            )
            for alike, line in found
        ),
        hnsw_rank=it.rank(VECTOR),
        hnsw_exact_rank=it.rank(VECTOR),
        hnsw_asked=10,
        pieces=len(words(it.text)) + 1,
    )


def _fused(it: Inspected) -> FusedExplanation:
    shares = []
    for name in (KEYWORD, VECTOR):
        low, high = it.bounds(name)
        normalised = (it.score(name) - low) / (high - low) if high > low else 0.0
        shares.append(
            FusedInput(
                ranking=name,
                rank=it.rank(name),
                score=it.score(name),
                low=low,
                high=high,
                normalised=normalised,
                weight=0.5,
                contribution=normalised / 2,
                share=normalised / 2 / it.score(FUSED) if it.score(FUSED) else 0.0,
            )
        )
    return FusedExplanation(
        method="convex",
        rank=it.rank(FUSED),
        total=len(it.scores[FUSED]),
        score=it.score(FUSED),
        rrf_k=None,
        weight_set=0.5,
        weight_used=0.5,
        inputs=tuple(shares),
    )


def _reranked(it: Inspected) -> RerankedExplanation:
    rank, fused = it.rank(RERANKED) or 0, it.rank(FUSED) or 0
    pool = it.engine.pool
    within = fused <= pool
    normalised = share(it.terms, bag(f"{it.chunk.title} {it.chunk.heading} {it.chunk.text}"))
    score = it.score(RERANKED)
    return RerankedExplanation(
        state=RankingState.READY,
        message="",
        method="late-interaction",
        rank=rank,
        total=len(it.scores[RERANKED]),
        score=score if within else None,
        pool=pool,
        in_pool=within,
        fused_rank=fused,
        movement=fused - rank,
        raw=sum(token.contribution for token in _tokens(it)) if within else None,
        low=0.31,
        high=0.86,
        normalised=normalised,
        blend_set=0.6,
        blend_used=0.6,
        contribution=0.6 * normalised,
        share=0.6 * normalised / score if score else 0.0,
        fused_share=1 - 0.6 * normalised / score if score else 0.0,
        fused_low=0.0,
        fused_high=1.0,
        fused_normalised=(score - 0.6 * normalised) / 0.4,
        fused_contribution=score - 0.6 * normalised,
        tokens=tuple(_tokens(it)) if within else (),
    )


def _tokens(it: Inspected) -> Iterator[TokenMatch]:
    weights = {word: 0.3 if word in STOP else 1.0 for word in words(it.text)}
    total = sum(weights.values())
    placed = list(WORD.finditer(it.chunk.text))
    for word, weight in weights.items():
        alike = [(cosine(vector(f" {word} "), vector(f" {m.group()} ")), m) for m in placed]
        similarity, best = max(alike, key=lambda pair: pair[0], default=(0.0, None))
        similarity = 0.25 + 0.7 * similarity
        yield TokenMatch(
            piece=word,
            word=word,
            known=word.isascii(),
            weight=weight / total,
            token=best.group().lower() if best else "[CLS]",
            in_header=False,
            start=best.start() if best else 0,
            end=best.end() if best else 0,
            similarity=similarity,
            contribution=weight / total * similarity,
            relative=weight / total * similarity,
        )


def _heat(it: Inspected) -> Iterator[HeatSpan]:
    for match in WORD.finditer(it.chunk.text):
        known = {
            word: cosine(vector(f" {word} "), vector(f" {match.group()} ")) for word in it.terms
        }
        word = max(known, key=lambda word: known[word], default="")
        if word:
            yield HeatSpan(
                start=match.start(),
                end=match.end(),
                strength=min(1.0, 0.12 + known[word] * (0.5 + len(word) / 12)),
                answers=word,
            )


def spell(engine: FakeEngine, request: SpellingRequest) -> list[SpellingSuggestion]:
    """Words that begin alike."""
    every = sorted({word for chunk in engine.chunks for word in words(chunk.text)})
    return [
        SpellingSuggestion(typed=word, near=tuple(w for w in every if w[:3] == word[:3])[:4])
        for word in words(request.text)
        if word not in every
    ]


def flow(engine: FakeEngine, request: RankFlowRequest) -> RankFlow:
    """All chunks in the first `depth` of any ranking."""
    scores = engine.scores(request.text)
    rows = {row for name in RANKINGS for row, _ in scores[name][: request.depth]}
    order = [row for row, _ in scores[RERANKED] if row in rows]
    flows = []
    for row in order:
        it = Inspected(engine, request.text, row, scores)
        flows.append(
            ChunkFlow(
                chunk=it.chunk.id,
                path=it.chunk.path,
                heading=it.chunk.heading,
                start_line=it.chunk.start_line,
                ranks={name: it.rank(name) for name in RANKINGS},
            )
        )
    return RankFlow(query=request.text, depth=request.depth, rankings=RANKINGS, flows=tuple(flows))


def answers(engine: FakeEngine) -> dict[type, Any]:
    """What the fake engine answers, by kind of request."""
    return {
        ExplainRequest: partial(explain, engine),
        SpellingRequest: partial(spell, engine),
        RankFlowRequest: partial(flow, engine),
    }
