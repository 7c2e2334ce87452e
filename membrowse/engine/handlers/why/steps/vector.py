"""How near is the chunk to the query, and why not nearer?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from membrowse.engine.handlers.why.steps.context import ChunkContext
from membrowse.engine.handlers.why.steps.filters import LEFT_OUT
from membrowse.engine.handlers.why.steps.finding import Finding, chunk_place, finding
from membrowse.ranking.explanation import vector
from membrowse.wire.diagnosis import Outcome, StepName
from membrowse.wire.explanation import VectorExplanation
from membrowse.wire.search import VECTOR, RankingState

_MUCH_UNKNOWN = 0.3
"""Share of unknown word pieces that is worth a warning."""


def check_vector(context: ChunkContext) -> Finding:
    explained = vector.explain_vector(
        context.ranked_query, context.row, context.sources.settings, context.sources.nearest
    )
    outcome, clause = _vector_outcome(context, explained)
    evidence = _vector_evidence(context, explained)
    unsure = context.is_lower_bound(VECTOR)
    return finding(StepName.VECTOR, outcome, clause, evidence, explained.rank, at_least=unsure)


def _vector_outcome(context: ChunkContext, explained: VectorExplanation) -> tuple[Outcome, str]:
    ranked_query = context.ranked_query
    if not ranked_query.scope[context.row]:
        return Outcome.SKIPPED, LEFT_OUT
    if not ranked_query.parsed.words and not ranked_query.parsed.like:
        return Outcome.SKIPPED, "the query has no words to encode"
    encoded = ranked_query.encoded
    if encoded is None or encoded.incomparable or explained.state is RankingState.FAILED:
        return (
            Outcome.FAILS,
            f"there is no vector ranking: {explained.message or explained.state.value}",
        )
    if not ranked_query.generation.encoded[context.row]:
        if encoded.foreign:
            return Outcome.FAILS, "the store has no vector for it"
        return Outcome.FAILS, "it has no vector yet: it is still to be encoded"
    if ranked_query.known_share == 0.0:
        return Outcome.FAILS, "the encoder knows no part of the query, so no vector can find it"
    place = f"it is {context.place_of(VECTOR)} by vector"
    if explained.rank is not None and explained.rank <= context.k:
        return Outcome.PASSES, place
    if explained.unknown >= _MUCH_UNKNOWN:
        unknown = f"{explained.unknown:.0%} of the query is unknown to the encoder"
        return Outcome.WEAK, f"{place}: {unknown}"
    nearer = _nearer_chunk(context)
    if nearer is not None:
        other, rank = nearer
        chunk = ranked_query.chunks[other]
        lines = f"lines {chunk.start_line}–{chunk.end_line}"
        return Outcome.WEAK, f"{place}: {lines} of the same note are nearer (#{rank:,})"
    return Outcome.WEAK, f"{place}: its meaning is not close to the query"


def _nearer_chunk(context: ChunkContext) -> tuple[int, int] | None:
    """The nearest chunk of the same note and its rank, if it is another chunk."""
    ranks = context.ranked_query.ranking(VECTOR).ranks
    rows = np.array(context.ranked_query.generation.rows(context.chunk.path))
    ranked = rows[ranks[rows] > 0]
    if not len(ranked):
        return None
    first = int(ranked[np.argmin(ranks[ranked])])
    return None if first == context.row else (first, int(ranks[first]))


def _vector_evidence(context: ChunkContext, explained: VectorExplanation) -> Iterator[str]:
    if explained.passages and explained.cosine is not None:
        best = explained.passages[0]
        text = " ".join(best.text.split())
        yield f"nearest passage: line {best.line}, cosine {best.similarity:.2f}: {text}"
        yield f"the chunk as a whole: cosine {explained.cosine:.2f}"
    nearer = _nearer_chunk(context) if explained.rank else None
    if nearer is not None:
        chunk = context.ranked_query.chunks[nearer[0]]
        yield f"nearest chunk of the note: {chunk_place(chunk)}, #{nearer[1]:,}"
    if explained.hnsw_missed:
        yield (
            f"Chroma's HNSW misses it: #{explained.hnsw_exact_rank} of the chunks' own vectors, "
            f"and not among the {explained.hnsw_asked} it returns (the exact ranking here does not)"
        )
    elif explained.hnsw_rank is not None:
        yield f"Chroma's HNSW finds it at #{explained.hnsw_rank} of {explained.hnsw_asked}"
    if explained.effect:
        yield explained.effect
