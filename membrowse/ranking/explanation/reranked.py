"""The reranked score of one chunk: the reranker's, the fused one, and the blend of both."""

from __future__ import annotations

import msgspec
import numpy as np

from membrowse.ranking.explanation.chunk_rank import rank_of
from membrowse.ranking.explanation.token_matches import Interaction
from membrowse.ranking.fusion import bounds, stretched
from membrowse.ranking.ranked_query import Blend, RankedQuery, Scores
from membrowse.ranking.stages import finished
from membrowse.settings import RerankMethod, RerankSettings
from membrowse.wire.explanation import RerankedExplanation
from membrowse.wire.search import FUSED, RERANKED


def explained(
    ranked_query: RankedQuery, row: int, settings: RerankSettings, interaction: Interaction | None
) -> RerankedExplanation:
    """What reranking made of the chunk at `row`.

    Beyond the pool, `raw` and `tokens` say what late interaction would have found there.
    """
    ranking, fused = finished(ranked_query, RERANKED), finished(ranked_query, FUSED)
    rank, fused_rank = rank_of(ranking, row), rank_of(fused, row)
    late = settings.method is RerankMethod.LATE_INTERACTION
    tokens = interaction.matches() if interaction is not None and late else ()
    told = RerankedExplanation(
        state=ranking.state,
        message=ranking.message,
        method=settings.method.value,
        rank=rank,
        total=ranking.total,
        score=None,
        pool=ranking.pool or 0,
        in_pool=False,
        fused_rank=fused_rank,
        movement=fused_rank - rank if rank and fused_rank else 0,
        raw=sum(token.contribution for token in tokens) if tokens else None,
        blend_set=settings.blend,
        tokens=tokens,
    )
    blend = ranking.blend
    if blend is None or row not in blend.pool:
        return told
    place = int(np.flatnonzero(blend.pool == row)[0])
    return _blended(told, blend, place, fused.scores[blend.pool])


def _blended(
    told: RerankedExplanation, blend: Blend, place: int, own: Scores
) -> RerankedExplanation:
    """The chunk at `place` of the pool, whose fused scores are `own` [n]."""
    low, high = bounds(blend.raw, blend.scored)
    fused_low, fused_high = bounds(own, np.ones(len(own), dtype=np.bool_))
    scored = bool(blend.scored[place])
    raw, fused = float(blend.raw[place]), float(own[place])
    normalised = stretched(raw, low, high) if scored else 0.0
    fused_normalised = stretched(fused, fused_low, fused_high)
    contribution = blend.share * normalised
    fused_contribution = (1.0 - blend.share) * fused_normalised
    score = contribution + fused_contribution
    return msgspec.structs.replace(
        told,
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
    )
