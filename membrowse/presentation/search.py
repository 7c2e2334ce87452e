"""A search response as a page: rankings side by side if there is room, else one below another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest

from membrowse.presentation import figures, rankings
from membrowse.presentation.hits import RowStyle, hit_lines, snippet_parts, telling_names
from membrowse.presentation.lines import Line, Part, cells, clip_start, fit, joined, spread
from membrowse.presentation.query import query_line
from membrowse.presentation.ranks import letters
from membrowse.text import shown
from membrowse.wire.search import FUSED, Ranking, RankingState, SearchResponse

SIDE_BY_SIDE = 100
"""Width from which rankings stand side by side."""
_GAP = 2


def search_page(
    response: SearchResponse,
    now: datetime,
    width: int,
    title: str = "",
    roots: Mapping[str, str] | None = None,
) -> list[Line]:
    """Index, query and rankings; the fused ranking only as ranks of the other hits.

    `title` is what the folder is called if not by its path, `roots` are those of a collection (see
    `lines.root_beginnings`).
    """
    names = [name for name in response.rankings if name != FUSED]
    common = RowStyle("", letters(response.rankings), now, roots=roots or {})
    lines = [_index_line(response, title, width), query_line(response.query, width), []]
    if width < SIDE_BY_SIDE or not names:
        for name in names:
            ranking = response.rankings[name]
            notice = _notice(name, response)
            lines += [
                _ranking_head(name, ranking, width),
                *([_noticed(notice, width)] if notice else []),
            ]
            lines += _hit_rows(name, ranking, common, width, snippets=True) + [[]]
        return lines
    room = (width - _GAP * (len(names) - 1)) // len(names)
    columns = [[_ranking_head(name, response.rankings[name], room)] for name in names]
    notices = [_notice(name, response) for name in names]
    for column, name, notice in zip(columns, names, notices, strict=True):
        if any(notices):
            column.append(_noticed(notice, room))
        column += _hit_rows(name, response.rankings[name], common, room, snippets=False)
    for row in zip_longest(*columns, fillvalue=fit([], room)):
        lines.append([part for line in row for part in (*line, Part(" " * _GAP))][:-1])
    return lines


def _index_line(response: SearchResponse, title: str, width: int) -> Line:
    """The folder, and the index that answered."""
    facts = joined(
        [
            [Part(figures.counted(response.notes, "note"), "dim")],
            [Part(figures.counted(response.chunks, "chunk"), "dim")],
            [Part(f"generation {figures.number(response.generation)}", "dim")],
            [Part("reading the notes", "warn")] if response.reading else [],
            [Part(f"{figures.number(response.pending)} pending", "warn")]
            if response.pending
            else [],
        ]
    )
    folder = clip_start(shown(title or response.folder), max(10, width // 2))
    return spread([Part(f" {folder}", "folder")], facts, width)


def _ranking_head(name: str, ranking: Ranking, width: int) -> Line:
    """`KEYWORD  ready        57 · 3 ms`."""
    left = [Part(f" {shown(name).upper()}", "strong"), Part("  ")]
    counts = rankings.ranking_counts(
        ranking.total, ranking.pool, ranking.cached, ranking.took_ms, exact=ranking.exact
    )
    if ranking.state is not RankingState.READY and not ranking.hits:
        counts = ""
    weak = rankings.weak_part(ranking.strength, width - cells(left) - len(counts) - 1)
    left.append(weak if weak.text else rankings.state_part(ranking.state))
    return spread(left, [Part(counts, "dim")], width)


def _notice(name: str, response: SearchResponse) -> str:
    ranking = response.rankings[name]
    return rankings.ranking_notice(name, ranking.message, ranking.approximate, response.query)


def _noticed(notice: str, width: int) -> Line:
    return fit([Part(f" ! {notice}" if notice else "", "warn")], width)


def _hit_rows(
    name: str, ranking: Ranking, common: RowStyle, width: int, *, snippets: bool
) -> list[Line]:
    """Two lines per hit, with `snippets` three."""
    missed = ranking.approximate.missed if ranking.approximate else ()
    style = replace(
        common,
        ranking=name,
        top=ranking.hits[0].score if ranking.hits else 1.0,
        total=ranking.total,
        pool=ranking.pool,
        missed=frozenset(missed),
        names=telling_names(ranking.hits),
    )
    lines: list[Line] = []
    for hit in ranking.hits:
        lines += hit_lines(hit, style, width, hit.freshness)
        if snippets:
            lines.append(fit([Part(" " * (style.rank_width + 1)), *snippet_parts(hit)], width))
    return lines
