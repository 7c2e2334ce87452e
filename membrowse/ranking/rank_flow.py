"""Follow the best chunks through all rankings."""

from __future__ import annotations

from membrowse.ranking.ranked_query import RankedQuery
from membrowse.wire.rank_flow import ChunkFlow, RankFlow
from membrowse.wire.search import FUSED, RANKINGS, RERANKED


def rank_flow(ranked_query: RankedQuery, depth: int) -> RankFlow:
    """Return the chunks in the first `depth` of any ranking, by reranked rank, then fused rank."""
    rankings = {
        name: ranked_query.rankings[name] for name in RANKINGS if name in ranked_query.rankings
    }
    depth = max(depth, 0)
    rows = {row for ranking in rankings.values() for row in ranking.order[:depth].tolist()}
    flows = [_flow(ranked_query, row) for row in sorted(rows)]
    return RankFlow(
        query=ranked_query.parsed.text,
        depth=depth,
        rankings=tuple(rankings),
        flows=tuple(sorted(flows, key=_by_rank)),
    )


def _flow(ranked_query: RankedQuery, row: int) -> ChunkFlow:
    chunk = ranked_query.chunks[row]
    return ChunkFlow(
        chunk=chunk.id,
        path=chunk.path,
        heading=chunk.heading,
        start_line=chunk.start_line,
        ranks={name: ranking.rank_of(row) for name, ranking in ranked_query.rankings.items()},
    )


def _by_rank(flow: ChunkFlow) -> tuple[float, float]:
    last, fused = flow.ranks.get(RERANKED), flow.ranks.get(FUSED)
    return last or float("inf"), fused or float("inf")
