"""Explain the vector score of one chunk: its cosine, its passages, and whether HNSW finds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from membrowse.index.generation import Generation
from membrowse.index.vector_table import Mask, Matrix, StoredVectors
from membrowse.notes.chunk import Chunk
from membrowse.notes.passages import passages
from membrowse.notes.text_segmentation import Lines
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import APPROXIMATE_DEPTH, Nearest
from membrowse.ranking.vector import missed_rows
from membrowse.settings import RerankMethod, Settings
from membrowse.wire.explanation import PassageMatch, VectorExplanation
from membrowse.wire.search import RERANKED, VECTOR

WIDE_SEARCH = 100
"""Number of chunks requested of HNSW if the chunk is beyond the first `APPROXIMATE_DEPTH`."""


def explain_vector(
    ranked_query: RankedQuery, row: int, settings: Settings, nearest: Nearest | None = None
) -> VectorExplanation:
    """Return what the vector ranking made of the chunk at `row`; `nearest` is Chroma's HNSW."""
    ranking = ranked_query.ranking(VECTOR)
    rank = ranking.rank_of(row)
    explanation = VectorExplanation(
        state=ranking.state,
        message=ranking.message,
        rank=rank,
        total=ranking.ranked,
        score=float(ranking.scores[row]) if rank else None,
        cosine=None,
        passage_weight=settings.vector.passage_weight,
        passages=(),
        pieces=ranked_query.query.pieces,
        unknown=ranked_query.query.unknown,
        effect=unknown_effect(ranked_query, settings),
    )
    generation, query = ranked_query.generation, ranked_query.encoded
    if query is None or query.incomparable or not generation.encoded[row]:
        return explanation
    vectors = generation.vectors_of(row)
    if vectors is None:
        return explanation
    explanation = msgspec.structs.replace(
        explanation,
        cosine=float(vectors.vector @ query.vector),
        passages=()
        if query.foreign  # a record has one vector
        else passage_matches(generation.chunks[row], vectors, query.vector),
    )
    if nearest is None or generation.best_chunks is not None:
        return explanation
    cosines = generation.vectors.cosines(query.vector)
    return _with_hnsw(explanation, generation, row, cosines, partial(nearest, query.vector))


def passage_matches(
    chunk: Chunk, vectors: StoredVectors, query: NDArray[np.float32]
) -> tuple[PassageMatch, ...]:
    """Return the passages of `chunk`, nearest to `query` ([d]) first."""
    cosines = (vectors.passage_vectors @ query).tolist()
    spans = passages(chunk.text)
    if len(spans) != len(cosines):  # a blank text has one vector and no passage
        spans, cosines = [(0, len(chunk.text))], [max(cosines, default=0.0)]
    lines = Lines(chunk.text)
    matches = [
        _passage_match(chunk, lines, span, cosine)
        for span, cosine in zip(spans, cosines, strict=True)
    ]
    return tuple(sorted(matches, key=lambda passage: -passage.similarity))


def _passage_match(
    chunk: Chunk, lines: Lines, span: tuple[int, int], cosine: float
) -> PassageMatch:
    start, end = span
    return PassageMatch(
        start=start,
        end=end,
        line=chunk.start_line + lines.line_at(start),
        text=chunk.text[start:end],
        similarity=cosine,
    )


def _with_hnsw(
    explanation: VectorExplanation,
    generation: Generation,
    row: int,
    cosines: Matrix,
    nearest: Callable[[int], Sequence[str] | None],
) -> VectorExplanation:
    """Query HNSW as deep as the vector ranking does, or deeper for a chunk that is farther away.

    `cosines` [rows] are those of the query, `nearest` returns what HNSW finds nearest to it.
    """
    exact = exact_rank(cosines, generation.encoded, row)
    encoded = int(np.count_nonzero(generation.encoded))
    asked = min(APPROXIMATE_DEPTH if exact <= APPROXIMATE_DEPTH else WIDE_SEARCH, encoded)
    answer = nearest(asked)
    if answer is None:
        return msgspec.structs.replace(explanation, hnsw_exact_rank=exact)
    rows = [generation.row_of[chunk] for chunk in answer if chunk in generation.row_of]
    return msgspec.structs.replace(
        explanation,
        hnsw_rank=rows.index(row) + 1 if row in rows else None,
        hnsw_exact_rank=exact,
        hnsw_asked=asked,
        hnsw_missed=row in missed_rows(cosines, generation.encoded, rows, asked),
    )


def exact_rank(cosines: Matrix, encoded: Mask, row: int) -> int:
    """Return the rank, from 1, of an encoded chunk by the `cosines` [rows] of its own vector."""
    before = np.count_nonzero(encoded & (cosines > cosines[row]))
    return int(before + np.count_nonzero((encoded & (cosines == cosines[row]))[:row])) + 1


def unknown_effect(ranked_query: RankedQuery, settings: Settings) -> str:
    """Say how the unknown part of the query changes the weights; empty if it does not."""
    known, unknown = ranked_query.known_share, ranked_query.query.unknown
    if ranked_query.encoded is None or unknown <= 0:
        return ""
    fusion = settings.fusion.weight
    effect = (
        f"{unknown:.0%} of the query is unknown to the encoder, so the vector's weight in fusion "
        f"is {fusion * known:.2f} instead of {fusion:.2f}"
    )
    late = settings.rerank.method is RerankMethod.LATE_INTERACTION
    if late and ranked_query.ranking(RERANKED).blend is not None:
        share = settings.rerank.blend
        effect += f" and the reranker's share {share * known:.2f} instead of {share:.2f}"
    return effect
