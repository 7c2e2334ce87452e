"""One ranking of all chunks, as arrays over the rows of a generation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from membrowse.wire.search import Approximate, MatchStrength, RankingState

Scores = NDArray[np.float64]
"""[rows]: a score per chunk of the generation, in canonical order (path, position)."""
Mask = NDArray[np.bool_]
"""[rows]"""
Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """How a pool of n chunks was reranked."""

    pool: Rows
    """[n], in fused order."""
    raw: Scores
    """[n]: the reranker's own scores (MaxSim, or the cross-encoder's)."""
    scored: Mask
    """[n]: which chunks of the pool the reranker could score."""
    share: float
    """Effective share of the reranker in the final score; the rest is the fused score's."""
    bonuses: Scores
    """[n]: added to the final score of notes that the query names."""


@dataclass(frozen=True, slots=True, eq=False)
class ChunkRanking:
    """Scores, order and ranks of all chunks in one ranking."""

    state: RankingState
    scores: Scores
    """0 for a chunk without a rank."""
    order: Rows
    """[total]: rows with a rank, best first; ties by path and position."""
    ranks: Rows
    """[rows]: from 1; 0 for a chunk without a rank."""
    took_ms: float = 0.0
    message: str = ""
    pool: int | None = None
    """Reranked only: the rows `order[:pool]` are reranked, the rest are in fused order."""
    cached: int | None = None
    """Reranked only: number of chunks of the pool whose token vectors were stored."""
    approximate: Approximate | None = None
    """Vector only: how HNSW compares."""
    strength: MatchStrength | None = None
    """Reranked only: whether anything matches well."""
    blend: Blend | None = None
    """Reranked only, if a reranker ran."""

    @property
    def total(self) -> int:
        """Number of chunks with a rank."""
        return len(self.order)

    def rank_of(self, row: int) -> int | None:
        """The rank of the chunk at `row`, from 1; None if it has none."""
        return int(self.ranks[row]) or None


def rank_by_score(
    scores: Scores, mask: Mask, state: RankingState, message: str = ""
) -> ChunkRanking:
    """Rank the rows of `mask` by descending score; ties keep canonical order."""
    rows = np.flatnonzero(mask)
    order = rows[_descending(scores[rows])].astype(np.int32)
    return in_order(np.where(mask, scores, 0.0), order, state, message)


def _descending(scores: Scores) -> NDArray[np.int64]:
    """Like a stable argsort of `-scores`, in a third of its time: few scores are equal."""
    order = np.argsort(-scores)
    found = scores[order]
    equal = found[1:] == found[:-1]
    if equal.any():
        tied = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
        run = np.cumsum(np.append(False, ~equal))[tied]
        order[tied] = order[tied][np.lexsort((order[tied], run))]
    return order


def in_order(scores: Scores, order: Rows, state: RankingState, message: str = "") -> ChunkRanking:
    """Rank the rows of `order` as they are."""
    ranks = np.zeros(len(scores), dtype=np.int32)
    ranks[order] = np.arange(1, len(order) + 1, dtype=np.int32)
    return ChunkRanking(state=state, scores=scores, order=order, ranks=ranks, message=message)


def empty_ranking(rows: int, state: RankingState, message: str) -> ChunkRanking:
    """Rank no chunk; `message` says why."""
    return in_order(np.zeros(rows), np.zeros(0, dtype=np.int32), state, message)
