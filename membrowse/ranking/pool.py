"""The candidates of the last ranking: their token vectors, and their order once scored.

What is not stored is encoded on demand and stored (50 chunks take a second or two); chunks that
have no vector at all yet are left to indexing, so that no query waits while a folder is encoded.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from membrowse.encoding.encoder import EncoderInput
from membrowse.ranking import late_interaction
from membrowse.ranking.fusion import convex, minmax
from membrowse.ranking.ranked_query import (
    Blend,
    ChunkRanking,
    Mask,
    Maxima,
    RankedQuery,
    Rows,
    Scores,
    in_order,
)
from membrowse.settings import RerankSettings
from membrowse.wire.search import FUSED, RankingState

if TYPE_CHECKING:
    from membrowse.encoding.cross_encoder import CrossEncoder
    from membrowse.encoding.encoder import Encoder
    from membrowse.index.token_store import TokenStore

log = logging.getLogger(__name__)


def candidates(ranked_query: RankedQuery, size: int) -> Rows:
    """The rows to rerank: the first `size` of the fused ranking."""
    return ranked_query.rankings[FUSED].order[:size]


def known(ranked_query: RankedQuery, settings: RerankSettings) -> dict[str, float]:
    """MaxSim by content key, as far as it was worked out with these `settings`; may be added to."""
    weighing = (settings.stop_word_weight, settings.idf)
    return ranked_query.interactions.setdefault(weighing, {})


def maxima(ranked_query: RankedQuery, settings: RerankSettings) -> Maxima:
    """What of MaxSim does not hang on weights, as far as it was worked out; may be added to."""
    return ranked_query.maxima.setdefault(settings.stop_word_weight > 0, {})


def done(ranked_query: RankedQuery, settings: RerankSettings) -> frozenset[str]:
    """Content keys of the chunks whose MaxSim needs no token vectors any more."""
    return frozenset(known(ranked_query, settings).keys() | maxima(ranked_query, settings).keys())


def fetch(ranked_query: RankedQuery, pool: Rows, store: TokenStore, done: frozenset[str]) -> int:
    """Take the pool's token vectors from the store, but for those whose MaxSim is `done`; how many
    chunks can be scored."""
    keys = ranked_query.at().keys
    wanted = {keys[row] for row in pool.tolist()} - done
    ranked_query.tokens.update(store.get(sorted(wanted - ranked_query.tokens.keys())))
    held = ranked_query.tokens.keys() | done
    return sum(keys[row] in held for row in pool.tolist())


def missing(ranked_query: RankedQuery, pool: Rows, done: frozenset[str]) -> list[EncoderInput]:
    """What is encoded on demand: pool chunks that have a vector but no token vectors at hand, and
    whose MaxSim is not `done`."""
    generation = ranked_query.at()
    at_hand = ranked_query.tokens.keys() | done
    wanted = {
        key: generation.chunks[row]
        for row, key in ((row, generation.keys[row]) for row in pool.tolist())
        if generation.encoded[row] and key not in at_hand
    }
    return [EncoderInput(key, chunk.header, chunk.text) for key, chunk in wanted.items()]


def complete(
    ranked_query: RankedQuery,
    pool: Rows,
    store: TokenStore,
    encoder: Encoder,
    done: frozenset[str],
) -> None:
    """Encode what is missing, use it, and store it for the next query."""
    wanted = missing(ranked_query, pool, done)
    if not wanted:
        return
    encoded = encoder.encode(wanted)
    ranked_query.tokens.update({each.key: each for each in encoded})
    try:
        store.put(encoded)
    except (OSError, sqlite3.Error):
        log.warning("token vectors could not be stored", exc_info=True)


def by_late_interaction(
    ranked_query: RankedQuery, pool: Rows, settings: RerankSettings, idf: Callable[[str], float]
) -> tuple[Scores, Mask] | None:
    """MaxSim of the pool, [n], and which of it could be scored; None where nothing counts.

    What is known is not worked out again, and what is new is remembered.
    """
    query = ranked_query.encoded
    if query is None:
        return None
    weights = late_interaction.query_weights(
        query, settings.stop_word_weight, idf if settings.idf else None
    )
    if not weights.any():
        return None
    worked_out, greatest = known(ranked_query, settings), maxima(ranked_query, settings)
    keys = [ranked_query.at().keys[row] for row in pool.tolist()]
    tokens, some = late_interaction.counted(query, weights)
    for key in dict.fromkeys(keys):
        if key not in greatest and key in ranked_query.tokens:
            greatest[key] = late_interaction.maxima(tokens, ranked_query.tokens[key])
        if key not in worked_out and key in greatest:
            worked_out[key] = late_interaction.weighted(greatest[key], some)
    scores = np.array([worked_out.get(key, 0.0) for key in keys], dtype=np.float64)
    return scores, np.array([key in worked_out for key in keys], dtype=np.bool_)


def by_cross_encoder(
    ranked_query: RankedQuery, pool: Rows, cross: CrossEncoder
) -> tuple[Scores, Mask]:
    """The cross-encoder's scores of the pool, [n].

    What is known is not scored again, and what is new is remembered; equal texts are scored once.
    """
    keys = [ranked_query.at().keys[row] for row in pool.tolist()]
    chunks = {key: ranked_query.chunks[row] for key, row in zip(keys, pool.tolist(), strict=True)}
    wanted = [
        EncoderInput(key, chunk.header, chunk.text)
        for key, chunk in chunks.items()
        if key not in ranked_query.crossed
    ]
    if wanted:
        texts = [each.encoded_text for each in wanted]
        found = cross.score(ranked_query.parsed.words, texts).astype(np.float64)
        scored = zip(wanted, found.tolist(), strict=True)
        ranked_query.crossed.update((each.key, score) for each, score in scored)
    scores = np.array([ranked_query.crossed[key] for key in keys], dtype=np.float64)
    return scores, np.ones(len(keys), dtype=np.bool_)


def reordered(
    ranked_query: RankedQuery, pool: Rows, reranker: Scores, scored: Mask, share: float
) -> ChunkRanking:
    """The pool by share · minmax(reranker) + (1 - share) · minmax(fused), both over the pool; what
    the reranker could not score counts 0 there. The rest goes on in fused order and with the fused
    score.
    """
    fused = ranked_query.rankings[FUSED]
    own = fused.scores[pool]
    blended = convex(
        minmax(own, np.ones(len(pool), dtype=np.bool_)), minmax(reranker, scored), share
    )
    scores = fused.scores.copy()
    scores[pool] = blended
    by_row = np.argsort(pool)
    best = by_row[np.argsort(-blended[by_row], kind="stable")]
    order = np.concatenate([pool[best], fused.order[len(pool) :]]).astype(np.int32)
    blend = Blend(pool, reranker, scored, share)
    return replace(in_order(scores, order, RankingState.READY), blend=blend)
