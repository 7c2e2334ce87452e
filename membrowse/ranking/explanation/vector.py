"""The vector score of one chunk: its own cosine, its passages, and whether HNSW finds it."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from membrowse.index.generation import Generation
from membrowse.notes.chunk import Chunk
from membrowse.notes.passages import passages
from membrowse.notes.text_spans import Lines
from membrowse.ranking.explanation.chunk_rank import rank_of
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import APPROXIMATE, Nearest
from membrowse.ranking.stages import finished
from membrowse.ranking.vector import missed
from membrowse.settings import RerankMethod, Settings
from membrowse.wire.explanation import PassageMatch, VectorExplanation
from membrowse.wire.search import RERANKED, VECTOR

WIDE = 100
"""Chunks that HNSW is asked for where the chunk is not among the first `APPROXIMATE`."""


def explained(
    ranked_query: RankedQuery, row: int, settings: Settings, ask: Nearest | None = None
) -> VectorExplanation:
    """What the vector ranking made of the chunk at `row`; `ask` is Chroma's HNSW."""
    ranking = finished(ranked_query, VECTOR)
    rank = rank_of(ranking, row)
    told = VectorExplanation(
        state=ranking.state,
        message=ranking.message,
        rank=rank,
        total=ranking.total,
        score=float(ranking.scores[row]) if rank else None,
        cosine=None,
        passage_weight=settings.vector.passage_weight,
        passages=(),
        pieces=ranked_query.query.pieces,
        unknown=ranked_query.query.unknown,
        effect=effect(ranked_query, settings),
    )
    generation, query = ranked_query.at(), ranked_query.encoded
    if query is None or not generation.encoded[row]:
        return told
    told = msgspec.structs.replace(
        told,
        cosine=float(generation.matrix[row] @ query.vector),
        passages=similar(generation, row, query.vector),
    )
    return told if ask is None else _with_hnsw(told, generation, row, query.vector, ask)


def similar(
    generation: Generation, row: int, query: NDArray[np.float32]
) -> tuple[PassageMatch, ...]:
    """The passages of the chunk at `row`, the nearest to `query` ([d]) first."""
    chunk = generation.chunks[row]
    start, end = generation.passage_starts[row : row + 2].tolist()
    cosines = (generation.passage_matrix[start:end] @ query).tolist()
    spans = passages(chunk.text)
    if len(spans) != len(cosines):  # a text without ink has one vector and no passage
        spans, cosines = [(0, len(chunk.text))], [max(cosines, default=0.0)]
    lines = Lines(chunk.text)
    found = [
        _similar(chunk, lines, span, cosine) for span, cosine in zip(spans, cosines, strict=True)
    ]
    return tuple(sorted(found, key=lambda passage: -passage.similarity))


def _similar(chunk: Chunk, lines: Lines, span: tuple[int, int], cosine: float) -> PassageMatch:
    start, end = span
    return PassageMatch(
        start=start,
        end=end,
        line=chunk.start_line + lines.line_at(start),
        text=chunk.text[start:end],
        similarity=cosine,
    )


def _with_hnsw(
    told: VectorExplanation,
    generation: Generation,
    row: int,
    query: NDArray[np.float32],
    ask: Nearest,
) -> VectorExplanation:
    """HNSW is asked for as many as the vector column asks for, or for `WIDE` where the chunk is
    farther away than that."""
    exact = own_rank(generation, row, query)
    encoded = int(np.count_nonzero(generation.encoded))
    asked = min(APPROXIMATE if exact <= APPROXIMATE else WIDE, encoded)
    answer = ask(query, asked)
    if answer is None:
        return msgspec.structs.replace(told, hnsw_exact_rank=exact)
    rows = [generation.row_of[chunk] for chunk in answer if chunk in generation.row_of]
    return msgspec.structs.replace(
        told,
        hnsw_rank=rows.index(row) + 1 if row in rows else None,
        hnsw_exact_rank=exact,
        hnsw_asked=asked,
        hnsw_missed=row in missed(generation, query, rows, asked),
    )


def own_rank(generation: Generation, row: int, query: NDArray[np.float32]) -> int:
    """Rank from 1 among all encoded chunks by cosine of their own vectors to `query` ([d])."""
    cosines = generation.matrix @ query
    cosines[~generation.encoded] = -np.inf
    before = np.count_nonzero(cosines > cosines[row])
    return int(before + np.count_nonzero(cosines[:row] == cosines[row])) + 1


def effect(ranked_query: RankedQuery, settings: Settings) -> str:
    """What the part of the query that the encoder does not know did to the weights."""
    known, unknown = ranked_query.known, ranked_query.query.unknown
    if ranked_query.encoded is None or unknown <= 0:
        return ""
    fusion = settings.fusion.weight
    said = (
        f"{unknown:.0%} of the query is unknown to the encoder, so the vector's weight in fusion "
        f"is {fusion * known:.2f} instead of {fusion:.2f}"
    ).replace("%", " %", 1)
    late = settings.rerank.method is RerankMethod.LATE_INTERACTION
    if late and finished(ranked_query, RERANKED).blend is not None:
        share = settings.rerank.blend
        said += f" and the reranker's share {share * known:.2f} instead of {share:.2f}"
    return said
