"""The captions of a ranking's column: head, notice, foot, and the text of an empty column."""

from __future__ import annotations

from membrowse.text import shown
from membrowse.tui.model import figures
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.parts import Line, Part, cells, fit, spread
from membrowse.tui.model.query_notes import DOUBTFUL
from membrowse.tui.model.ranking_view import RankingView
from membrowse.wire.search import KEYWORD, RERANKED, VECTOR, Query, RankingState

_STYLES = {
    RankingState.READY: "dim",
    RankingState.FAILED: "bad",
    RankingState.OFF: "warn",
}


def state_part(view: RankingView) -> Part:
    """The ranking's state, one word."""
    if view.state is None:
        return Part("")
    if view.waiting:
        return Part("…", "dim")
    return Part(view.state.value, _STYLES.get(view.state, "warn"))


def _counts(view: RankingView) -> str:
    if view.state is None:
        return ""
    parts = []
    if view.pool is not None and view.cached is not None and view.cached < view.pool:
        parts.append(f"{view.cached}/{view.pool} cached")
    elif view.pool is not None:
        parts.append(f"pool {view.pool}")
    else:
        parts.append(figures.number(view.total))
    if view.took_ms:
        parts.append(figures.milliseconds(view.took_ms))
    return " · ".join(parts)


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
    """What the reader must know before trusting the ranking; empty if all is well."""
    notices = [shown(view.message)] if view.message else []
    if view.name == VECTOR and query is not None and query.unknown >= DOUBTFUL:
        share = f"{query.unknown:.0%}"
        if share.rstrip("%") not in view.message:
            notices.append(f"{share} of the query unknown to the encoder")
    if view.approximate is not None and view.approximate.missed:
        count = len(view.approximate.missed)
        notices.append(f"HNSW missed {count} of the top {view.approximate.asked}")
    return "; ".join(notices)


def foot(query: OpenQuery, name: str, width: int, *, in_view: bool) -> Line:
    """Rank and score of the chunk under the cursor in this ranking: `#212 of 992 · .31`."""
    view = query.views[name]
    hit = query.cursor
    if hit is None or not view.total:
        return fit([], width)
    rank = hit.ranks.get(name)
    if rank is None:
        return fit([Part(f"   {_why_unranked(view)}", "dim")], width)
    figure = figures.score(hit.scores.get(name))
    style = "dim" if in_view else "strong"
    mark = Part("   " if in_view else " › ", "accent")
    total = figures.number(view.total)
    return fit([mark, Part(f"#{rank} of {total}", style), Part(f" · {figure}", "dim")], width)


def _why_unranked(view: RankingView) -> str:
    if view.name == KEYWORD:
        return "contains none of your words"
    if view.name == VECTOR:
        return "not encoded yet"
    return "not ranked"


def empty_lines(view: RankingView, query: Query | None) -> list[str]:
    """The text of a column without rows; it names the next key."""
    if view.state is None or (view.waiting and not view.total):
        return ["", "ranking…"]
    if view.state is RankingState.LOADING:
        return ["", "The model is loading.", "This column will fill by itself."]
    if view.state is RankingState.INDEXING:
        return [
            "",
            "Notes are being indexed.",
            "This column will fill by itself.",
            "f  every file",
        ]
    if view.state in (RankingState.OFF, RankingState.FAILED):
        return ["", f"{view.state.value.capitalize()}."]
    if view.name == KEYWORD and query is not None and query.filters:
        return ["", "No note that passes the filters", "contains these words.", "/  edit query"]
    if view.name == KEYWORD:
        return ["", "No note contains these words.", "/  edit query"]
    if view.name == RERANKED:
        return ["", "Nothing to rerank."]
    return ["", "No hits.", "f  every file"]
