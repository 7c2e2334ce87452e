"""The last stage: the first of the fused ranking, ordered anew by the method that is set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from membrowse.ranking import pool
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.stages import NO_WORDS, finished, not_reranked, put
from membrowse.settings import RerankMethod, RerankSettings
from membrowse.wire.search import FUSED, RERANKED, VECTOR, RankingState

if TYPE_CHECKING:
    from membrowse.encoding.cross_encoder import CrossEncoder
    from membrowse.encoding.encoder import Encoder
    from membrowse.index.token_store import TokenStore

Idf = Callable[[str], float]


def gather(ranked_query: RankedQuery, settings: RerankSettings, store: TokenStore) -> int:
    """Fetch stored token vectors; put a waiting ranking and return how many are missing, if any."""
    if not _can_interact(ranked_query, settings):
        return 0
    candidates = pool.candidates(ranked_query, settings.pool)
    done = pool.done(ranked_query, settings)
    cached = pool.fetch(ranked_query, candidates, store, done)
    missing = len(pool.missing(ranked_query, candidates, done))
    if missing:
        reason = f"{cached}/{len(candidates)} cached, encoding the rest"
        waiting = not_reranked(ranked_query, RankingState.LOADING, reason)
        put(ranked_query, RERANKED, replace(waiting, pool=len(candidates), cached=cached))
    return missing


def rerank(
    ranked_query: RankedQuery,
    settings: RerankSettings,
    store: TokenStore,
    encoder: Encoder | None,
    cross: CrossEncoder | None,
    idf: Idf,
) -> None:
    """Put the reranked ranking."""
    if settings.method is RerankMethod.NONE:
        off = not_reranked(ranked_query, RankingState.OFF, "switched off (`rerank.method`)")
        put(ranked_query, RERANKED, off)
    elif settings.method is RerankMethod.CROSS_ENCODER:
        _cross_encode(ranked_query, settings, cross)
    elif encoder is None or not _can_interact(ranked_query, settings):
        vector = finished(ranked_query, VECTOR)
        reason = vector.message or NO_WORDS
        put(ranked_query, RERANKED, not_reranked(ranked_query, vector.state, reason))
    else:
        _interact(ranked_query, settings, store, encoder, idf)


def _can_interact(ranked_query: RankedQuery, settings: RerankSettings) -> bool:
    late = settings.method is RerankMethod.LATE_INTERACTION
    return late and ranked_query.encoded is not None and FUSED in ranked_query.rankings


def _interact(
    ranked_query: RankedQuery,
    settings: RerankSettings,
    store: TokenStore,
    encoder: Encoder,
    idf: Idf,
) -> None:
    candidates = pool.candidates(ranked_query, settings.pool)
    waiting = ranked_query.rankings.get(RERANKED)
    known = waiting.cached if waiting else None
    done = pool.done(ranked_query, settings)
    cached = pool.fetch(ranked_query, candidates, store, done) if known is None else known
    pool.complete(ranked_query, candidates, store, encoder, done)
    scored = pool.by_late_interaction(ranked_query, candidates, settings, idf)
    if scored is None:
        reason = "the encoder knows no word of the query"
        put(ranked_query, RERANKED, not_reranked(ranked_query, RankingState.READY, reason))
        return
    result = pool.reordered(ranked_query, candidates, *scored, settings.blend * ranked_query.known)
    unscored = len(candidates) - int(np.count_nonzero(scored[1]))
    if unscored:
        message = f"{unscored} of the best {len(candidates)} are not encoded yet"
        result = replace(result, state=RankingState.INDEXING, message=message)
    put(ranked_query, RERANKED, replace(result, pool=len(candidates), cached=cached))


def _cross_encode(
    ranked_query: RankedQuery, settings: RerankSettings, cross: CrossEncoder | None
) -> None:
    if cross is None:
        reason = "no cross-encoder: `rerank.model` must name one"
        put(ranked_query, RERANKED, not_reranked(ranked_query, RankingState.FAILED, reason))
        return
    if not ranked_query.parsed.words:
        put(ranked_query, RERANKED, not_reranked(ranked_query, RankingState.READY, NO_WORDS))
        return
    candidates = pool.candidates(ranked_query, settings.pool)
    scored = pool.by_cross_encoder(ranked_query, candidates, cross)
    result = pool.reordered(ranked_query, candidates, *scored, settings.blend)
    put(ranked_query, RERANKED, replace(result, pool=len(candidates)))
