"""Rankings of a store that answers only what is best for a query.

The store lists a few hundred chunks by words and by vectors. A ranking knows these, and the chunks
that somebody asked about (`locate`): their ranks come from counting what scores higher. All other
chunks of the union of both lists get their missing score, so that fusion, reranking and
explanations work as they do over embedded stores.

What remains unknown is bounded: no unlisted chunk scores above the `ceiling` of a list. A rank is
certain if the score is above it; otherwise it is a lower bound, shown as `≥`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from membrowse.index.keyword_reader import FIELDS
from membrowse.index.protocols import Best, BestChunks, TermWeights
from membrowse.index.vector_table import StoredVectors
from membrowse.ranking.chunk_ranking import (
    ChunkRanking,
    Mask,
    Rows,
    Scores,
    Unlisted,
    in_order,
)
from membrowse.ranking.fusion import bounds, minmax_value
from membrowse.ranking.keyword import StoredTermMatches, TermMatches, satisfying_rows
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import FusionMethod, FusionSettings, KeywordSettings, VectorSettings
from membrowse.wire.search import KEYWORD, VECTOR, RankingState

_LOCATED = 64
"""Chunks of one note whose scores are asked for."""
_CERTAINTY = 1e-5
"""Scores that differ by less may be equal: the store sums in float32."""


def term_weights(matches: TermMatches, settings: KeywordSettings) -> TermWeights:
    """What each term counts in each field."""
    weights: dict[str, float] = msgspec.structs.asdict(settings.weights)
    return {
        (field, term): weights[field] * idf
        for term, idf in matches.idf.items()
        for field in FIELDS
        if weights[field] and matches.df[term]
    }


def rank_by_words(
    ranked_query: RankedQuery, matches: StoredTermMatches, settings: KeywordSettings, message: str
) -> ChunkRanking:
    """The chunks that the store lists for the query's terms. Raises `StoreUnavailable`."""
    if matches.failure is not None:
        raise matches.failure
    store, weights = matches.store, term_weights(matches, settings)
    ranked_query.stored_weights = weights
    if not weights:
        return _listed(ranked_query, Best(*_NOTHING, complete=True), 0, message)
    scope = _keyword_scope(ranked_query, store)
    if (settings.k1, settings.b) != (store.k1, store.b):
        message = f"k1 {store.k1:g} and b {store.b:g}, as indexed, and not as set"
    return _listed(ranked_query, store.best_by_words(weights, scope), 0, message)


def _keyword_scope(ranked_query: RankedQuery, store: BestChunks) -> Mask | None:
    constraints = ranked_query.parsed.constraints
    scope = ranked_query.scope
    if constraints:
        scope = scope & satisfying_rows(store, constraints)
    return None if scope.all() else scope


def rank_by_vector(
    ranked_query: RankedQuery,
    store: BestChunks,
    query: NDArray[np.float32],
    settings: VectorSettings,
    state: RankingState,
    message: str,
) -> ChunkRanking:
    """The chunks that the store lists for `query` ([d]), and those that it lists for the terms."""
    found = store.nearest(query, _vector_scope(ranked_query))
    ceiling = 1.0
    if len(found.scores) and found.exact:
        ceiling = _combined(1.0, float(found.scores[-1]), settings.passage_weight)
    scores = dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
    if settings.passage_weight < 1.0:
        scores = _vector_scores(store, found.rows.tolist(), query, settings)
    best = _ordered(scores, complete=found.complete)
    reachable = int(np.count_nonzero(ranked_query.generation.encoded & ranked_query.scope))
    ranking = _listed(ranked_query, best, reachable, message, state, ceiling)
    keyword = ranked_query.ranking(KEYWORD)
    others = _new_rows(keyword.order, ranking)
    ranking = _with_rows(ranking, _vector_scores(store, others, query, settings))
    _add_keyword_scores(ranked_query, store, _new_rows(ranking.order, keyword))
    return ranking


def _add_keyword_scores(ranked_query: RankedQuery, store: BestChunks, rows: Sequence[int]) -> None:
    """Complete the keyword ranking by the scores of these rows, if they contain a term."""
    keyword = ranked_query.ranking(KEYWORD)
    weights = ranked_query.stored_weights
    if not weights or keyword.unlisted is None or keyword.unlisted.complete:
        return
    scope = _keyword_scope(ranked_query, store)
    found = store.scores_by_words(weights, [r for r in rows if scope is None or scope[r]])
    known = dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
    ranked_query.rankings[KEYWORD] = _with_rows(keyword, known)


def _vector_scope(ranked_query: RankedQuery) -> Mask | None:
    return None if ranked_query.scope.all() else ranked_query.scope


def _vector_scores(
    store: BestChunks, rows: Sequence[int], query: NDArray[np.float32], settings: VectorSettings
) -> dict[int, float]:
    return {
        row: vector_score(vectors, query, settings.passage_weight)
        for row, vectors in store.vectors(rows).items()
    }


def vector_score(
    vectors: StoredVectors, query: NDArray[np.float32], passage_weight: float
) -> float:
    """The score of one chunk for `query` ([d]); see `ranking.vector`."""
    whole = float(vectors.vector @ query)
    best = float((vectors.passage_vectors @ query).max()) if vectors.passages else 0.0
    return _combined(whole, best, passage_weight)


def _combined(whole: float, passage: float, passage_weight: float) -> float:
    return (1.0 - passage_weight) * whole + passage_weight * passage


def locate(
    ranked_query: RankedQuery,
    store: BestChunks,
    rows: Sequence[int],
    query: NDArray[np.float32] | None,
    settings: VectorSettings,
) -> None:
    """Find the scores of `rows` in the keyword and vector rankings, and the rank of the best.

    Call it before fusion; an unknown row has no rank in any ranking.
    """
    wanted = [row for row in rows[:_LOCATED] if ranked_query.scope[row]]
    _add_keyword_scores(ranked_query, store, _new_rows(wanted, ranked_query.ranking(KEYWORD)))
    weights = ranked_query.stored_weights
    keyword = ranked_query.ranking(KEYWORD)
    if (best := _best_uncertain(keyword, wanted)) is not None and weights:
        above = store.above_by_words(
            weights, float(keyword.scores[best]), _keyword_scope(ranked_query, store)
        )
        ranked_query.rankings[KEYWORD] = _counted(keyword, best, above)
    vector = ranked_query.ranking(VECTOR)
    if query is None or vector.unlisted is None:
        return
    new = _new_rows(wanted, vector)
    vector = _with_rows(vector, _vector_scores(store, new, query, settings))
    best = _best_uncertain(vector, wanted)
    if best is not None and settings.passage_weight == 1.0:
        nearer = store.nearer(query, float(vector.scores[best]), _vector_scope(ranked_query))
        vector = _counted(vector, best, nearer)
    ranked_query.rankings[VECTOR] = vector


def is_located(ranked_query: RankedQuery, rows: Sequence[int]) -> bool:
    """Whether `locate` would add nothing."""
    for name in (KEYWORD, VECTOR):
        ranking = ranked_query.ranking(name)
        if ranking.unlisted is not None and not ranking.unlisted.complete:
            wanted = [row for row in rows[:_LOCATED] if ranked_query.scope[row]]
            if _best_uncertain(ranking, wanted) is not None or _new_rows(wanted, ranking):
                return False
    return True


def _best_uncertain(ranking: ChunkRanking, rows: Sequence[int]) -> int | None:
    """The row with the highest score, unless its rank is certain; None if none has a score."""
    known = [row for row in rows if ranking.ranks[row]]
    if not known:
        return None
    best = min(known, key=lambda row: (int(ranking.ranks[row]), row))
    return best if ranking.is_lower_bound(best) else None


def _counted(ranking: ChunkRanking, row: int, above: Best) -> ChunkRanking:
    """`ranking` with the rank of `row` found by counting what scores higher."""
    score = float(ranking.scores[row])
    margin = _CERTAINTY * max(1.0, abs(score))
    higher = above.rows[above.scores > score + margin]
    equal = above.rows[np.abs(above.scores - score) <= margin]
    rank = 1 + len(higher) + int(np.count_nonzero(equal < row))
    ranks = ranking.ranks.copy()
    ranks[row] = max(rank, int(ranks[row]))
    unlisted = ranking.unlisted
    if unlisted is None:
        return ranking
    unsure = unlisted.bounds.copy()
    unsure[row] = not above.complete
    unlisted = replace(unlisted, bounds=unsure, ranked=max(unlisted.ranked, int(ranks[row])))
    return replace(ranking, ranks=ranks, unlisted=unlisted)


def bound_fused(
    fused: ChunkRanking,
    keyword: ChunkRanking,
    vector: ChunkRanking,
    weight: float,
    settings: FusionSettings,
) -> ChunkRanking:
    """`fused`, with what the unlisted chunks of its inputs leave open."""
    if keyword.unlisted is None and vector.unlisted is None:
        return fused
    ceiling = weight * _highest_input(vector, settings)
    ceiling += (1.0 - weight) * _highest_input(keyword, settings)
    complete = keyword.complete and vector.complete
    unsure = np.zeros(len(fused.scores), np.bool_)
    if not complete:
        unsure = (fused.ranks > 0) & (fused.scores <= ceiling + _CERTAINTY)
    return replace(fused, unlisted=Unlisted(unsure, ceiling, len(fused.order), complete))


def _highest_input(ranking: ChunkRanking, settings: FusionSettings) -> float:
    """What a chunk that `ranking` does not list contributes to a fused score at most."""
    if ranking.unlisted is None or ranking.unlisted.complete:
        return 0.0
    if settings.method is FusionMethod.RRF:
        return 1.0 / (settings.rrf_k + len(ranking.order) + 1)
    low, high = bounds(ranking.scores, ranking.ranks > 0, 0.0)
    return min(1.0, minmax_value(ranking.unlisted.ceiling, low, high))


def bound_reranked(reranked: ChunkRanking, fused: ChunkRanking) -> ChunkRanking:
    """`reranked`, with what the fused ranking leaves open: without the whole pool, all of it."""
    unlisted = fused.unlisted
    if unlisted is None:
        return reranked
    pool = reranked.pool or 0
    unsure = unlisted.bounds.copy()
    unsure[fused.order[:pool]] = unsure[fused.order[:pool]].any()
    return replace(reranked, unlisted=replace(unlisted, bounds=unsure))


def union(ranked_query: RankedQuery) -> Mask:
    """The rows that keyword or vector ranking knows; fusion ranks these."""
    known = np.zeros(len(ranked_query.chunks), np.bool_)
    for name in (KEYWORD, VECTOR):
        known |= ranked_query.ranking(name).ranks > 0
    return known & ranked_query.scope


def _new_rows(rows: Iterable[int], ranking: ChunkRanking) -> list[int]:
    return [int(row) for row in rows if not ranking.ranks[row]]


def _ordered(scores: dict[int, float], *, complete: bool) -> Best:
    rows = sorted(scores, key=lambda row: (-scores[row], row))
    values = np.array([scores[row] for row in rows], np.float64)
    return Best(np.array(rows, np.int32), values, complete)


def _listed(
    ranked_query: RankedQuery,
    best: Best,
    reachable: int,
    message: str,
    state: RankingState = RankingState.READY,
    ceiling: float | None = None,
) -> ChunkRanking:
    """A ranking of `best`; ranks are certain above the `ceiling`, by default the last score."""
    scores: Scores = np.zeros(len(ranked_query.chunks))
    scores[best.rows] = best.scores
    unsure = np.zeros(len(scores), np.bool_)
    if best.complete or not len(best.rows):
        ceiling = 0.0
    else:
        ceiling = float(best.scores[-1]) if ceiling is None else ceiling
        unsure[best.rows] = best.scores <= ceiling + _CERTAINTY * max(1.0, abs(ceiling))
    ranking = in_order(scores, best.rows, state, message)
    ranked = max(reachable, len(best.rows))
    return replace(ranking, unlisted=Unlisted(unsure, ceiling, ranked, best.complete))


def _with_rows(ranking: ChunkRanking, scores: dict[int, float]) -> ChunkRanking:
    """`ranking` with the scores of unlisted rows; their ranks are lower bounds."""
    if not scores or ranking.unlisted is None:
        return ranking
    all_scores, ranks = ranking.scores.copy(), ranking.ranks.copy()
    bound = ranking.unlisted.bounds.copy()
    for row, score in scores.items():
        all_scores[row] = score
    listed = set(ranking.order.tolist())
    known = {*np.flatnonzero((ranks > 0) & bound).tolist(), *scores}
    others = sorted(known - listed)
    others.sort(key=lambda row: (-all_scores[row], row))
    for place, row in enumerate(others, len(ranking.order) + 1):
        ranks[row] = place
        bound[row] = not ranking.unlisted.complete
    unlisted = replace(
        ranking.unlisted,
        bounds=bound,
        ranked=max(ranking.unlisted.ranked, len(ranking.order) + len(others)),
    )
    return replace(ranking, scores=all_scores, ranks=ranks, unlisted=unlisted)


_NOTHING: tuple[Rows, Scores] = (np.empty(0, np.int32), np.empty(0, np.float64))
