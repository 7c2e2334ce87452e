"""The last stage: reorder the top of the fused ranking by late interaction or a cross-encoder.

Missing token vectors are encoded on demand and stored (50 chunks take a second or two), some at a
time, so that a query can be dropped when its client has gone. Chunks without any vector are left to
indexing, so no query waits while a folder is encoded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from membrowse.encoding.cross_encoder import CrossEncoder
from membrowse.encoding.encoder import Encoder, EncoderInput
from membrowse.index.token_store import TokenStore
from membrowse.ranking import late_interaction
from membrowse.ranking.chunk_ranking import Blend, ChunkRanking, Mask, Rows, Scores, in_order
from membrowse.ranking.fusion import convex, minmax
from membrowse.ranking.note_names import name_bonuses
from membrowse.ranking.ranked_query import NO_WORDS, Maxima, RankedQuery
from membrowse.settings import RerankMethod, RerankSettings
from membrowse.wire.search import FUSED, RERANKED, VECTOR, RankingState

Idf = Callable[[str], float]

_ENCODED_AT_ONCE = 4
"""Chunks that are encoded in a tenth of a second; the next query waits for them."""


def gather(ranked_query: RankedQuery, settings: RerankSettings, store: TokenStore) -> int:
    """Fetch stored token vectors; return how many are missing.

    If any is missing, put the fused ranking as a waiting reranked one.
    """
    if not _can_interact(ranked_query, settings):
        return 0
    pool = _pool(ranked_query, settings)
    scored = _scored_keys(ranked_query, settings)
    cached = _fetch_token_vectors(ranked_query, pool, store, scored)
    missing = len(_missing_inputs(ranked_query, pool, scored))
    if missing:
        reason = f"{cached}/{len(pool)} cached, encoding the rest"
        waiting = ranked_query.not_reranked(RankingState.LOADING, reason)
        ranked_query.put(RERANKED, replace(waiting, pool=len(pool), cached=cached))
    return missing


def encode_some(
    ranked_query: RankedQuery, settings: RerankSettings, store: TokenStore, encoder: Encoder
) -> int:
    """Encode and store some of the missing token vectors, and return how many are still missing."""
    if not _can_interact(ranked_query, settings):
        return 0
    missing = _missing_inputs(
        ranked_query, _pool(ranked_query, settings), _scored_keys(ranked_query, settings)
    )
    if not missing:
        return 0
    encoded = encoder.encode(missing[:_ENCODED_AT_ONCE])
    ranked_query.token_vectors.update({text.key: text for text in encoded})
    store.put_soon(encoded)
    return len(missing) - len(encoded)


def rerank(
    ranked_query: RankedQuery,
    settings: RerankSettings,
    store: TokenStore,
    encoder: Encoder | None,
    cross: CrossEncoder | None,
    idf: Idf,
) -> None:
    """Put the reranked ranking, or the fused one with the reason why it is not reranked."""
    if settings.method is RerankMethod.NONE:
        _put_not_reranked(ranked_query, RankingState.OFF, "switched off (`rerank.method`)")
    elif settings.method is RerankMethod.CROSS_ENCODER:
        _cross_encode(ranked_query, settings, cross)
    elif encoder is None or not _can_interact(ranked_query, settings):
        vector = ranked_query.ranking(VECTOR)
        reason = vector.message if ranked_query.parsed.words else NO_WORDS
        _put_not_reranked(ranked_query, vector.state, reason or NO_WORDS)
    else:
        _interact(ranked_query, settings, store, encoder, idf)


def _put_not_reranked(ranked_query: RankedQuery, state: RankingState, reason: str) -> None:
    ranked_query.put(RERANKED, ranked_query.not_reranked(state, reason))


def _can_interact(ranked_query: RankedQuery, settings: RerankSettings) -> bool:
    late = settings.method is RerankMethod.LATE_INTERACTION
    words = bool(ranked_query.parsed.words) and ranked_query.encoded is not None
    return late and words and FUSED in ranked_query.rankings


def _interact(
    ranked_query: RankedQuery,
    settings: RerankSettings,
    store: TokenStore,
    encoder: Encoder,
    idf: Idf,
) -> None:
    pool = _pool(ranked_query, settings)
    waiting = ranked_query.rankings.get(RERANKED)
    cached = waiting.cached if waiting else None
    scored_keys = _scored_keys(ranked_query, settings)
    if cached is None:
        cached = _fetch_token_vectors(ranked_query, pool, store, scored_keys)
    while encode_some(ranked_query, settings, store, encoder):
        pass
    result = _late_scores(ranked_query, pool, settings, idf)
    if result is None:
        reason = "the encoder knows no word of the query"
        _put_not_reranked(ranked_query, RankingState.READY, reason)
        return
    scores, scored = result
    share = settings.blend * ranked_query.known_share
    ranking = _blended(ranked_query, pool, scores, scored, share, settings)
    unscored = len(pool) - int(np.count_nonzero(scored))
    if unscored:
        message = f"{unscored} of the best {len(pool)} are not encoded yet"
        ranking = replace(ranking, state=RankingState.INDEXING, message=message)
    ranked_query.put(RERANKED, replace(ranking, pool=len(pool), cached=cached))


def _cross_encode(
    ranked_query: RankedQuery, settings: RerankSettings, cross: CrossEncoder | None
) -> None:
    if cross is None:
        reason = "no cross-encoder: `rerank.model` must name one"
        _put_not_reranked(ranked_query, RankingState.FAILED, reason)
        return
    if not ranked_query.parsed.words:
        _put_not_reranked(ranked_query, RankingState.READY, NO_WORDS)
        return
    pool = _pool(ranked_query, settings)
    scores = _cross_scores(ranked_query, pool, cross)
    scored = np.ones(len(pool), dtype=np.bool_)
    ranking = _blended(ranked_query, pool, scores, scored, settings.blend, settings)
    ranked_query.put(RERANKED, replace(ranking, pool=len(pool)))


def _pool(ranked_query: RankedQuery, settings: RerankSettings) -> Rows:
    """Return the candidates: the first rows of the fused ranking."""
    return ranked_query.rankings[FUSED].order[: settings.pool]


def _known_scores(ranked_query: RankedQuery, settings: RerankSettings) -> dict[str, float]:
    """Return the MaxSim computed under these `settings`, by content key; may be extended."""
    weighting = (settings.stop_word_weight, settings.idf)
    return ranked_query.late_scores.setdefault(weighting, {})


def _known_maxima(ranked_query: RankedQuery, settings: RerankSettings) -> Maxima:
    """Return the computed similarities, which do not depend on weights; may be extended."""
    return ranked_query.maxima.setdefault(settings.stop_word_weight > 0, {})


def _scored_keys(ranked_query: RankedQuery, settings: RerankSettings) -> frozenset[str]:
    """Return the content keys of chunks whose MaxSim needs no token vectors any more."""
    scores, maxima = _known_scores(ranked_query, settings), _known_maxima(ranked_query, settings)
    return frozenset(scores.keys() | maxima.keys())


def _fetch_token_vectors(
    ranked_query: RankedQuery, pool: Rows, store: TokenStore, scored: frozenset[str]
) -> int:
    """Fetch the pool's token vectors unless already `scored`; return how many can be scored."""
    keys = ranked_query.generation.keys
    needed = {keys[row] for row in pool.tolist()} - scored
    known = ranked_query.token_vectors
    known.update(store.get(sorted(needed - known.keys())))
    available = known.keys() | scored
    return sum(keys[row] in available for row in pool.tolist())


def _missing_inputs(
    ranked_query: RankedQuery, pool: Rows, scored: frozenset[str]
) -> list[EncoderInput]:
    """Return encoder inputs of pool chunks without token vectors or score.

    Chunks without a vector wait for it, unless a store keeps the vectors.
    """
    generation, query = ranked_query.generation, ranked_query.encoded
    foreign = query is not None and query.foreign
    available = ranked_query.token_vectors.keys() | scored
    missing = {
        key: generation.chunks[row]
        for row, key in ((row, generation.keys[row]) for row in pool.tolist())
        if (foreign or generation.encoded[row]) and key not in available
    }
    return [EncoderInput(key, chunk.header, chunk.text) for key, chunk in missing.items()]


def _late_scores(
    ranked_query: RankedQuery, pool: Rows, settings: RerankSettings, idf: Idf
) -> tuple[Scores, Mask] | None:
    """Return MaxSim of the pool, [n], and which of it could be scored.

    None if no query token has a weight. Reuses known scores and remembers new ones.
    """
    query = ranked_query.encoded
    if query is None:
        return None
    weights = late_interaction.query_weights(
        query, settings.stop_word_weight, idf if settings.idf else None
    )
    if not weights.any():
        return None
    scores = _known_scores(ranked_query, settings)
    maxima = _known_maxima(ranked_query, settings)
    keys = [ranked_query.generation.keys[row] for row in pool.tolist()]
    tokens, token_weights = late_interaction.weighted_tokens(query, weights)
    for key in dict.fromkeys(keys):
        if key not in maxima and key in ranked_query.token_vectors:
            maxima[key] = late_interaction.maxima(tokens, ranked_query.token_vectors[key])
        if key not in scores and key in maxima:
            scores[key] = late_interaction.weighted_mean(maxima[key], token_weights)
    pool_scores = np.array([scores.get(key, 0.0) for key in keys], dtype=np.float64)
    return pool_scores, np.array([key in scores for key in keys], dtype=np.bool_)


def _cross_scores(ranked_query: RankedQuery, pool: Rows, cross: CrossEncoder) -> Scores:
    """Return the cross-encoder's scores of the pool, [n].

    Reuses known scores and remembers new ones; equal texts are scored once.
    """
    keys = [ranked_query.generation.keys[row] for row in pool.tolist()]
    chunks = {key: ranked_query.chunks[row] for key, row in zip(keys, pool.tolist(), strict=True)}
    known = ranked_query.cross_scores
    inputs = [
        EncoderInput(key, chunk.header, chunk.text)
        for key, chunk in chunks.items()
        if key not in known
    ]
    if inputs:
        texts = [item.encoded_text for item in inputs]
        scores = cross.score(ranked_query.parsed.words, texts).astype(np.float64)
        new = zip(inputs, scores.tolist(), strict=True)
        known.update((item.key, score) for item, score in new)
    return np.array([known[key] for key in keys], dtype=np.float64)


def _blended(
    ranked_query: RankedQuery,
    pool: Rows,
    reranker: Scores,
    scored: Mask,
    share: float,
    settings: RerankSettings,
) -> ChunkRanking:
    """Order the pool by share · minmax(reranker) + (1 - share) · minmax(fused), over the pool.

    The best chunk of a note that the query names gets the name bonus on top. Chunks beyond the
    limit of their root follow after the others of the pool. A chunk that the reranker could not
    score keeps its fused score. The rest follows in fused order with the fused score.
    """
    fused = ranked_query.rankings[FUSED]
    pool_fused = fused.scores[pool]
    normalised = minmax(pool_fused, np.ones(len(pool), dtype=np.bool_))
    blended = convex(normalised, np.where(scored, minmax(reranker, scored), normalised), share)
    paths = [ranked_query.chunks[row].path for row in pool.tolist()]
    bonuses = name_bonuses(ranked_query.parsed.words, paths, blended, settings.name_bonus)
    blended += bonuses
    scores = fused.scores.copy()
    scores[pool] = blended
    by_row = np.argsort(pool)
    best = by_row[np.argsort(-blended[by_row], kind="stable")]
    by_score = np.empty(len(pool), dtype=np.int32)
    by_score[best] = np.arange(1, len(pool) + 1)
    limited = _beyond_root_limit(paths, best.tolist(), settings.per_root_limit)
    best = np.concatenate([best[~limited[best]], best[limited[best]]])
    order = np.concatenate([pool[best], fused.order[len(pool) :]]).astype(np.int32)
    blend = Blend(pool, reranker, scored, share, bonuses, by_score, limited)
    return replace(in_order(scores, order, RankingState.READY), blend=blend)


def _beyond_root_limit(paths: Sequence[str], best_first: Iterable[int], limit: int) -> Mask:
    """Return which of `paths` [n] are beyond the `limit` best of their root; 0: none."""
    limited = np.zeros(len(paths), dtype=np.bool_)
    taken: Counter[str] = Counter()
    for place in best_first if limit else ():
        root = paths[place].partition("/")[0]
        limited[place] = taken[root] >= limit
        taken[root] += 1
    return limited
