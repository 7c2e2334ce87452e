"""A hit as one to three lines of a ranking, or of the rank matrix."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, bar_parts, cells, clip_path, clip_start, fit
from membrowse.presentation.ranks import movement_part, ranks_text, short_rank
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
CRAMPED = 29
"""Columns narrower than this have neither bars nor ages."""
SPACIOUS = 60
"""Columns from this width have longer bars."""
MATRIX_BAR = 4
ROOMY = 96
"""The matrix has bars and ages from this width."""

PLACE, SNIPPET = 2, 3
"""Lines of a hit from which it has its path on a line of its own, and a line of its text."""

_SENTENCE = re.compile(r"(?:[.!?]|(?:^|\s)[-*|#>]+)\s+")
"""What comes before a sentence, a list item, a heading or a cell of a table."""


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
    edited: frozenset[int] = frozenset()
    """Ranks, in an agent's ranking, whose chunk was edited since."""
    saved: Mapping[str, int] | None = None
    """Ranks by chunk to show the movement against; None: the fused ranks."""
    lines: int = PLACE
    """Lines of a hit: 1, 2 (with its path) or 3 (with its text, too)."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What to call the notes whose title is another note's, too, by path."""
    roots: Mapping[str, str] = field(default_factory=dict)
    """The roots of a collection, see `lines.root_beginnings`."""

    @property
    def rank_width(self) -> int:
        return max(2, len(str(self.total)))


def telling_names(hits: Iterable[Hit]) -> dict[str, str]:
    """By path, how to name the notes that share their title: by the shortest end of the path that
    is no other's, such as `2026-10-22` or `mobile/README`."""
    paths: dict[str, set[str]] = {}
    for hit in hits:
        paths.setdefault(hit.title, set()).add(hit.path)
    names: dict[str, str] = {}
    for alike in paths.values():
        ends = Counter(end for path in alike for end in _ends(path))
        if len(alike) > 1:
            names |= {path: next(end for end in _ends(path) if ends[end] == 1) for path in alike}
    return names


def _ends(path: str) -> Iterator[str]:
    """The file name without suffix, then the folders before it one by one, at last the path behind
    a slash."""
    parts = str(PurePosixPath(path).with_suffix("")).split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[-count:])
    yield f"/{path}"


def freshness_part(freshness: Freshness) -> Part:
    """The state of a note's file, compared with the index."""
    return {
        Freshness.CURRENT: Part("up to date", "dim"),
        Freshness.CHANGED: Part("! file changed since", "warn"),
        Freshness.DELETED: Part("✗ file deleted", "bad"),
        Freshness.UNREADABLE: Part("? file cannot be read", "warn"),
    }[freshness]


def score_name(ranking: str) -> str:
    """What a score of the ranking is: `blend` if it only compares hits of one query."""
    return "blend" if ranking in (FUSED, RERANKED) else "score"


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
    """The row of `hit` in `width` cells, without the cursor's mark: as many lines as the style
    says."""
    moved = _movement_parts(hit, style)
    bar = 8 if width >= SPACIOUS else 2 if width < TIGHT else 3 if moved else 4
    bar = 0 if width < CRAMPED else bar
    lead = [
        Part(str(hit.rank).rjust(style.rank_width), "rank"),
        Part(" "),
        *moved,
        *_score_parts(hit, style, 4 if moved else 5, bar),
    ]
    age = "" if width < CRAMPED else figures.age(hit.date, style.now).rjust(5)
    short = style.lines < PLACE and fresh in SHORT_MARKS
    mark = Part(f" {SHORT_MARKS[fresh]}" if short else "", "warn")
    room = width - cells(lead) - cells([mark]) - len(age)
    first = fit([*lead, *_name_line(hit, style, room), mark, Part(age, "dim")], width)
    lines = [first, _second_line(hit, style, width, fresh), _snippet_line(hit, style, width)]
    return lines[: style.lines]


def matrix_head(style: RowStyle, width: int) -> Line:
    """The names of the matrix's columns."""
    rank, bar = _matrix_cells(width)
    line = [
        Part("#".rjust(style.rank_width) + " ", "dim"),
        Part("▲".ljust(4) if style.ranking == RERANKED else "", "dim"),
        Part(score_name(style.ranking).rjust(5) + " " * bar, "dim"),
    ]
    line += [
        Part(letter.rjust(rank), "dim")
        for name, letter in style.letters.items()
        if name != style.ranking
    ]
    return [*line, Part("  note", "dim")]


def _matrix_cells(width: int) -> tuple[int, int]:
    """Cells of a rank in another ranking, and of the bar with its spaces."""
    return (5, MATRIX_BAR + 2) if width >= ROOMY else (4, 1)


def matrix_lines(hit: Hit, style: RowStyle, width: int, fresh: Freshness) -> list[Line]:
    """The row of `hit` in the matrix: first a line with its rank in every ranking."""
    first = _matrix_line(hit, style, width, fresh)
    indent = Part(" " * (style.rank_width + 1))
    second = fit(
        [indent, Part(clip_path(place(hit), width - cells([indent]), style.roots), "path")], width
    )
    return [first, second, _snippet_line(hit, style, width)][: style.lines]


def _matrix_line(hit: Hit, style: RowStyle, width: int, fresh: Freshness) -> Line:
    rank_cells, bar = _matrix_cells(width)
    line: Line = [
        Part(str(hit.rank).rjust(style.rank_width) + " ", "rank"),
        *_movement_parts(hit, style),
        *_score_parts(hit, style, 5, bar - 2),
    ]
    for name in style.letters:
        if name != style.ranking:
            line.append(Part(short_rank(hit, name).rjust(rank_cells), "ranks"))
    mark = Part(f" {SHORT_MARKS[fresh]}", "warn") if fresh in SHORT_MARKS else Part("")
    if hit.rank in style.missed:
        mark = Part(f"{mark.text} ≠HNSW", "warn")
    age = Part(figures.age(hit.date, style.now).rjust(6), "dim")
    room = width - cells(line) - 2 - cells([mark, age])
    return fit([*line, Part("  "), *_name_line(hit, style, room), mark, age], width)


def _movement_parts(hit: Hit, style: RowStyle) -> Line:
    if style.ranking != RERANKED:
        return []
    part = movement(hit, style.pool, style.saved)
    return [part._replace(text=part.text.ljust(4))]


def _score_parts(hit: Hit, style: RowStyle, width: int, bar: int) -> Line:
    """The score in `width` cells and a bar of `bar` cells, if any, with a space after each."""
    share = hit.score / style.top if style.top > 0 else 0.0
    line = [Part(figures.score(hit.score).rjust(width), "score"), Part(" ")]
    return [*line, *bar_parts(share, bar), Part(" ")] if bar > 0 else line


def _name_line(hit: Hit, style: RowStyle, width: int) -> Line:
    """What tells the hit from others: heading and title; if it has one line only, its path, too."""
    if style.lines >= PLACE or width < 24:
        return _heading_parts(hit, style.names.get(hit.path, ""), width)
    path = clip_path(place(hit), max(12, width * 9 // 20), style.roots)
    room = width - cell_len(path) - 2
    return [*_heading_parts(hit, "", room), Part("  "), Part(path, "path")]


def _heading_parts(hit: Hit, name: str, width: int) -> Line:
    """The innermost heading, then the title, in `width` cells; with `name`, that before the
    title."""
    title, heading = shown(hit.title), shown(hit.heading).rpartition(" › ")[2]
    if hit.copy_of:
        title = f"[copy] {title}"
    if heading == title:
        heading = ""
    if name:
        room = width - cell_len(f"{heading} · " if heading else "")
        name = clip_start(shown(name), room)
        title = f"{name} · {title}" if cell_len(name) + 8 <= room else name
    if not heading:
        return fit([Part(title, "title")], width)
    if cell_len(heading) + 8 > width:
        return fit([Part(heading, "title")], width)
    return fit([Part(heading, "title"), Part(" · ", "dim"), Part(title, "heading")], width)


def _second_line(hit: Hit, style: RowStyle, width: int, fresh: Freshness) -> Line:
    """`path:line` and freshness at the left, the ranks elsewhere at the right."""
    ranks: Line = [Part(ranks_text(hit, style.letters, style.ranking), "ranks")]
    if hit.rank in style.missed:
        ranks.insert(0, Part("≠HNSW ", "warn"))
    if not hit.exact:
        ranks.insert(0, Part(f"{figures.AT_LEAST}#{hit.rank} ", "warn"))
    mark = Part(f" {MARKS[fresh]}" if fresh in MARKS else "", "warn")
    if hit.rank in style.edited:
        mark = Part(" ! edited", "warn")
    indent = style.rank_width + 1
    room = width - indent - cells([mark, *ranks]) - 1
    path = Part(clip_path(place(hit), room, style.roots), "path")
    left = fit([Part(" " * indent), path, mark], width - cells(ranks) - 1)
    return fit([*left, Part(" "), *ranks], width)


def _snippet_line(hit: Hit, style: RowStyle, width: int) -> Line:
    """The sentence that matches best, with the query's words marked."""
    indent = Part(" " * (style.rank_width + 1))
    room = max(0, width - cells([indent]))
    return fit([indent, *snippet_parts(hit, _best_sentence(hit, room))], width)


def snippet_parts(hit: Hit, start: int = 0) -> Line:
    """The snippet from its character `start`, with the query's words marked."""
    line: Line = [Part("… ", "dim")] if start > _after_heading(hit) else []
    at = start
    for first, last in hit.marks:
        if first >= at:
            line.append(Part(shown(hit.snippet[at:first])))
            line.append(Part(shown(hit.snippet[first:last]), "mark"))
            at = last
    return [*line, Part(shown(hit.snippet[at:]))]


def _best_sentence(hit: Hit, width: int) -> int:
    """Where the sentence of the snippet begins that has the most marks within `width`."""
    text = _after_heading(hit)
    starts = [text, *(found.end() for found in _SENTENCE.finditer(hit.snippet, text))]

    def marks(start: int) -> int:
        return sum(start <= first and last <= start + width - 2 for first, last in hit.marks)

    best = max(starts, key=lambda start: (marks(start), start))
    if marks(best):
        return best
    if not hit.marks:
        return text
    lead = hit.snippet.rfind(" ", 0, max(0, hit.marks[0][0] - width // 3))
    return max(text, lead + 1)


def _after_heading(hit: Hit) -> int:
    """Where the snippet's text begins after a heading that the row names anyway."""
    heading = hit.heading.rpartition(" › ")[2] or hit.title
    found = re.match(rf"#+\s*{re.escape(heading)}\s+(?=\S)", hit.snippet)
    return found.end() if found else 0
