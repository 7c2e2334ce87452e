"""A column's head, its notice, its foot, and what it says when it has no rows."""

from __future__ import annotations

from membrowse.presentation import figures, rankings
from membrowse.presentation.lines import Line, Part, cells, fit, spread
from membrowse.text import shown
from membrowse.tui.model.browsing import Browsing
from membrowse.tui.model.ranking_view import RankingView
from membrowse.wire.search import KEYWORD, RERANKED, VECTOR, Query, RankingState


def state_part(view: RankingView) -> Part:
    """The ranking's state in a word."""
    if view.state is None:
        return Part("")
    return Part("…", "dim") if view.waiting else rankings.state_part(view.state)


def _counts(view: RankingView) -> str:
    if view.state is None:
        return ""
    return rankings.counts(view.total, view.pool, view.cached, view.took_ms)


def head(view: RankingView, key: str, width: int, *, active: bool) -> Line:
    """`1 KEYWORD  ready        57 · 3 ms`; the active column has a pointer."""
    name = shown(view.name).upper()
    left = [
        Part("▸" if active else " ", "accent"),
        Part(f"{key} " if key else "", "key"),
        Part(name, "strong" if active else "name"),
    ]
    state = state_part(view)
    if state.text:
        left += [Part("  "), state]
    right = [Part(f"{_counts(view)} ", "dim")]
    if cells(left) + cells(right) + 1 > width and state.text == RankingState.READY:
        left = left[:3]
    return spread(left, right, width)


def notice(view: RankingView, query: Query | None) -> str:
    """What is to be known about the ranking before it is believed; or nothing."""
    return rankings.notice(view.name, view.message, view.approximate, query)


def foot(browsing: Browsing, name: str, width: int, *, in_view: bool) -> Line:
    """Where the chunk under the cursor stands in this ranking: `#212 of 992 · .31`."""
    view = browsing.views[name]
    hit = browsing.cursor
    if hit is None or not view.total:
        return fit([], width)
    rank = hit.ranks.get(name)
    if rank is None:
        return fit([Part(f"   {_absence(view)}", "dim")], width)
    figure = figures.score(hit.scores.get(name))
    style = "dim" if in_view else "strong"
    mark = Part("   " if in_view else " › ", "accent")
    total = figures.number(view.total)
    return fit(
        [mark, Part(f"{figures.rank(rank)} of {total}", style), Part(f" · {figure}", "dim")], width
    )


def _absence(view: RankingView) -> str:
    if view.name == KEYWORD:
        return "not here: none of the terms is in it"
    if view.name == VECTOR:
        return "not here: not encoded yet"
    return "not here"


def empty_lines(view: RankingView, query: Query | None) -> list[str]:
    """What a column without rows says, and which key is next."""
    if view.state is None or (view.waiting and not view.total):
        return ["", "ranking…"]
    if view.state is RankingState.LOADING:
        return ["", "The model is loading.", "This column fills by itself."]
    if view.state is RankingState.INDEXING:
        return ["", "Being indexed.", "This column fills by itself.", "f shows every file"]
    if view.state in (RankingState.OFF, RankingState.FAILED):
        return ["", f"{view.state.value.capitalize()}."]
    if view.name == KEYWORD and query is not None and query.filters:
        return [
            "",
            "No chunk passes the filters",
            "with a term of the query.",
            "/ changes the query",
        ]
    if view.name == KEYWORD:
        return ["", "No chunk has a term of the query.", "/ changes the query"]
    if view.name == RERANKED:
        return ["", "Nothing to rerank."]
    return ["", "No hits.", "f shows every file"]
