"""Compares two chunks for one query."""

from __future__ import annotations

from membrowse.engine.components import Components
from membrowse.engine.handlers.explain import explained, rank_query, row_of_target
from membrowse.engine.priority import Pause
from membrowse.ranking.comparison import compare_chunks
from membrowse.wire.comparison import CompareRequest, Comparison


def compare(components: Components, request: CompareRequest, pause: Pause) -> Comparison:
    """Compare the chunk `left` with the target. Raises `Unknown` if one is not indexed."""
    ranked_query, settings = rank_query(components, request)
    rows = (
        components.targets.live_row(ranked_query.row_of, request.left),
        row_of_target(components, ranked_query, request.right),
    )
    both = []
    for row in rows:
        pause()
        both.append(explained(components, ranked_query, row, settings))
    return compare_chunks(ranked_query, both[0], both[1], pause)
