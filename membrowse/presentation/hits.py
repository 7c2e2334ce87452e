"""A hit as one or two lines of a ranking, or as a line of the rank matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, bar_parts, cells, clip_start, fit
from membrowse.presentation.ranks import movement_part, ranks_text
from membrowse.text import shown
from membrowse.wire.notes import Freshness
from membrowse.wire.search import FUSED, RERANKED, Hit

MARKS = {
    Freshness.CHANGED: "! changed",
    Freshness.DELETED: "✗ deleted",
    Freshness.UNREADABLE: "? unreadable",
}
SHORT_MARKS = {Freshness.CHANGED: "!", Freshness.DELETED: "✗", Freshness.UNREADABLE: "?"}
TIGHT = 36
"""Columns narrower than this are as terse as possible."""
SPACIOUS = 60
"""Columns from this width have longer bars."""
MATRIX_BAR = 4


@dataclass(frozen=True, slots=True)
class RowStyle:
    """What all rows of one ranking have in common."""

    ranking: str
    letters: Mapping[str, str]
    now: datetime
    top: float = 1.0
    """The best score, which has a full bar."""
    total: int = 0
    pool: int | None = None
    missed: frozenset[int] = frozenset()
    """Ranks that HNSW missed."""
    saved: Mapping[str, int] | None = None
    """Ranks by chunk to show the movement against; None: the fused ranks."""
    one_line: bool = False

    @property
    def rank_width(self) -> int:
        return max(2, len(str(self.total)))


def freshness_part(freshness: Freshness) -> Part:
    """The state of a note's file, compared with the index."""
    return {
        Freshness.CURRENT: Part("up to date", "dim"),
        Freshness.CHANGED: Part("! file changed since", "warn"),
        Freshness.DELETED: Part("✗ file deleted", "bad"),
        Freshness.UNREADABLE: Part("? file cannot be read", "warn"),
    }[freshness]


def freshness(hit: Hit, changed: frozenset[str], deleted: frozenset[str]) -> Freshness:
    """The hit's freshness, updated by the paths that changed or were deleted since."""
    if hit.path in deleted:
        return Freshness.DELETED
    if hit.path in changed:
        return Freshness.CHANGED
    return hit.freshness


def movement(hit: Hit, pool: int | None, saved: Mapping[str, int] | None = None) -> Part:
    """Ranks gained against the fused ranking, or against `saved`; empty beyond the pool."""
    rank, before = hit.ranks.get(RERANKED), hit.ranks.get(FUSED)
    if saved is not None:
        before, pool = saved.get(hit.chunk), None
    if rank is None or before is None or (pool is not None and rank > pool):
        return Part("")
    return movement_part(before - rank)


def heading_text(hit: Hit) -> str:
    """`title › heading`, safe to show."""
    return shown(" › ".join(filter(None, (hit.title, hit.heading))))


def place(hit: Hit) -> str:
    """`path:line`, safe to show."""
    return shown(f"{hit.path}:{hit.start_line}")


def lines_place(hit: Hit) -> str:
    """`path:first-last`, safe to show."""
    return shown(f"{hit.path}:{hit.start_line}-{hit.end_line}")


def hit_lines(hit: Hit, style: RowStyle, width: int, fresh: Freshness) -> list[Line]:
    """The row of `hit` in `width` cells, without the cursor's mark: one line or two."""
    moved = _moved(hit, style)
    bar = 8 if width >= SPACIOUS else 2 if width < TIGHT else 3 if moved else 4
    lead = [
        Part(str(hit.rank).rjust(style.rank_width), "rank"),
        Part(" "),
        *moved,
        *_score(hit, style, 4 if moved else 5, bar),
    ]
    age = figures.age(hit.date, style.now).rjust(5)
    short = style.one_line and fresh in SHORT_MARKS
    mark = Part(f" {SHORT_MARKS[fresh]}" if short else "", "warn")
    room = width - cells(lead) - cells([mark]) - 5
    first = fit([*lead, *_heading(hit, room), mark, Part(age, "dim")], width)
    return [first] if style.one_line else [first, _second(hit, style, width, fresh)]


def matrix_head(style: RowStyle) -> Line:
    """The names of the matrix's columns."""
    line = [
        Part("#".rjust(style.rank_width) + " ", "dim"),
        Part("▲".ljust(4) if style.ranking == RERANKED else "", "dim"),
        Part("score".rjust(5) + " " * (MATRIX_BAR + 2), "dim"),
    ]
    line += [
        Part(letter.rjust(5), "dim")
        for name, letter in style.letters.items()
        if name != style.ranking
    ]
    return [*line, Part("  note", "dim")]


def matrix_line(hit: Hit, style: RowStyle, width: int, fresh: Freshness) -> Line:
    """The row of `hit` in the matrix: one line with its rank in every ranking."""
    line: Line = [
        Part(str(hit.rank).rjust(style.rank_width) + " ", "rank"),
        *_moved(hit, style),
        *_score(hit, style, 5, MATRIX_BAR),
    ]
    for name in style.letters:
        if name != style.ranking:
            rank = hit.ranks.get(name)
            line.append(Part((figures.NONE if rank is None else str(rank)).rjust(5), "ranks"))
    mark = Part(f" {SHORT_MARKS[fresh]}", "warn") if fresh in SHORT_MARKS else Part("")
    if hit.rank in style.missed:
        mark = Part(f"{mark.text} ≠HNSW", "warn")
    age = Part(figures.age(hit.date, style.now).rjust(6), "dim")
    room = width - cells(line) - 2 - cells([mark, age])
    return fit([*line, Part("  "), *_heading(hit, room), mark, age], width)


def _moved(hit: Hit, style: RowStyle) -> Line:
    if style.ranking != RERANKED:
        return []
    part = movement(hit, style.pool, style.saved)
    return [part._replace(text=part.text.ljust(4))]


def _score(hit: Hit, style: RowStyle, width: int, bar: int) -> Line:
    """The score in `width` cells and a bar of `bar` cells, with a space after each."""
    share = hit.score / style.top if style.top > 0 else 0.0
    score = Part(figures.score(hit.score).rjust(width), "score")
    return [score, Part(" "), *bar_parts(share, bar), Part(" ")]


def _heading(hit: Hit, width: int) -> Line:
    """Title and heading in `width` cells; of a long heading path, the innermost heading."""
    title, heading = shown(hit.title), shown(hit.heading)
    if hit.copy_of:
        title = f"[copy] {title}"
    if cell_len(title) + 3 + cell_len(heading) > width:
        heading = heading.rpartition(" › ")[2]
    if not heading or cell_len(title) + 5 > width:
        return fit([Part(title, "title")], width)
    return fit([Part(title, "title"), Part(" › ", "dim"), Part(heading, "heading")], width)


def _second(hit: Hit, style: RowStyle, width: int, fresh: Freshness) -> Line:
    """`path:line` and freshness at the left, the ranks elsewhere at the right."""
    ranks: Line = [Part(ranks_text(hit.ranks, style.letters, style.ranking), "ranks")]
    if hit.rank in style.missed:
        ranks.insert(0, Part("≠HNSW ", "warn"))
    if not hit.exact:
        ranks.insert(0, Part("≈ ", "warn"))
    mark = Part(f" {MARKS[fresh]}" if fresh in MARKS else "", "warn")
    indent = style.rank_width + 1
    room = width - indent - cells([mark, *ranks]) - 1
    path = Part(clip_start(place(hit), room), "path")
    left = fit([Part(" " * indent), path, mark], width - cells(ranks) - 1)
    return fit([*left, Part(" "), *ranks], width)
