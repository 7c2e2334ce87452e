"""Two chunks under one query: what sets them apart, and who else says nearly the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from membrowse.findings.explanation import Comparison, Explanation, NearlySame
from membrowse.ranking import results
from membrowse.ranking.contrast import LEFT, RIGHT, verdict
from membrowse.ranking.differences import differences, only_in
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.resembling import nearly_same, resemblance, terms
from membrowse.ranking.stages import milliseconds
from membrowse.recall import RERANKED

MOST_COPIES = 10
"""Nearly the same chunks that are named, of each of the two."""


def comparison(
    evaluation: Evaluation,
    left: Explanation,
    right: Explanation,
    pause: Callable[[], None] = lambda: None,
) -> Comparison:
    """The two explanations, of one evaluation, side by side."""
    started = time.perf_counter()
    reader = evaluation.at().keyword

    def frequency(term: str) -> int:
        return len(reader.postings("body", term)[0])

    apart = differences(left, right)
    rows = {evaluation.row_of[each.hit.chunk] for each in (left, right)}
    sides = {LEFT: left, RIGHT: right} if len(rows) == 2 else {LEFT: left}
    copies = tuple(
        copy
        for side, explained in sides.items()
        for copy in _copies(evaluation, explained, side, rows, pause)
    )
    alike = resemblance(terms(left.text), terms(right.text))
    return Comparison(
        query=evaluation.parsed.text,
        verdict=verdict(left, right, apart, alike, copies),
        left=left,
        right=right,
        differences=apart,
        only_left=only_in(left.text, right.text, frequency),
        only_right=only_in(right.text, left.text, frequency),
        nearly_same=copies,
        took_ms=milliseconds(started),
    )


def _copies(
    evaluation: Evaluation,
    of: Explanation,
    side: str,
    compared: set[int],
    pause: Callable[[], None],
) -> Iterator[NearlySame]:
    """Chunks nearly the same as `of`, the `compared` ones aside."""
    found = nearly_same(evaluation.at(), evaluation.row_of[of.hit.chunk], pause)
    others = [each for each in found if each.row not in compared]
    for other in others[:MOST_COPIES]:
        hit = results.hit(evaluation, other.row)
        yield NearlySame(
            chunk=hit.chunk,
            path=hit.path,
            heading=hit.heading,
            start_line=hit.start_line,
            end_line=hit.end_line,
            date=hit.date,
            of=side,
            resemblance=other.resemblance,
            cosine=other.cosine,
            rank=hit.ranks.get(RERANKED),
            snippet=hit.snippet,
        )
