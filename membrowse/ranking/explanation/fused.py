"""The fused score of one chunk: two inputs, their bounds, weights and shares."""

from __future__ import annotations

import msgspec

from membrowse.ranking.explanation.chunk_rank import rank_of
from membrowse.ranking.fusion import bounds, stretched, vector_weight
from membrowse.ranking.ranked_query import ChunkRanking, Mask, RankedQuery
from membrowse.ranking.stages import finished
from membrowse.settings import FusionMethod, FusionSettings
from membrowse.wire.explanation import FusedExplanation, FusedInput
from membrowse.wire.search import FUSED, KEYWORD, VECTOR


def explained(ranked_query: RankedQuery, row: int, settings: FusionSettings) -> FusedExplanation:
    """Keyword's and vector's contribution to the fused score of the chunk at `row`."""
    ranking = finished(ranked_query, FUSED)
    keyword, vector = finished(ranked_query, KEYWORD), finished(ranked_query, VECTOR)
    weight = vector_weight(settings.weight, ranked_query.known, vector.total)
    rrf_k = settings.rrf_k if settings.method is FusionMethod.RRF else None
    inputs = (
        _input(KEYWORD, keyword, row, ranked_query.scope, 1.0 - weight, rrf_k),
        _input(VECTOR, vector, row, vector.ranks > 0, weight, rrf_k),
    )
    score = sum(each.contribution for each in inputs)
    return FusedExplanation(
        method=settings.method.value,
        rank=rank_of(ranking, row),
        total=ranking.total,
        score=score,
        rrf_k=rrf_k,
        weight_set=settings.weight,
        weight_used=weight,
        inputs=tuple(
            msgspec.structs.replace(each, share=each.contribution / score if score else 0.0)
            for each in inputs
        ),
    )


def _input(
    name: str, ranking: ChunkRanking, row: int, among: Mask, weight: float, rrf_k: int | None
) -> FusedInput:
    """One input, its scores normalised over `among`; its share is filled in later."""
    low, high = bounds(ranking.scores, among)
    score, rank = float(ranking.scores[row]), rank_of(ranking, row)
    if rrf_k is not None:
        normalised = 1.0 / (rrf_k + rank) if rank else 0.0
    else:
        normalised = stretched(score, low, high) if among[row] else 0.0
    return FusedInput(
        ranking=name,
        rank=rank,
        score=score,
        low=low,
        high=high,
        normalised=normalised,
        weight=weight,
        contribution=weight * normalised,
        share=0.0,
    )
