"""Two chunks under one query, side by side: verdict, contributions, words, near copies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, clip, clip_start, fit, joined
from membrowse.presentation.sheet import exact
from membrowse.presentation.wrapping import wrapped
from membrowse.text import shown
from membrowse.wire.comparison import Comparison, NearDuplicate, ScoreDifference
from membrowse.wire.explanation import Explanation
from membrowse.wire.search import RANKINGS

VALUE = 8
"""Cells of a figure."""


class Row(NamedTuple):
    """A line, and what `enter` opens there, if anything."""

    line: Line
    rank: int | None = None
    """Reranked rank of the chunk that is meant."""
    chunk: str = ""


def comparison_rows(comparison: Comparison, now: datetime, width: int) -> list[Row]:
    """All rows for `width` cells."""
    rows = [Row([]), *_text([Part(shown(comparison.verdict), "strong")], width), Row([])]
    rows += [
        _chunk("left", comparison.left, now, width),
        _chunk("right", comparison.right, now, width),
    ]
    rows += _contributions(comparison, width)
    rows += _words("only the left says", comparison.only_left, width)
    rows += _words("only the right says", comparison.only_right, width)
    rows += _copies(comparison.near_duplicates, now, width)
    return rows


def _text(line: Line, width: int, indent: int = 1) -> list[Row]:
    lines = wrapped(line, max(8, width - indent - 1))
    return [Row([Part(" " * indent), *row]) for row in lines]


def _chunk(side: str, explanation: Explanation, now: datetime, width: int) -> Row:
    """`left  #1  logs/2025-11-08.md:7  Daily log › SSH      2025-11-08  8mo`."""
    hit = explanation.hit
    rank = explanation.reranked.rank
    date = [Part(f"  {shown(hit.date)} ", "dim"), Part(figures.age(hit.date, now).rjust(5), "dim")]
    name = [Part(f" {side:<6}", "accent"), Part(_rank(rank).rjust(6)), Part("  ")]
    heading = f"{hit.title} › {hit.heading}" if hit.heading else hit.title
    room = max(0, width - cells(name) - cells(date) - 1)
    place = clip_start(shown(f"{hit.path}:{hit.start_line}"), max(12, room * 3 // 5))
    middle = fit([Part(place, "strong"), Part("  "), Part(shown(heading), "dim")], room)
    return Row([*name, *middle, *date], rank, hit.chunk)


def _rank(rank: int | None) -> str:
    return "–" if rank is None else f"#{figures.number(rank)}"


# Contributions


def _contributions(comparison: Comparison, width: int) -> list[Row]:
    """For each ranking the contributions, with a bar to the side that has more."""
    name = 14 if width < 90 else 20
    half = max(4, min(24, (width - name - 3 * VALUE - 10) // 2))
    rows = [Row([])]
    head = [
        Part(" " * (name + 3)),
        Part("left".rjust(VALUE), "dim"),
        Part("left has more ".rjust(half + 2), "faint"),
        Part(" right has more".ljust(half + 1), "faint"),
        Part("right".rjust(VALUE), "dim"),
        Part("difference".rjust(VALUE + 4), "dim"),
    ]
    rows.append(Row(head))
    grouped = _grouped(comparison.differences)
    for ranking in (*RANKINGS, *(name for name in grouped if name not in RANKINGS)):
        differences = grouped.get(ranking, ())
        score = _scores(comparison, ranking)
        if not differences and score is None:
            continue
        top = max((abs(item.difference) for item in differences), default=0.0)
        rows.append(_score_row(ranking, score, name, half))
        rows += [_difference(item, top, name, half) for item in differences]
    return rows


def _grouped(differences: Sequence[ScoreDifference]) -> dict[str, list[ScoreDifference]]:
    key = lambda item: item.ranking  # noqa: E731
    return {name: list(items) for name, items in groupby(sorted(differences, key=key), key=key)}


def _scores(comparison: Comparison, ranking: str) -> tuple[float | None, float | None] | None:
    left, right = (side.hit.scores.get(ranking) for side in (comparison.left, comparison.right))
    return None if left is None and right is None else (left, right)


def _score_row(
    ranking: str, scores: tuple[float | None, float | None] | None, name: int, half: int
) -> Row:
    left, right = scores or (None, None)
    return Row(
        [
            Part(f" {shown(ranking).upper()}".ljust(name + 3), "strong"),
            Part(exact(left).rjust(VALUE), "strong"),
            Part(" " * (2 * half + 3)),
            Part(exact(right).rjust(VALUE), "strong"),
        ]
    )


def _difference(item: ScoreDifference, top: float, name: int, half: int) -> Row:
    told = round(item.difference, 3)
    style = "" if told else "faint"
    label = fit([Part("   "), Part(clip(shown(item.what), name), style)], name + 3)
    sign = "+" if told > 0 else ""
    return Row(
        [
            *label,
            Part(exact(item.left).rjust(VALUE), style),
            Part(" "),
            *_bar(item.difference / top if told and top else 0.0, half),
            Part(" "),
            Part(exact(item.right).rjust(VALUE), style),
            Part(f"{sign}{exact(item.difference)}".rjust(VALUE + 4), style or "dim"),
        ]
    )


def _bar(share: float, half: int) -> Line:
    """A bar from the middle to the side that has more."""
    length = min(half, round(abs(share) * half))
    if share and not length:
        length = 1
    empty, full = Part("─" * (half - length), "track"), Part("━" * length, "bar")
    track, middle = Part("─" * half, "track"), Part("┼", "faint")
    return [empty, full, middle, track] if share > 0 else [track, middle, full, empty]


# Words and copies


def _words(title: str, words: Sequence[str], width: int) -> list[Row]:
    rows = [Row([]), Row([Part(f" {title}", "strong")])]
    if not words:
        return [*rows, Row([Part("   nothing of its own", "dim")])]
    line = joined([[Part(shown(word))] for word in words], "  ")
    return rows + _text(line, width, 3)


def _copies(copies: Sequence[NearDuplicate], now: datetime, width: int) -> list[Row]:
    """Chunks with nearly the same wording: a stale copy is a common reason for a wrong answer."""
    rows = [Row([]), Row([Part(" nearly the same wording elsewhere", "strong")])]
    if not copies:
        return [*rows, Row([Part("   none in this folder", "dim")])]
    for copy in copies:
        rows.append(Row(_copy(copy, now, width), copy.rank, copy.chunk))
        rows.append(Row([Part("        "), Part(clip(shown(copy.snippet), width - 9), "dim")]))
    return rows


def _copy(copy: NearDuplicate, now: datetime, width: int) -> Line:
    left = [
        Part(f"  {copy.resemblance:>4.0%}", "accent"),
        Part(f" of {copy.of:<6}"),
        Part(_rank(copy.rank).rjust(6)),
        Part("  "),
    ]
    cosine = "" if copy.cosine is None else f"cosine {exact(copy.cosine)}  "
    age = figures.age(copy.date, now)
    right = [Part(f"  {cosine}{shown(copy.date)} {age:>5}", "dim")]
    room = max(0, width - cells(left) - cells(right) - 1)
    place = clip_start(shown(f"{copy.path}:{copy.start_line}"), max(12, room * 3 // 5))
    middle = fit([Part(place, "strong"), Part("  "), Part(shown(copy.heading), "dim")], room)
    return [*left, *middle, *right]
