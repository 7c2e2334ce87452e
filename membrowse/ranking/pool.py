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

from membrowse.encoding.values import ToEncode
from membrowse.ranking import late_interaction
from membrowse.ranking.evaluation import (
    Blend,
    Evaluation,
    Mask,
    Maxima,
    Ranked,
    Rows,
    Scores,
    in_order,
)
from membrowse.ranking.fusion import convex, minmax
from membrowse.recall import FUSED, RankingState
from membrowse.settings import RerankSettings

if TYPE_CHECKING:
    from membrowse.encoding.cross import CrossEncoderChild
    from membrowse.encoding.served import Encoder
    from membrowse.index.tokens import TokenStore

log = logging.getLogger(__name__)


def candidates(evaluation: Evaluation, size: int) -> Rows:
    """The rows to rerank: the first `size` of the fused ranking."""
    return evaluation.rankings[FUSED].order[:size]


def known(evaluation: Evaluation, settings: RerankSettings) -> dict[str, float]:
    """MaxSim by content key, as far as it was worked out with these `settings`; may be added to."""
    weighing = (settings.stop_word_weight, settings.idf)
    return evaluation.interactions.setdefault(weighing, {})


def maxima(evaluation: Evaluation, settings: RerankSettings) -> Maxima:
    """What of MaxSim does not hang on weights, as far as it was worked out; may be added to."""
    return evaluation.maxima.setdefault(settings.stop_word_weight > 0, {})


def done(evaluation: Evaluation, settings: RerankSettings) -> frozenset[str]:
    """Content keys of the chunks whose MaxSim needs no token vectors any more."""
    return frozenset(known(evaluation, settings).keys() | maxima(evaluation, settings).keys())


def fetch(evaluation: Evaluation, pool: Rows, store: TokenStore, done: frozenset[str]) -> int:
    """Take the pool's token vectors from the store, but for those whose MaxSim is `done`; how many
    chunks can be scored."""
    keys = evaluation.at().keys
    wanted = {keys[row] for row in pool.tolist()} - done
    evaluation.tokens.update(store.get(sorted(wanted - evaluation.tokens.keys())))
    held = evaluation.tokens.keys() | done
    return sum(keys[row] in held for row in pool.tolist())


def missing(evaluation: Evaluation, pool: Rows, done: frozenset[str]) -> list[ToEncode]:
    """What is encoded on demand: pool chunks that have a vector but no token vectors at hand, and
    whose MaxSim is not `done`."""
    generation = evaluation.at()
    at_hand = evaluation.tokens.keys() | done
    wanted = {
        key: generation.chunks[row]
        for row, key in ((row, generation.keys[row]) for row in pool.tolist())
        if generation.encoded[row] and key not in at_hand
    }
    return [ToEncode(key, chunk.header, chunk.text) for key, chunk in wanted.items()]


def complete(
    evaluation: Evaluation,
    pool: Rows,
    store: TokenStore,
    encoder: Encoder,
    done: frozenset[str],
) -> None:
    """Encode what is missing, use it, and store it for the next query."""
    wanted = missing(evaluation, pool, done)
    if not wanted:
        return
    encoded = encoder.encode(wanted)
    evaluation.tokens.update({each.key: each for each in encoded})
    try:
        store.put(encoded)
    except (OSError, sqlite3.Error):
        log.warning("token vectors could not be stored", exc_info=True)


def by_late_interaction(
    evaluation: Evaluation, pool: Rows, settings: RerankSettings, idf: Callable[[str], float]
) -> tuple[Scores, Mask] | None:
    """MaxSim of the pool, [n], and which of it could be scored; None where nothing counts.

    What is known is not worked out again, and what is new is remembered.
    """
    query = evaluation.encoded
    if query is None:
        return None
    weights = late_interaction.query_weights(
        query, settings.stop_word_weight, idf if settings.idf else None
    )
    if not weights.any():
        return None
    worked_out, greatest = known(evaluation, settings), maxima(evaluation, settings)
    keys = [evaluation.at().keys[row] for row in pool.tolist()]
    tokens, some = late_interaction.counted(query, weights)
    for key in dict.fromkeys(keys):
        if key not in greatest and key in evaluation.tokens:
            greatest[key] = late_interaction.maxima(tokens, evaluation.tokens[key])
        if key not in worked_out and key in greatest:
            worked_out[key] = late_interaction.weighted(greatest[key], some)
    scores = np.array([worked_out.get(key, 0.0) for key in keys], dtype=np.float64)
    return scores, np.array([key in worked_out for key in keys], dtype=np.bool_)


def by_cross_encoder(
    evaluation: Evaluation, pool: Rows, cross: CrossEncoderChild
) -> tuple[Scores, Mask]:
    """The cross-encoder's scores of the pool, [n].

    What is known is not scored again, and what is new is remembered; equal texts are scored once.
    """
    keys = [evaluation.at().keys[row] for row in pool.tolist()]
    chunks = {key: evaluation.chunks[row] for key, row in zip(keys, pool.tolist(), strict=True)}
    wanted = [
        ToEncode(key, chunk.header, chunk.text)
        for key, chunk in chunks.items()
        if key not in evaluation.crossed
    ]
    if wanted:
        texts = [each.encoded_text for each in wanted]
        found = cross.score(evaluation.parsed.words, texts).astype(np.float64)
        scored = zip(wanted, found.tolist(), strict=True)
        evaluation.crossed.update((each.key, score) for each, score in scored)
    scores = np.array([evaluation.crossed[key] for key in keys], dtype=np.float64)
    return scores, np.ones(len(keys), dtype=np.bool_)


def reordered(
    evaluation: Evaluation, pool: Rows, reranker: Scores, scored: Mask, share: float
) -> Ranked:
    """The pool by share · minmax(reranker) + (1 - share) · minmax(fused), both over the pool; what
    the reranker could not score counts 0 there. The rest goes on in fused order and with the fused
    score.
    """
    fused = evaluation.rankings[FUSED]
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
