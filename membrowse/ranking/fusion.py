"""How two rankings become one: one function for each method, its paper cited.

All take scores or ranks over the same rows and a weight, the vector's share from 0 to 1; with 0 the
keyword ranking alone remains, with 1 the vector's.
"""

from __future__ import annotations

import numpy as np

from membrowse.ranking.ranked_query import Mask, Rows, Scores


def minmax(scores: Scores, mask: Mask) -> Scores:
    """`scores` over `mask` stretched to 0 … 1, and 0 elsewhere.

    Where all scores are equal (or there are none) nothing is told apart, and all are 0.
    """
    result = np.zeros(len(scores))
    low, high = bounds(scores, mask)
    if high > low:
        result[mask] = (scores[mask] - low) / (high - low)
    return result


def bounds(scores: Scores, mask: Mask) -> tuple[float, float]:
    """The lowest and the highest of `scores` over `mask`; 0 and 0 where it is empty."""
    inside = scores[mask]
    return (float(inside.min()), float(inside.max())) if len(inside) else (0.0, 0.0)


def stretched(score: float, low: float, high: float) -> float:
    """What `minmax` makes of one score between these bounds."""
    return (score - low) / (high - low) if high > low else 0.0


def vector_weight(weight: float, known: float, ranked: int) -> float:
    """The vector's weight as used: scaled by the share of the query that the encoder knows, and 0
    where it ranks no chunk."""
    return weight * known if ranked else 0.0


def convex(keyword: Scores, vector: Scores, weight: float) -> Scores:
    """weight · vector + (1 - weight) · keyword, both normalised to 0 … 1 before.

    Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM Transactions
    on Information Systems 42 (2023).
    """
    return weight * vector + (1.0 - weight) * keyword


def reciprocal_rank(keyword: Rows, vector: Rows, weight: float, k: int) -> Scores:
    """weight / (k + vector's rank) + (1 - weight) / (k + keyword's rank); rank 0 adds nothing.

    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
    Learning Methods", SIGIR 2009; with a weight for each ranking.
    """
    return weight * _reciprocal(vector, k) + (1.0 - weight) * _reciprocal(keyword, k)


def _reciprocal(ranks: Rows, k: int) -> Scores:
    result = np.zeros(len(ranks))
    has_rank = ranks > 0
    result[has_rank] = 1.0 / (k + ranks[has_rank].astype(np.float64))
    return result
