"""The heat of a chunk: how strongly each stretch of its text matches the query, line by line."""

from __future__ import annotations

import re
from typing import NamedTuple

from membrowse.wire.explanation import Explanation, HeatSpan
from membrowse.wire.notes import ChunkView

GLYPHS = " ▁▃▅▇"
"""By level, for the gutter: legible without colour."""

_BOUNDS = (0.25, 0.45, 0.65, 0.85)
"""Strengths (0 to 1) from which a stretch has level 1, 2, 3, 4."""

_LINE_END = re.compile(r"\r\n|\r|\n")


class Warm(NamedTuple):
    """A stretch of one line of the note, in characters, and its level from 1 to 4."""

    start: int
    end: int
    level: int


HeatMap = dict[int, list[Warm]]
"""Line number (1-based) → its warm stretches, in order."""


def level_of(strength: float) -> int:
    """The level of a strength: 0 (not shown) to 4."""
    return sum(strength >= bound for bound in _BOUNDS)


def heat_map(view: ChunkView | None, explanation: Explanation | None) -> HeatMap:
    """The explanation's heat in the lines of the note; empty if it explains another chunk."""
    if view is None or explanation is None or explanation.hit.chunk != view.chunk:
        return {}
    starts = [0, *(match.end() for match in _LINE_END.finditer(explanation.text))]
    column = _first_column(view, explanation.text)
    found: HeatMap = {}
    for heat in sorted(explanation.heat, key=lambda heat: (heat.start, heat.end)):
        level = level_of(heat.strength)
        if level:
            _place_stretch(found, heat, level, starts, view.start_line, column)
    return found


def _place_stretch(
    found: HeatMap, heat: HeatSpan, level: int, starts: list[int], first: int, column: int
) -> None:
    """Add one stretch, line by line."""
    for at, start in enumerate(starts):
        end = starts[at + 1] if at + 1 < len(starts) else heat.end
        begin, stop = max(heat.start, start), min(heat.end, end)
        if begin >= stop:
            continue
        shift = (column if at == 0 else 0) - start
        line = found.setdefault(first + at, [])
        if not line or begin + shift >= line[-1].end:
            line.append(Warm(begin + shift, stop + shift, level))


def _first_column(view: ChunkView, text: str) -> int:
    """Column where the chunk begins in its first line; not 0 if a long line was split."""
    index = view.start_line - view.first_line
    if not 0 <= index < len(view.lines):
        return 0
    line, parts = view.lines[index], _LINE_END.split(text, maxsplit=1)
    if len(parts) > 1 and line.endswith(parts[0]):
        return len(line) - len(parts[0])
    return max(0, line.find(parts[0]))
