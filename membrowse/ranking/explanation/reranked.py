"""Explain the reranked score of one chunk: reranker, fused score and their blend."""

from __future__ import annotations

import msgspec
import numpy as np

from membrowse.ranking.chunk_ranking import Blend, Scores
from membrowse.ranking.explanation.token_matches import Interaction
from membrowse.ranking.fusion import bounds, minmax_value
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import RerankMethod, RerankSettings
from membrowse.wire.explanation import RerankedExplanation
from membrowse.wire.search import FUSED, RERANKED


def explain_reranked(
    ranked_query: RankedQuery, row: int, settings: RerankSettings, interaction: Interaction | None
) -> RerankedExplanation:
    """Return what reranking made of the chunk at `row`.

    Beyond the pool, `raw` and `tokens` are what late interaction would find there.
    """
    ranking, fused = ranked_query.ranking(RERANKED), ranked_query.ranking(FUSED)
    rank, fused_rank = ranking.rank_of(row), fused.rank_of(row)
    late = settings.method is RerankMethod.LATE_INTERACTION
    tokens = interaction.matches() if interaction is not None and late else ()
    explanation = RerankedExplanation(
        state=ranking.state,
        message=ranking.message,
        method=settings.method.value,
        rank=rank,
        total=ranking.ranked,
        complete=ranking.complete,
        score=None,
        pool=ranking.pool or 0,
        in_pool=False,
        fused_rank=fused_rank,
        movement=fused_rank - rank if rank and fused_rank else 0,
        raw=sum(token.contribution for token in tokens) if tokens else None,
        blend_set=settings.blend,
        root_limit=settings.per_root_limit,
        tokens=tokens,
    )
    blend = ranking.blend
    if blend is None or row not in blend.pool:
        return explanation
    index = int(np.flatnonzero(blend.pool == row)[0])
    return _with_blend(explanation, blend, index, fused.scores[blend.pool])


def _with_blend(
    explanation: RerankedExplanation, blend: Blend, index: int, pool_fused: Scores
) -> RerankedExplanation:
    """Add the blend for the chunk at `index` of the pool; `pool_fused` [n] are fused scores."""
    low, high = bounds(blend.raw, blend.scored)
    fused_low, fused_high = bounds(pool_fused, np.ones(len(pool_fused), dtype=np.bool_))
    scored = bool(blend.scored[index])
    raw, fused = float(blend.raw[index]), float(pool_fused[index])
    fused_normalised = minmax_value(fused, fused_low, fused_high)
    normalised = minmax_value(raw, low, high) if scored else fused_normalised
    contribution = blend.share * normalised
    fused_contribution = (1.0 - blend.share) * fused_normalised
    bonus = float(blend.bonuses[index])
    score = contribution + fused_contribution + bonus
    return msgspec.structs.replace(
        explanation,
        score=score,
        in_pool=True,
        raw=raw if scored else None,
        low=low,
        high=high,
        normalised=normalised,
        blend_used=blend.share,
        contribution=contribution,
        share=contribution / score if score else 0.0,
        fused_low=fused_low,
        fused_high=fused_high,
        fused_normalised=fused_normalised,
        fused_contribution=fused_contribution,
        fused_share=fused_contribution / score if score else 0.0,
        name_bonus=bonus,
        rank_by_score=int(blend.by_score[index]),
        limited=bool(blend.limited[index]),
    )
