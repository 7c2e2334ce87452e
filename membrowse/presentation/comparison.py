"""Two chunks compared for one query: verdict, contributions, words, near-duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from membrowse.presentation import figures
from membrowse.presentation.figures import exact
from membrowse.presentation.hits import heading_text, place
from membrowse.presentation.lines import Line, Part, cells, clip, clip_start, fit, joined, wrapped
from membrowse.presentation.ranks import in_order
from membrowse.text import shown
from membrowse.wire.comparison import Comparison, NearDuplicate, ScoreDifference
from membrowse.wire.explanation import Explanation
from membrowse.wire.search import RANKINGS

VALUE = 8
"""Cells of a figure."""


class Row(NamedTuple):
    """A line, and the chunk that it is about, if any."""

    line: Line
    rank: int | None = None
    """The chunk's reranked rank."""
    chunk: str = ""


def comparison_rows(comparison: Comparison, now: datetime, width: int) -> list[Row]:
    """All rows for `width` cells."""
    return [
        Row([]),
        *_text([Part(shown(comparison.verdict), "strong")], width),
        Row([]),
        _compared_chunk("left", comparison.left, now, width),
        _compared_chunk("right", comparison.right, now, width),
        *_contributions(comparison, width),
        *_words("only in the left", comparison.only_left, width),
        *_words("only in the right", comparison.only_right, width),
        *_near_duplicates(comparison.near_duplicates, now, width),
    ]


def _text(line: Line, width: int, indent: int = 1) -> list[Row]:
    lines = wrapped(line, max(8, width - indent - 1))
    return [Row([Part(" " * indent), *row]) for row in lines]


def _compared_chunk(side: str, explanation: Explanation, now: datetime, width: int) -> Row:
    """`left  #1  logs/2025-11-08.md:7  Daily log › SSH      2025-11-08  8mo`."""
    hit, rank = explanation.hit, explanation.reranked.rank
    lead = [Part(f" {side:<6}", "accent"), Part(figures.rank(rank).rjust(6)), Part("  ")]
    date = [Part(f"  {shown(hit.date)} {figures.age(hit.date, now):>5}", "dim")]
    return Row(_place_line(lead, place(hit), heading_text(hit), date, width), rank, hit.chunk)


def _place_line(lead: Line, path: str, heading: str, right: Line, width: int) -> Line:
    """`lead`, then a place and a heading in the room that is left, then `right`."""
    room = max(0, width - cells(lead) - cells(right) - 1)
    path = clip_start(path, max(12, room * 3 // 5))
    middle = fit([Part(path, "strong"), Part("  "), Part(heading, "dim")], room)
    return [*lead, *middle, *right]


# Contributions


def _contributions(comparison: Comparison, width: int) -> list[Row]:
    """The contributions by ranking, with a bar towards the side that has more."""
    name = 14 if width < 90 else 20
    half = max(4, min(24, (width - name - 3 * VALUE - 10) // 2))
    head = [
        Part(" " * (name + 3)),
        Part("left".rjust(VALUE), "dim"),
        Part("left has more ".rjust(half + 2), "faint"),
        Part(" right has more".ljust(half + 1), "faint"),
        Part("right".rjust(VALUE), "dim"),
        Part("difference".rjust(VALUE + 4), "dim"),
    ]
    rows = [Row([]), Row(head)]
    by_ranking: dict[str, list[ScoreDifference]] = {name: [] for name in RANKINGS}
    for each in comparison.differences:
        by_ranking.setdefault(each.ranking, []).append(each)
    for ranking in in_order(by_ranking):
        differences = by_ranking[ranking]
        left, right = (side.hit.scores.get(ranking) for side in (comparison.left, comparison.right))
        if not differences and left is None and right is None:
            continue
        largest = max((abs(each.difference) for each in differences), default=0.0)
        rows.append(_score_row(ranking, left, right, name, half))
        rows += [_difference_row(each, largest, name, half) for each in differences]
    return rows


def _score_row(ranking: str, left: float | None, right: float | None, name: int, half: int) -> Row:
    return Row(
        [
            Part(f" {shown(ranking).upper()}".ljust(name + 3), "strong"),
            Part(exact(left).rjust(VALUE), "strong"),
            Part(" " * (2 * half + 3)),
            Part(exact(right).rjust(VALUE), "strong"),
        ]
    )


def _difference_row(each: ScoreDifference, largest: float, name: int, half: int) -> Row:
    """One contribution; the ranking's largest difference has a full bar."""
    rounded = round(each.difference, 3)
    style = "" if rounded else "faint"
    label = fit([Part("   "), Part(clip(shown(each.what), name), style)], name + 3)
    sign = "+" if rounded > 0 else ""
    return Row(
        [
            *label,
            Part(exact(each.left).rjust(VALUE), style),
            Part(" "),
            *_two_sided_bar(each.difference / largest if rounded and largest else 0.0, half),
            Part(" "),
            Part(exact(each.right).rjust(VALUE), style),
            Part(f"{sign}{exact(each.difference)}".rjust(VALUE + 4), style or "dim"),
        ]
    )


def _two_sided_bar(share: float, half: int) -> Line:
    """A bar from the middle: to the left if `share` is positive, else to the right."""
    length = min(half, round(abs(share) * half))
    if share and not length:
        length = 1
    empty, full = Part("─" * (half - length), "track"), Part("━" * length, "bar")
    track, middle = Part("─" * half, "track"), Part("┼", "faint")
    return [empty, full, middle, track] if share > 0 else [track, middle, full, empty]


# Words and near-duplicates


def _words(title: str, words: Sequence[str], width: int) -> list[Row]:
    rows = [Row([]), Row([Part(f" {title}", "strong")])]
    if not words:
        return [*rows, Row([Part("   no word", "dim")])]
    line = joined([[Part(shown(word))] for word in words], "  ")
    return rows + _text(line, width, 3)


def _near_duplicates(
    near_duplicates: Sequence[NearDuplicate], now: datetime, width: int
) -> list[Row]:
    """Chunks with nearly the same words: a stale copy is a common reason for a wrong answer."""
    rows = [Row([]), Row([Part(" nearly the same words elsewhere", "strong")])]
    if not near_duplicates:
        return [*rows, Row([Part("   none", "dim")])]
    for each in near_duplicates:
        rows.append(Row(_near_duplicate(each, now, width), each.rank, each.chunk))
        rows.append(Row([Part("        "), Part(clip(shown(each.snippet), width - 9), "dim")]))
    return rows


def _near_duplicate(each: NearDuplicate, now: datetime, width: int) -> Line:
    lead = [
        Part(f"  {figures.percent(each.resemblance):>4}", "accent"),
        Part(f" of {each.of:<6}"),
        Part(figures.rank(each.rank).rjust(6)),
        Part("  "),
    ]
    cosine = "" if each.cosine is None else f"cosine {exact(each.cosine)}  "
    date = f"{shown(each.date)} {figures.age(each.date, now):>5}"
    path = shown(f"{each.path}:{each.start_line}")
    return _place_line(lead, path, shown(each.heading), [Part(f"  {cosine}{date}", "dim")], width)
