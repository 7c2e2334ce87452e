"""Answers what sets two chunks apart under one query."""

from __future__ import annotations

from membrowse.engine.courtesy import Pause
from membrowse.engine.explaining import evaluated, explained, row_of, row_of_target
from membrowse.engine.inspections import CompareRequest
from membrowse.engine.parts import Parts
from membrowse.findings.explanation import Comparison
from membrowse.ranking.comparing import comparison


def compare(parts: Parts, request: CompareRequest, pause: Pause) -> Comparison:
    """The chunk `left` against the target. `Unknown` where one of them is not indexed."""
    evaluation, settings = evaluated(parts, request.text, request.syntax)
    rows = (
        row_of(parts, evaluation.row_of, request.left),
        row_of_target(parts, evaluation, request.right),
    )
    both = []
    for row in rows:
        pause()
        both.append(explained(parts, evaluation, row, settings))
    return comparison(evaluation, both[0], both[1], pause)
