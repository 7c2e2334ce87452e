"""The last stage: the first of the fused ranking, ordered anew by the method that is set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from membrowse.ranking import pool
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.stages import NO_WORDS, finished, not_reranked, put
from membrowse.recall import FUSED, RERANKED, VECTOR, RankingState
from membrowse.settings import RerankMethod, RerankSettings

if TYPE_CHECKING:
    from membrowse.encoding.cross import CrossEncoderChild
    from membrowse.encoding.served import Encoder
    from membrowse.index.tokens import TokenStore

Idf = Callable[[str], float]


def gather(evaluation: Evaluation, settings: RerankSettings, store: TokenStore) -> int:
    """Fetch stored token vectors; put a waiting ranking and return how many are missing, if any."""
    if not _can_interact(evaluation, settings):
        return 0
    candidates = pool.candidates(evaluation, settings.pool)
    done = pool.done(evaluation, settings)
    cached = pool.fetch(evaluation, candidates, store, done)
    missing = len(pool.missing(evaluation, candidates, done))
    if missing:
        reason = f"{cached}/{len(candidates)} cached, encoding the rest"
        waiting = not_reranked(evaluation, RankingState.LOADING, reason)
        put(evaluation, RERANKED, replace(waiting, pool=len(candidates), cached=cached))
    return missing


def rerank(
    evaluation: Evaluation,
    settings: RerankSettings,
    store: TokenStore,
    encoder: Encoder | None,
    cross: CrossEncoderChild | None,
    idf: Idf,
) -> None:
    """Put the reranked ranking."""
    if settings.method is RerankMethod.NONE:
        off = not_reranked(evaluation, RankingState.OFF, "switched off (`rerank.method`)")
        put(evaluation, RERANKED, off)
    elif settings.method is RerankMethod.CROSS_ENCODER:
        _cross_encode(evaluation, settings, cross)
    elif encoder is None or not _can_interact(evaluation, settings):
        vector = finished(evaluation, VECTOR)
        reason = vector.message or NO_WORDS
        put(evaluation, RERANKED, not_reranked(evaluation, vector.state, reason))
    else:
        _interact(evaluation, settings, store, encoder, idf)


def _can_interact(evaluation: Evaluation, settings: RerankSettings) -> bool:
    late = settings.method is RerankMethod.LATE_INTERACTION
    return late and evaluation.encoded is not None and FUSED in evaluation.rankings


def _interact(
    evaluation: Evaluation,
    settings: RerankSettings,
    store: TokenStore,
    encoder: Encoder,
    idf: Idf,
) -> None:
    candidates = pool.candidates(evaluation, settings.pool)
    waiting = evaluation.rankings.get(RERANKED)
    known = waiting.cached if waiting else None
    done = pool.done(evaluation, settings)
    cached = pool.fetch(evaluation, candidates, store, done) if known is None else known
    pool.complete(evaluation, candidates, store, encoder, done)
    scored = pool.by_late_interaction(evaluation, candidates, settings, idf)
    if scored is None:
        reason = "the encoder knows no word of the query"
        put(evaluation, RERANKED, not_reranked(evaluation, RankingState.READY, reason))
        return
    result = pool.reordered(evaluation, candidates, *scored, settings.blend * evaluation.known)
    unscored = len(candidates) - int(np.count_nonzero(scored[1]))
    if unscored:
        message = f"{unscored} of the best {len(candidates)} are not encoded yet"
        result = replace(result, state=RankingState.INDEXING, message=message)
    put(evaluation, RERANKED, replace(result, pool=len(candidates), cached=cached))


def _cross_encode(
    evaluation: Evaluation, settings: RerankSettings, cross: CrossEncoderChild | None
) -> None:
    if cross is None:
        reason = "no cross-encoder: `rerank.model` must name one"
        put(evaluation, RERANKED, not_reranked(evaluation, RankingState.FAILED, reason))
        return
    if not evaluation.parsed.words:
        put(evaluation, RERANKED, not_reranked(evaluation, RankingState.READY, NO_WORDS))
        return
    candidates = pool.candidates(evaluation, settings.pool)
    scored = pool.by_cross_encoder(evaluation, candidates, cross)
    result = pool.reordered(evaluation, candidates, *scored, settings.blend)
    put(evaluation, RERANKED, replace(result, pool=len(candidates)))
