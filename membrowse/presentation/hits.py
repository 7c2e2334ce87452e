"""A hit as one or two lines of a column, or as a line of the matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, bar_parts, cells, clip, clip_start, fit
from membrowse.text import shown
from membrowse.wire.notes import Freshness
from membrowse.wire.search import FUSED, RERANKED, Hit

MARKS = {Freshness.CHANGED: "! changed", Freshness.DELETED: "✗ deleted"}
SHORT_MARKS = {Freshness.CHANGED: "!", Freshness.DELETED: "✗"}
TIGHT = 36
"""Cells of a column under which all is as short as can be."""

SPACIOUS = 60
"""Cells of a column from which the rows have air."""


@dataclass(frozen=True, slots=True)
class RowStyle:
    """What the rows of one column have in common."""

    ranking: str
    letters: Mapping[str, str]
    now: datetime
    top: float = 1.0
    total: int = 0
    pool: int | None = None
    missed: frozenset[int] = frozenset()
    saved: Mapping[str, int] | None = None
    """Ranks to show the movement against, by chunk; None: the fused ones."""
    one_line: bool = False

    @property
    def rank_width(self) -> int:
        return max(2, len(str(self.total)))


def freshness(hit: Hit, changed: frozenset[str], deleted: frozenset[str]) -> Freshness:
    """Whether the hit's file is as indexed, by the hit or by what has been noticed since."""
    if hit.path in deleted:
        return Freshness.DELETED
    if hit.path in changed:
        return Freshness.CHANGED
    return hit.freshness


def movement(hit: Hit, pool: int | None, saved: Mapping[str, int] | None = None) -> Part:
    """Places won (▲) or lost (▼) against the fused ranking, nothing beyond the pool; or `saved`."""
    rank, fused = hit.ranks.get(RERANKED), hit.ranks.get(FUSED)
    if saved is not None:
        fused, pool = saved.get(hit.chunk), None
    if rank is None or fused is None or (pool is not None and rank > pool):
        return Part("")
    if rank == fused:
        return Part("=", "dim")
    return Part(f"▲{fused - rank}", "good") if rank < fused else Part(f"▼{rank - fused}", "bad")


def heading_text(hit: Hit) -> str:
    """`title › heading`, safe to show."""
    return shown(f"{hit.title} › {hit.heading}" if hit.heading else hit.title)


def place(hit: Hit) -> str:
    """`path:line`, safe to show."""
    return shown(f"{hit.path}:{hit.start_line}")


def elsewhere(hit: Hit, style: RowStyle) -> str:
    """The chunk's ranks in the other rankings: `k9 v2 f4`; a dash where it has none."""
    return " ".join(
        f"{style.letters[name]}{rank if (rank := hit.ranks.get(name)) is not None else '–'}"
        for name in style.letters
        if name != style.ranking
    )


def _heading(hit: Hit, width: int) -> Line:
    """Title and heading in `width` cells; of a long heading path the innermost is kept."""
    title, heading = shown(hit.title), shown(hit.heading)
    if cell_len(title) + 3 + cell_len(heading) > width:
        heading = heading.rpartition(" › ")[2]
    if not heading or cell_len(title) + 5 > width:
        return fit([Part(title, "title")], width)
    return fit([Part(title, "title"), Part(" › ", "dim"), Part(heading, "heading")], width)


def hit_lines(hit: Hit, style: RowStyle, width: int, fresh: Freshness) -> list[Line]:
    """The row of `hit` in `width` cells, without the cursor's mark: one line or two."""
    rank = Part(str(hit.rank).rjust(style.rank_width), "rank")
    moved = _moved(hit, style)
    share = hit.score / style.top if style.top > 0 else 0.0
    bar = 8 if width >= SPACIOUS else 2 if width < TIGHT else 3 if moved else 4
    figures_ = [
        rank,
        Part(" "),
        *moved,
        Part(figures.score(hit.score).rjust(4 if moved else 5), "score"),
        Part(" "),
        *bar_parts(share, bar),
        Part(" "),
    ]
    age = figures.age(hit.date, style.now).rjust(5)
    short = style.one_line and fresh in SHORT_MARKS
    mark = Part(f" {SHORT_MARKS[fresh]}" if short else "", "warn")
    room = width - cells(figures_) - cells([mark]) - 5
    first = [*figures_, *_heading(hit, room), mark, Part(age, "dim")]
    if style.one_line:
        return [fit(first, width)]
    return [fit(first, width), _second(hit, style, width, fresh)]


def _moved(hit: Hit, style: RowStyle) -> Line:
    if style.ranking != RERANKED:
        return []
    part = movement(hit, style.pool, style.saved)
    return [part._replace(text=part.text.ljust(4))]


def _second(hit: Hit, style: RowStyle, width: int, fresh: Freshness) -> Line:
    """`path:line` and its freshness at the left, ranks elsewhere at the right."""
    ranks: Line = [Part(elsewhere(hit, style), "ranks")]
    if hit.rank in style.missed:
        ranks.insert(0, Part("≠HNSW ", "warn"))
    if not hit.exact:
        ranks.insert(0, Part("≈ ", "warn"))
    mark = Part(f" {MARKS[fresh]}" if fresh in MARKS else "", "warn")
    indent = style.rank_width + 1
    room = width - indent - cells([mark, *ranks]) - 1
    place_ = Part(clip_start(place(hit), room), "path")
    left = fit([Part(" " * indent), place_, mark], width - cells(ranks) - 1)
    return fit([*left, Part(" "), *ranks], width)


MATRIX_BAR = 4


def matrix_head(style: RowStyle) -> Line:
    """The line above the matrix: what each of its columns is."""
    line = [
        Part("#".rjust(style.rank_width) + " ", "dim"),
        Part("▲".ljust(4) if style.ranking == RERANKED else "", "dim"),
        Part("score".rjust(5) + " " * (MATRIX_BAR + 2), "dim"),
    ]
    for name, letter in style.letters.items():
        if name != style.ranking:
            line.append(Part(letter.rjust(5), "dim"))
    return [*line, Part("  note", "dim")]


def matrix_line(hit: Hit, style: RowStyle, width: int, fresh: Freshness) -> Line:
    """The row of `hit` in the matrix: one line with its rank in every ranking."""
    share = hit.score / style.top if style.top > 0 else 0.0
    line: Line = [
        Part(str(hit.rank).rjust(style.rank_width) + " ", "rank"),
        *_moved(hit, style),
        Part(figures.score(hit.score).rjust(5) + " ", "score"),
        *bar_parts(share, MATRIX_BAR),
        Part(" "),
    ]
    for name in style.letters:
        if name != style.ranking:
            rank = hit.ranks.get(name)
            line.append(Part(("–" if rank is None else str(rank)).rjust(5), "ranks"))
    mark = Part(f" {SHORT_MARKS[fresh]}", "warn") if fresh in SHORT_MARKS else Part("")
    if hit.rank in style.missed:
        mark = mark._replace(text=f"{mark.text} ≠HNSW", style="warn")
    age = Part(figures.age(hit.date, style.now).rjust(6), "dim")
    room = width - cells(line) - 2 - cells([mark, age])
    return fit([*line, Part("  "), *_heading(hit, room), mark, age], width)


def single_line_text(hit: Hit) -> str:
    """`path:line  title › heading`, for places with one line for a hit."""
    return clip(f"{place(hit)}  {heading_text(hit)}", 400)
