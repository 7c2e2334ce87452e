"""Two chunks under one query: what sets them apart, and who else says nearly the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from membrowse.ranking import search_response
from membrowse.ranking.comparison_verdict import LEFT, RIGHT, verdict
from membrowse.ranking.differences import differences, only_in
from membrowse.ranking.near_duplicates import near_duplicates, resemblance, terms
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.stages import milliseconds
from membrowse.wire.comparison import Comparison, NearDuplicate
from membrowse.wire.explanation import Explanation
from membrowse.wire.search import RERANKED

MOST_COPIES = 10
"""Nearly the same chunks that are named, of each of the two."""


def comparison(
    ranked_query: RankedQuery,
    left: Explanation,
    right: Explanation,
    pause: Callable[[], None] = lambda: None,
) -> Comparison:
    """The two explanations, of one ranked_query, side by side."""
    started = time.perf_counter()
    reader = ranked_query.at().keyword

    def frequency(term: str) -> int:
        return len(reader.postings("body", term)[0])

    apart = differences(left, right)
    rows = {ranked_query.row_of[each.hit.chunk] for each in (left, right)}
    sides = {LEFT: left, RIGHT: right} if len(rows) == 2 else {LEFT: left}
    copies = tuple(
        copy
        for side, explained in sides.items()
        for copy in _copies(ranked_query, explained, side, rows, pause)
    )
    alike = resemblance(terms(left.text), terms(right.text))
    return Comparison(
        query=ranked_query.parsed.text,
        verdict=verdict(left, right, apart, alike, copies),
        left=left,
        right=right,
        differences=apart,
        only_left=only_in(left.text, right.text, frequency),
        only_right=only_in(right.text, left.text, frequency),
        near_duplicates=copies,
        took_ms=milliseconds(started),
    )


def _copies(
    ranked_query: RankedQuery,
    of: Explanation,
    side: str,
    compared: set[int],
    pause: Callable[[], None],
) -> Iterator[NearDuplicate]:
    """Chunks nearly the same as `of`, the `compared` ones aside."""
    found = near_duplicates(ranked_query.at(), ranked_query.row_of[of.hit.chunk], pause)
    others = [each for each in found if each.row not in compared]
    for other in others[:MOST_COPIES]:
        hit = search_response.hit(ranked_query, other.row)
        yield NearDuplicate(
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
