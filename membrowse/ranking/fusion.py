"""Fuse two rankings into one: a function per method, with its paper.

All take scores or ranks over the same rows, and a weight from 0 to 1, the vector's share: 0 leaves
only the keyword ranking, 1 only the vector ranking.
"""

from __future__ import annotations

import math

import numpy as np

from membrowse.ranking.chunk_ranking import ChunkRanking, Mask, Rows, Scores


def floor(ranking: ChunkRanking) -> float:
    """The least score that counts as the lowest of `ranking`: the lowest is unknown if chunks are
    not listed, and taken to be 0 then."""
    return math.inf if ranking.complete else 0.0


def minmax(scores: Scores, mask: Mask, floor: float = math.inf) -> Scores:
    """Scale `scores` over `mask`, from the lowest or from a lower `floor`, to 0 … 1; 0 elsewhere.

    If all scores are equal, all become 1, or 0 if they are not positive: a single match is the best
    one.
    """
    result = np.zeros(len(scores))
    low, high = bounds(scores, mask, floor)
    if high > low:
        result[mask] = (scores[mask] - low) / (high - low)
    elif high > 0:
        result[mask] = 1.0
    return result


def bounds(scores: Scores, mask: Mask, floor: float = math.inf) -> tuple[float, float]:
    """Return the lowest (at most `floor`) and highest of `scores` over `mask`; 0 and 0 if it is
    empty."""
    inside = scores[mask]
    return (min(floor, float(inside.min())), float(inside.max())) if len(inside) else (0.0, 0.0)


def minmax_value(score: float, low: float, high: float) -> float:
    """Scale one score like `minmax` between these bounds."""
    if high > low:
        return (score - low) / (high - low)
    return 1.0 if score > 0 else 0.0


def vector_weight(weight: float, known: float, ranked: int, scope: Mask) -> float:
    """Scale the vector's `weight` by the `known` share of the query, and by the share of the chunks
    in `scope` that are `ranked`: while chunks are encoded, the few that are must not come first.
    """
    return weight * known * (ranked / max(1, int(np.count_nonzero(scope))))


def convex(keyword: Scores, vector: Scores, weight: float) -> Scores:
    """weight · vector + (1 - weight) · keyword, both normalised to 0 … 1.

    Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM Transactions
    on Information Systems 42 (2023).
    """
    return weight * vector + (1.0 - weight) * keyword


def reciprocal_rank(keyword: Rows, vector: Rows, weight: float, k: int) -> Scores:
    """weight / (k + vector's rank) + (1 - weight) / (k + keyword's rank); rank 0 adds nothing.

    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
    Learning Methods", SIGIR 2009; with a weight per ranking.
    """
    return weight * _reciprocal(vector, k) + (1.0 - weight) * _reciprocal(keyword, k)


def _reciprocal(ranks: Rows, k: int) -> Scores:
    result = np.zeros(len(ranks))
    has_rank = ranks > 0
    result[has_rank] = 1.0 / (k + ranks[has_rank].astype(np.float64))
    return result
