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
    by_score: Rows
    """[n]: the rank that each chunk would have by its score alone."""
    limited: Mask
    """[n]: which chunks follow after the others, because their root has enough better ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Unlisted:
    """What a ranking leaves open if its store lists only the best chunks."""

    bounds: Mask
    """[rows]: which ranks are lower bounds."""
    ceiling: float
    """No chunk outside the list scores more."""
    ranked: int
    """Chunks that have a rank, known or not; a lower bound."""
    complete: bool
    """Whether nothing is open: every chunk with a score is listed."""


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
    unlisted: Unlisted | None = None
    """None if every chunk's rank is known."""

    @property
    def total(self) -> int:
        """Number of chunks with a rank."""
        return len(self.order)

    @property
    def bytes(self) -> int:
        """Size of the arrays that grow with the index."""
        return self.scores.nbytes + self.order.nbytes + self.ranks.nbytes

    @property
    def ranked(self) -> int:
        """Number of chunks with a rank, whether it is known or not."""
        return self.total if self.unlisted is None else self.unlisted.ranked

    @property
    def complete(self) -> bool:
        """Whether every chunk with a rank is in `order`."""
        return self.unlisted is None or self.unlisted.complete

    def is_lower_bound(self, row: int) -> bool:
        """Whether the rank of the chunk at `row` may be higher than shown."""
        return self.unlisted is not None and bool(self.unlisted.bounds[row])

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
