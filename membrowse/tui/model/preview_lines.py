"""A chunk in its note: wrapped lines with numbers, matched words marked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.heat_map import GLYPHS, HeatMap, Warm
from membrowse.presentation.hits import freshness_part
from membrowse.presentation.lines import Line, Part, clip_start, fit, spread, wrapped
from membrowse.text import shown
from membrowse.tui.model.panel_title import panel_title
from membrowse.wire.notes import ChunkView, Freshness

LONGEST = 3000
"""Characters shown of a note's line; the rest is counted."""

BEFORE = 300
"""Characters shown before the first match if a line is too long."""

OPEN, CLOSE = "«", "»"

Span = tuple[int, int]


def spans_of(view: ChunkView, number: int) -> list[Span]:
    """The matched spans of line `number`, in order and without overlaps."""
    spans: list[Span] = []
    for line, start, end in sorted(view.marks):
        if line == number and end > start and (not spans or start >= spans[-1][1]):
            spans.append((start, end))
    return spans


def _long_line_window(text: str, spans: list[Span]) -> tuple[str, list[Span], int, int]:
    """The shown part of a long line, its spans, and the characters left out before and after."""
    if len(text) <= LONGEST:
        return text, spans, 0, 0
    start = max(0, min(spans[0][0] - BEFORE, len(text) - LONGEST)) if spans else 0
    end = start + LONGEST
    inside = [(a - start, b - start) for a, b in spans if a >= start and b <= end]
    return text[start:end], inside, start, len(text) - end


def _marked_text(text: str, spans: list[Span], warm: list[Warm], style: str) -> Line:
    """The text in parts: matched words in «» and in their own style, warm stretches shaded."""
    line: Line = []
    cuts = {0, len(text), *(at for span in spans for at in span)}
    cuts |= {min(at, len(text)) for stretch in warm for at in stretch[:2]}
    opens, closes = {start for start, _ in spans}, {end for _, end in spans}
    starts = [stretch.start for stretch in warm]
    inside = False
    bounds = sorted(cuts)
    for start, end in zip(bounds, [*bounds[1:], len(text)], strict=True):
        at = bisect_right(starts, start) - 1
        level = warm[at].level if at >= 0 and start < warm[at].end else 0
        if start in closes and inside:
            line.append(Part(CLOSE, "mark"))
            inside = False
        if start in opens:
            line.append(Part(OPEN, "mark"))
            inside = True
        if end > start:
            name = "mark" if inside else "heat" if level else style
            line.append(Part(shown(text[start:end]), f"{name}{level}" if level else name))
    return _merged_parts(line)


def _merged_parts(line: Line) -> Line:
    """`line` with neighbours of one style merged, so that wrapping sees whole words."""
    merged: Line = []
    for part in line:
        if merged and merged[-1].style == part.style:
            merged[-1] = part._replace(text=merged[-1].text + part.text)
        else:
            merged.append(part)
    return merged


def preview_lines(view: ChunkView, width: int, heat: HeatMap | None = None) -> list[Line]:
    """The lines of the preview: line number, `┃` beside the chunk's lines, text.

    With `heat`, a glyph after the `┃` shows the warmest stretch of each row.
    """
    digits = len(str(view.first_line + max(0, len(view.lines) - 1)))
    digits = max(3, digits)
    room = max(8, width - digits - (4 if heat is None else 5))
    result: list[Line] = []
    for number, raw in enumerate(view.lines, view.first_line):
        inside = view.start_line <= number <= view.end_line
        text, spans, before, after = _long_line_window(raw, spans_of(view, number))
        warm = [
            Warm(start - before, end - before, level)
            for start, end, level in (heat or {}).get(number, ())
            if start >= before and start - before < len(text)
        ]
        line = _marked_text(
            text.rstrip("\r\n"), spans if inside else [], warm, "" if inside else "dim"
        )
        if before:
            line.insert(0, Part(f"… {figures.counted(before, 'character')} … ", "faint"))
        if after:
            line.append(Part(f" … {figures.counted(after, 'more character')}", "faint"))
        for at, row in enumerate(wrapped(line, room)):
            gutter = Part(f"{number if at == 0 else '':>{digits}}", "gutter")
            result.append([gutter, *_margin(row, inside, heat is not None), *row])
    return result


def _margin(row: Line, inside: bool, heated: bool) -> Line:
    """The separator between a row's number and its text."""
    bar = Part(" ┃ ", "inside") if inside else Part(" │ ", "faint")
    if not heated:
        return [bar]
    level = max((int(part.style[-1]) for part in row if part.style[-1:].isdigit()), default=0)
    return [bar._replace(text=bar.text[:2]), Part(f"{GLYPHS[level]} ", "bar")]


def first_inside(lines: Sequence[Line]) -> int:
    """Index of the first line of the chunk."""
    inside = (at for at, line in enumerate(lines) if any(part.style == "inside" for part in line))
    return next(inside, 0)


def preview_head(
    view: ChunkView | None,
    freshness: Freshness | None,
    width: int,
    key: str,
    *,
    active: bool,
    heated: bool = False,
) -> Line:
    """`4 PREVIEW  path:31-34 · heat ▁▃▅▇ · chunk 2/5 · up to date`."""
    left = panel_title(key, "PREVIEW", active=active)
    if view is None:
        return fit(left, width)
    right = _chunk_facts(view, freshness or view.freshness, width)
    if heated and width >= 70:
        right = [Part("heat ", "dim"), Part(GLYPHS[1:], "bar"), Part(" · ", "dim"), *right]
    path = f"{shown(view.path)}:{view.start_line}-{view.end_line}"
    room = width - sum(cell_len(part.text) for part in (*left, *right)) - 4
    return spread([*left, Part(f"  {clip_start(path, max(10, room))}", "strong")], right, width)


def _chunk_facts(view: ChunkView, freshness: Freshness, width: int) -> Line:
    line = [Part(f"chunk {view.position + 1}/{view.count}", "dim"), Part(" · ", "dim")]
    if view.date and width >= 90:
        source = "" if view.date_source == "front matter" else f" by {view.date_source}"
        line += [Part(f"{shown(view.date)}{shown(source)}", "dim"), Part(" · ", "dim")]
    line += [freshness_part(freshness), Part(" ")]
    return line
