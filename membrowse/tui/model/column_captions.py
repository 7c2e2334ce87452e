"""The captions of a ranking's column: head, notice, foot, and the text of an empty column."""

from __future__ import annotations

from membrowse.presentation import figures, rankings
from membrowse.presentation.hits import score_name
from membrowse.presentation.lines import Line, Part, cells, fit, spread
from membrowse.presentation.progress import reading_text
from membrowse.text import shown
from membrowse.tui.actions import KeyOf
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.panel_title import panel_title
from membrowse.tui.model.ranking_view import RankingView
from membrowse.wire.agents import AGENT
from membrowse.wire.search import KEYWORD, RERANKED, VECTOR, Query, RankingState

_NO_HITS = {RERANKED: "Nothing to rerank.", AGENT: "The agent got nothing."}


def state_part(view: RankingView) -> Part:
    """The ranking's state, one word, unless it is ready."""
    if view.state is None or (view.state is RankingState.READY and not view.waiting):
        return Part("")
    if view.waiting:
        return Part("…", "dim")
    return rankings.state_part(view.state)


def _ranking_counts(view: RankingView) -> str:
    if view.state is None or not view.total:
        return ""
    ready = view.state is RankingState.READY
    cached = None if ready else view.cached
    return rankings.ranking_counts(view.total, view.pool, cached, 0.0, exact=view.exact)


def column_head(view: RankingView, key: str, width: int, *, active: bool) -> Line:
    """`1 KEYWORD        57`; the active column has a pointer."""
    name = shown(view.name).upper()
    left = panel_title(key, name, active=active)
    right = [Part(f"{_ranking_counts(view)} ", "dim")]
    weak = rankings.weak_part(view.strength, width - cells(left) - cells(right) - 3)
    state = state_part(view) if view.waiting or not weak.text else weak
    if state.text:
        left += [Part("  "), state]
    return spread(left, right, width)


def column_notice(view: RankingView, query: Query | None) -> str:
    """What the reader must know before trusting the ranking; empty if all is well."""
    return rankings.ranking_notice(view.name, view.message, view.approximate, query)


def column_foot(query: OpenQuery, name: str, width: int, *, in_view: bool) -> Line:
    """Rank and score of the chunk under the cursor in this ranking: `#212 of 992 · score .31`."""
    view = query.views.get(name)
    hit = query.cursor
    if hit is None or view is None or not view.total:
        return fit([], width)
    rank = hit.ranks.get(name)
    if rank is None:
        return fit([Part(f"   {_why_unranked(view)}", "dim")], width)
    score = hit.scores.get(name)
    figure = "" if score is None else f" · {score_name(name)} {figures.score(score)}"
    style = "dim" if in_view else "strong"
    mark = Part("   " if in_view else " › ", "accent")
    total = f"{'' if view.exact else figures.AT_LEAST}{figures.number(view.total)}"
    place = figures.rank(rank, at_least=name in hit.at_least)
    return fit([mark, Part(f"{place} of {total}", style), Part(figure, "dim")], width)


def _why_unranked(view: RankingView) -> str:
    if view.state is RankingState.INDEXING:
        return "not encoded yet" if view.name == VECTOR else "not ranked so far"
    if view.name == VECTOR and view.exact:
        return "it has no vector"
    if view.name == KEYWORD:
        return "contains none of your words"
    if view.name == AGENT:
        return "the agent did not get it"
    return "not ranked"


def empty_lines(view: RankingView, query: OpenQuery, engine: EngineView, key: KeyOf) -> list[str]:
    """The text of a column without rows; it names the next key."""
    if engine.reading and engine.state is not None:
        return ["", reading_text(engine.state), "This column fills by itself."]
    if engine.state is not None and not engine.state.notes:
        if engine.store:
            why = "was not read" if engine.state.problem else "has no record with text"
            return ["", f"The store {why}.", f"{key('app.open')}  another store or folder"]
        ways = (f"{key('view.files')}  every file", f"{key('app.open')}  another folder")
        return ["", "No notes here. Notes are", f"{engine.note_kinds}.", *ways]
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
    without = [f"{key('filter.drop')}  remove filter"] if query.filters else []
    if view.state in (RankingState.OFF, RankingState.FAILED):
        refused = query.analysis is None
        said = [] if view.message else [f"{view.state.value.capitalize()}."]
        return ["", *said, *(without if refused else [])]
    if view.name == KEYWORD:
        said = _no_words_found(query.analysis)
        return ["", *said, f"{key('query.focus')}  edit query", *without]
    if view.name in _NO_HITS:
        return ["", _NO_HITS[view.name], *without]
    return ["", "No hits.", *(without or [f"{key('view.files')}  every file"])]


def _no_words_found(query: Query | None) -> list[str]:
    """Why no note is in the keyword ranking; empty if the notice says that there are no words."""
    if query is None:
        return ["No note contains these words."]
    if not query.terms:
        return []
    if query.filters:
        return ["No note that passes the filters", "contains these words."]
    return ["No note contains these words."]
