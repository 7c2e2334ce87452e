"""The captions of a ranking's column: head, notice, foot, and the text of an empty column."""

from __future__ import annotations

from membrowse.presentation import figures, rankings
from membrowse.presentation.engine import reading_text
from membrowse.presentation.lines import Line, Part, cells, fit, spread
from membrowse.text import shown
from membrowse.tui.actions import KeyOf
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.ranking_view import RankingView
from membrowse.wire.search import KEYWORD, RERANKED, VECTOR, Query, RankingState


def state_part(view: RankingView, *, reading: bool = False) -> Part:
    """The ranking's state, one word, unless it is ready and final."""
    if view.state is None:
        return Part("")
    if view.waiting:
        return Part("…", "dim")
    if view.state is RankingState.READY:
        return Part("so far", "warn") if reading else Part("")
    return rankings.state_part(view.state)


def _counts(view: RankingView) -> str:
    if view.state is None or not view.total:
        return ""
    return rankings.counts(view.total, view.pool, view.cached, 0.0)


def head(view: RankingView, key: str, width: int, *, active: bool, reading: bool = False) -> Line:
    """`1 KEYWORD        57`; the active column has a pointer."""
    name = shown(view.name).upper()
    left = [
        Part("▸" if active else " ", "accent"),
        Part(f"{key} " if key else "", "key"),
        Part(name, "strong" if active else "name"),
    ]
    weak = rankings.weak_part(view.strength, width - cells(left) - 3)
    state = state_part(view, reading=reading) if view.waiting or not weak.text else weak
    if state.text:
        left += [Part("  "), state]
    right = [Part(f"{_counts(view)} ", "dim")]
    return spread(left, right, width)


def notice(view: RankingView, query: Query | None) -> str:
    """What the reader must know before trusting the ranking; empty if all is well."""
    return rankings.notice(view.name, view.message, view.approximate, query)


def foot(query: OpenQuery, name: str, width: int, *, in_view: bool, reading: bool = False) -> Line:
    """Rank and score of the chunk under the cursor in this ranking: `#212 of 992 · .31`."""
    view = query.views[name]
    hit = query.cursor
    if hit is None or not view.total:
        return fit([], width)
    rank = hit.ranks.get(name)
    if rank is None:
        why = "not ranked so far" if reading else _why_unranked(view)
        return fit([Part(f"   {why}", "dim")], width)
    figure = figures.score(hit.scores.get(name))
    style = "dim" if in_view else "strong"
    mark = Part("   " if in_view else " › ", "accent")
    total = figures.number(view.total)
    return fit(
        [mark, Part(f"{figures.rank(rank)} of {total}", style), Part(f" · {figure}", "dim")], width
    )


def _why_unranked(view: RankingView) -> str:
    if view.name == KEYWORD:
        return "contains none of your words"
    if view.name == VECTOR:
        return "not encoded yet"
    return "not ranked"


def empty_lines(
    view: RankingView, query: Query | None, engine: EngineView, key: KeyOf
) -> list[str]:
    """The text of a column without rows; it names the next key."""
    if engine.reading and engine.state is not None:
        return ["", reading_text(engine.state), "This column fills by itself."]
    if engine.state is not None and not engine.state.notes:
        ways = (f"{key('view.files')}  every file", f"{key('app.open')}  another folder")
        return ["", "No note of this folder is indexed.", *ways]
    if view.state is None or (view.waiting and not view.total):
        return ["", "ranking…"]
    if view.state is RankingState.LOADING:
        return ["", "The model is loading.", "This column fills by itself."]
    if view.state is RankingState.INDEXING:
        return [
            "",
            "Notes are being indexed.",
            "This column fills by itself.",
            f"{key('view.files')}  every file",
        ]
    if view.state in (RankingState.OFF, RankingState.FAILED):
        return ["", f"{view.state.value.capitalize()}."]
    edit = f"{key('query.focus')}  edit query"
    if view.name == KEYWORD and query is not None and query.filters:
        return ["", "No note that passes the filters", "contains these words.", edit]
    if view.name == KEYWORD:
        return ["", "No note contains these words.", edit]
    if view.name == RERANKED:
        return ["", "Nothing to rerank."]
    return ["", "No hits.", f"{key('view.files')}  every file"]
