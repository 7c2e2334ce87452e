"""Explain the fused score of one chunk: two inputs, their bounds, weights and shares."""

from __future__ import annotations

import math

import msgspec

from membrowse.ranking.chunk_ranking import ChunkRanking, Mask
from membrowse.ranking.fusion import bounds, floor, minmax_value, vector_weight
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import FusionMethod, FusionSettings
from membrowse.wire.explanation import FusedExplanation, FusedInput
from membrowse.wire.search import FUSED, KEYWORD, VECTOR


def explain_fused(
    ranked_query: RankedQuery, row: int, settings: FusionSettings
) -> FusedExplanation:
    """Return the contributions of keyword and vector to the fused score of the chunk at `row`."""
    ranking = ranked_query.ranking(FUSED)
    keyword, vector = ranked_query.ranking(KEYWORD), ranked_query.ranking(VECTOR)
    weight = vector_weight(
        settings.weight, ranked_query.known_share, vector.ranked, ranked_query.scope
    )
    rrf_k = settings.rrf_k if settings.method is FusionMethod.RRF else None
    inputs = (
        _fused_input(KEYWORD, keyword, row, ranked_query.scope, 1.0 - weight, rrf_k),
        _fused_input(VECTOR, vector, row, vector.ranks > 0, weight, rrf_k),
    )
    score = sum(each.contribution for each in inputs)
    return FusedExplanation(
        method=settings.method.value,
        rank=ranking.rank_of(row),
        total=ranking.ranked,
        complete=ranking.complete,
        score=score,
        rrf_k=rrf_k,
        weight_set=settings.weight,
        weight_used=weight,
        inputs=tuple(
            msgspec.structs.replace(each, share=each.contribution / score if score else 0.0)
            for each in inputs
        ),
    )


def _fused_input(
    name: str, ranking: ChunkRanking, row: int, among: Mask, weight: float, rrf_k: int | None
) -> FusedInput:
    """Return one input, normalised over `among`; its share is filled in later."""
    low, high = bounds(ranking.scores, among, floor(ranking) if name == VECTOR else math.inf)
    score, rank = float(ranking.scores[row]), ranking.rank_of(row)
    if rrf_k is not None:
        normalised = 1.0 / (rrf_k + rank) if rank else 0.0
    else:
        normalised = minmax_value(score, low, high) if among[row] else 0.0
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
