"""Where a chunk stands in a ranking, as records tell it."""

from __future__ import annotations

from membrowse.ranking.ranked_query import ChunkRanking


def rank_of(ranking: ChunkRanking, row: int) -> int | None:
    """From 1; None where the chunk has none."""
    return int(ranking.ranks[row]) or None
