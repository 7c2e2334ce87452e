"""The way of the best chunks through all rankings."""

from __future__ import annotations

from membrowse.findings.explanation import Flow, RankFlow
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.explaining.places import rank_of
from membrowse.recall import FUSED, RANKINGS, RERANKED


def rank_flow(evaluation: Evaluation, depth: int) -> RankFlow:
    """The chunks that any ranking has in its first `depth`, by reranked rank, then fused."""
    rankings = {name: evaluation.rankings[name] for name in RANKINGS if name in evaluation.rankings}
    depth = max(depth, 0)
    rows = {row for ranking in rankings.values() for row in ranking.order[:depth].tolist()}
    flows = [_flow(evaluation, row) for row in sorted(rows)]
    return RankFlow(
        query=evaluation.parsed.text,
        depth=depth,
        rankings=tuple(rankings),
        flows=tuple(sorted(flows, key=_by_rank)),
    )


def _flow(evaluation: Evaluation, row: int) -> Flow:
    chunk = evaluation.chunks[row]
    return Flow(
        chunk=chunk.id,
        path=chunk.path,
        heading=chunk.heading,
        start_line=chunk.start_line,
        ranks={name: rank_of(ranking, row) for name, ranking in evaluation.rankings.items()},
    )


def _by_rank(flow: Flow) -> tuple[float, float]:
    last, fused = flow.ranks.get(RERANKED), flow.ranks.get(FUSED)
    return last or float("inf"), fused or float("inf")
