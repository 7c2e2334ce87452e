"""A recall on a terminal: the rankings side by side where there is room, else one below another.

Every text from a note or a query passes `shown` and is never read as markup.
"""

from __future__ import annotations

import datetime
import io
import os
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from membrowse.text import shown
from membrowse.wire.notes import Freshness
from membrowse.wire.search import FUSED, RERANKED, Hit, Query, Ranking, RankingState, SearchResponse

SIDE_BY_SIDE_COLUMNS = 100
"""From this width on the rankings stand beside each other."""
_BAR = "████"
_STRONG_SCORE = 2.0
"""Rankings whose best score is above this (BM25) are shown with one decimal, others with three."""
_DAYS_PER_MONTH, _DAYS_PER_YEAR = 30, 365


def for_terminal(recall: SearchResponse, columns: int, today: datetime.date | None = None) -> str:
    """`recall` as text of at most `columns` cells a line, with colours unless NO_COLOR is set."""
    console = Console(
        file=io.StringIO(),
        width=columns,
        force_terminal=True,
        no_color="NO_COLOR" in os.environ or None,
        markup=False,
        emoji=False,
        highlight=False,
    )
    day = today or datetime.datetime.now(datetime.UTC).date()
    names = [name for name in recall.rankings if name != FUSED]
    side_by_side = columns >= SIDE_BY_SIDE_COLUMNS and bool(names)
    body = _side_by_side if side_by_side else _stacked
    with console.capture() as capture:
        console.print(_headline(recall), _understood(recall.query), "", sep="\n")
        console.print(body(recall, names, columns, day))
    return capture.get()


def _headline(recall: SearchResponse) -> Text:
    parts = [f"{recall.notes} notes", f"{recall.chunks} chunks", f"generation {recall.generation}"]
    if recall.pending:
        parts.append(f"{recall.pending} pending")
    line = Text(no_wrap=True, overflow="ellipsis").append(shown(recall.folder), style="bold")
    return line.append("  " + " · ".join(parts), style="dim")


def _understood(query: Query) -> Text:
    """What the analyser and the encoder made of the query."""
    terms = [f"{shown(term.term)} {term.df}" for term in query.terms]
    line = Text(" · ".join(terms) or "no words for keyword")
    if query.dropped:
        line.append(f"  (stop words: {', '.join(map(shown, query.dropped))})", style="dim")
    for constraint in (*query.required, *query.filters):
        line.append(f"  {shown(constraint)}", style="italic")
    unknown = f", {query.unknown:.0%} unknown to the encoder" if query.unknown else ""
    return line.append(f"  {query.pieces} word pieces{unknown}", style="dim")


def _side_by_side(
    recall: SearchResponse, names: Sequence[str], columns: int, today: datetime.date
) -> RenderableType:
    gap = 2
    width = (columns - gap * (len(names) - 1)) // len(names)
    table = Table.grid(padding=(0, gap, 0, 0), pad_edge=False)
    for _ in names:
        table.add_column(width=width, no_wrap=True)
    rankings = [recall.rankings[name] for name in names]
    table.add_row(*(_title(name, recall.rankings[name], width) for name in names))
    for index in range(max(len(ranking.hits) for ranking in rankings)):
        table.add_row(
            *(
                _two_lines(name, ranking, ranking.hits[index], width, today)
                if index < len(ranking.hits)
                else Text()
                for name, ranking in zip(names, rankings, strict=True)
            )
        )
    return table


def _stacked(
    recall: SearchResponse, names: Sequence[str], columns: int, today: datetime.date
) -> RenderableType:
    parts: list[RenderableType] = []
    for name in names:
        ranking = recall.rankings[name]
        parts.append(_title(name, ranking, columns))
        for hit in ranking.hits:
            parts.append(_two_lines(name, ranking, hit, columns, today))
            parts.append(_fitted(_snippet(hit), columns))
        parts.append(Text())
    return Group(*parts)


def _title(name: str, ranking: Ranking, width: int) -> Text:
    ready = ranking.state is RankingState.READY
    title = Text().append(shown(name).upper(), style="bold")
    title.append(f"  {ranking.state}", style="green" if ready else "yellow")
    right = f"{ranking.total} · {ranking.took_ms:.0f} ms" if ready or ranking.hits else ""
    line = _justified(title, right, width)
    if ranking.message:
        line.append("\n").append(
            _fitted(Text().append(shown(ranking.message), style="yellow"), width)
        )
    return line


def _two_lines(name: str, ranking: Ranking, hit: Hit, width: int, today: datetime.date) -> Text:
    best = ranking.hits[0].score
    decimals = 1 if best >= _STRONG_SCORE else 3
    filled = round(len(_BAR) * hit.score / best) if best > 0 else 0
    bar = _BAR[: max(0, min(len(_BAR), filled))].ljust(len(_BAR))
    first = Text().append(f"{hit.rank:>3} ", style="bold")
    if name == RERANKED:
        first.append(f"{_movement(hit):<4}")
    first.append(f"{hit.score:>6.{decimals}f} ")
    first.append(f"{bar} ", style="cyan")
    first.append(shown(" › ".join(part for part in (hit.title, hit.heading) if part)))
    second = Text().append(f"    {shown(hit.path)}:{hit.start_line}", style="dim")
    stale = "" if hit.freshness is Freshness.CURRENT else f"! {hit.freshness} "
    lines = _justified(first, stale + age(hit.date, today), width)
    return lines.append("\n").append(_justified(second, _elsewhere(name, hit), width))


def _snippet(hit: Hit) -> Text:
    indent = "    "
    text = Text(indent + shown(hit.snippet))
    for start, end in hit.marks:
        text.stylize("bold underline", start + len(indent), end + len(indent))
    return text


def _movement(hit: Hit) -> str:
    """How the reranker moved a hit against the fused ranking."""
    before = hit.ranks.get(FUSED)
    if before is None:
        return ""
    if before == hit.rank:
        return "="
    return f"▲{before - hit.rank}" if before > hit.rank else f"▼{hit.rank - before}"


def _elsewhere(name: str, hit: Hit) -> str:
    """The chunk's ranks in the other rankings, as `k9 v2 f4`."""
    return " ".join(
        f"{shown(other[:1])}{'–' if rank is None else rank}"
        for other, rank in hit.ranks.items()
        if other != name
    )


def age(date: str, today: datetime.date) -> str:
    """How long ago `date` was, as `2d`, `4mo` or `3y`; empty where it is no date."""
    try:
        days = (today - datetime.date.fromisoformat(date[:10])).days
    except ValueError:
        return ""
    if days < _DAYS_PER_MONTH * 2:
        return f"{days}d"
    return (
        f"{days // _DAYS_PER_MONTH}mo"
        if days < _DAYS_PER_YEAR * 2
        else f"{days // _DAYS_PER_YEAR}y"
    )


def _justified(left: Text, right: str, width: int) -> Text:
    """`left` cut or padded so that `right` ends at `width`."""
    tail = Text(right)
    left.truncate(max(0, width - tail.cell_len - 1), overflow="ellipsis", pad=True)
    return left.append(" ").append(tail)


def _fitted(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text
