"""The fused score of one chunk: two inputs, their bounds, weights and shares."""

from __future__ import annotations

from membrowse.findings.explanation import FusedExplained, FusedShare
from membrowse.ranking.evaluation import Evaluation, Mask, Ranked
from membrowse.ranking.explaining.places import rank_of
from membrowse.ranking.fusion import bounds, stretched, vector_weight
from membrowse.ranking.stages import finished
from membrowse.recall import FUSED, KEYWORD, VECTOR
from membrowse.settings import FusionMethod, FusionSettings


def explained(evaluation: Evaluation, row: int, settings: FusionSettings) -> FusedExplained:
    """Keyword's and vector's contribution to the fused score of the chunk at `row`."""
    ranking = finished(evaluation, FUSED)
    keyword, vector = finished(evaluation, KEYWORD), finished(evaluation, VECTOR)
    weight = vector_weight(settings.weight, evaluation.known, vector.total)
    rrf_k = settings.rrf_k if settings.method is FusionMethod.RRF else None
    shares = (
        _share(KEYWORD, keyword, row, evaluation.scope, 1.0 - weight, rrf_k),
        _share(VECTOR, vector, row, vector.ranks > 0, weight, rrf_k),
    )
    return FusedExplained(
        method=settings.method.value,
        rank=rank_of(ranking, row),
        total=ranking.total,
        score=sum(share.contribution for share in shares),
        rrf_k=rrf_k,
        weight_set=settings.weight,
        weight_used=weight,
        shares=shares,
    )


def _share(
    name: str, ranking: Ranked, row: int, among: Mask, weight: float, rrf_k: int | None
) -> FusedShare:
    """The share of one input, whose scores are compared with those of `among`."""
    low, high = bounds(ranking.scores, among)
    score, rank = float(ranking.scores[row]), rank_of(ranking, row)
    if rrf_k is not None:
        normalised = 1.0 / (rrf_k + rank) if rank else 0.0
    else:
        normalised = stretched(score, low, high) if among[row] else 0.0
    return FusedShare(
        ranking=name,
        rank=rank,
        score=score,
        low=low,
        high=high,
        normalised=normalised,
        weight=weight,
        contribution=weight * normalised,
    )
