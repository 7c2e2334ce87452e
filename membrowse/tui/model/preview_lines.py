"""A chunk in its note: wrapped lines with numbers, matched words marked."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells

from membrowse.engine.protocol import ChunkView
from membrowse.recall import Freshness
from membrowse.text import shown
from membrowse.tui.model import figures
from membrowse.tui.model.parts import Line, Part, clip_start, fit, spread

LONGEST = 3000
"""Characters of one line of a note that are shown; where more follow, that is said."""

BEFORE = 300
"""Characters shown before the first match of a line that is too long."""

OPEN, CLOSE = "«", "»"

Span = tuple[int, int]


def spans_of(view: ChunkView, number: int) -> list[Span]:
    """The matched spans of line `number`, in order, without overlaps."""
    spans: list[Span] = []
    for line, start, end in sorted(view.marks):
        if line == number and end > start and (not spans or start >= spans[-1][1]):
            spans.append((start, end))
    return spans


def _window(text: str, spans: list[Span]) -> tuple[str, list[Span], int, int]:
    """The part of a long line that is shown, its spans, and the characters left out around it."""
    if len(text) <= LONGEST:
        return text, spans, 0, 0
    start = max(0, min(spans[0][0] - BEFORE, len(text) - LONGEST)) if spans else 0
    end = start + LONGEST
    inside = [(a - start, b - start) for a, b in spans if a >= start and b <= end]
    return text[start:end], inside, start, len(text) - end


def _marked(text: str, spans: list[Span], style: str) -> Line:
    """The text in parts; matched words stand in «» and in their own style."""
    line: Line = []
    at = 0
    for start, end in spans:
        if start > at:
            line.append(Part(shown(text[at:start]), style))
        line.append(Part(OPEN + shown(text[start:end]) + CLOSE, "mark"))
        at = end
    line.append(Part(shown(text[at:]), style))
    return line


def _pieces(text: str) -> list[str]:
    """Words with the spaces after them, at which a line may be broken."""
    words: list[str] = []
    for word in text.split(" "):
        words.append(word + " ")
    words[-1] = words[-1][:-1]
    return [word for word in words if word]


def wrapped(line: Line, width: int) -> list[Line]:
    """`line` broken at words into lines of at most `width` cells."""
    lines: list[Line] = [[]]
    room = width
    for text, style, action in line:
        for word in _pieces(text):
            size = cell_len(word)
            if cell_len(word.rstrip()) > room and room < width:
                lines.append([])
                room = width
            chops = chop_cells(word, width) if size > width else [word]
            for number, chop in enumerate(chops):
                if number:
                    lines.append([])
                    room = width
                _append(lines[-1], Part(chop, style, action))
                room -= cell_len(chop)
    return lines


def _append(line: Line, part: Part) -> None:
    """Add `part` to `line`, to its last part if they look alike."""
    if line and line[-1][1:] == part[1:]:
        line[-1] = line[-1]._replace(text=line[-1].text + part.text)
    else:
        line.append(part)


def preview_lines(view: ChunkView, width: int) -> list[Line]:
    """The lines of the preview: number, `┃` beside the chunk's own lines, text."""
    digits = len(str(view.first_line + max(0, len(view.lines) - 1)))
    digits = max(3, digits)
    room = max(8, width - digits - 4)
    result: list[Line] = []
    for number, raw in enumerate(view.lines, view.first_line):
        inside = view.start_line <= number <= view.end_line
        text, spans, before, after = _window(raw, spans_of(view, number))
        line = _marked(text.rstrip("\r\n"), spans if inside else [], "" if inside else "dim")
        if before:
            line.insert(0, Part(f"… {figures.number(before)} characters … ", "faint"))
        if after:
            line.append(Part(f" … {figures.number(after)} more characters", "faint"))
        for at, row in enumerate(wrapped(line, room)):
            gutter = str(number) if at == 0 else ""
            bar = Part(" ┃ ", "inside") if inside else Part(" │ ", "faint")
            result.append([Part(f"{gutter:>{digits}}", "gutter"), bar, *row])
    return result


def first_inside(view: ChunkView, lines: list[Line]) -> int:
    """The index of the first line that belongs to the chunk."""
    return next((at for at, line in enumerate(lines) if line[1].style == "inside"), 0)


def head_line(
    view: ChunkView | None, freshness: Freshness | None, width: int, *, active: bool
) -> Line:
    """`4 PREVIEW  path:31-34 · chunk 2/5 · file as indexed`."""
    left = [
        Part("▸" if active else " ", "accent"),
        Part("4 ", "key"),
        Part("PREVIEW", "strong" if active else "name"),
    ]
    if view is None:
        return fit(left, width)
    right = _facts(view, freshness or view.freshness, width)
    path = f"{shown(view.path)}:{view.start_line}-{view.end_line}"
    room = width - sum(cell_len(part.text) for part in (*left, *right)) - 4
    return spread([*left, Part(f"  {clip_start(path, max(10, room))}", "strong")], right, width)


def _facts(view: ChunkView, freshness: Freshness, width: int) -> Line:
    line = [Part(f"chunk {view.position + 1}/{view.count}", "dim"), Part(" · ", "dim")]
    if view.date and width >= 90:
        source = "" if view.date_source == "front matter" else f" by {view.date_source}"
        line += [Part(f"{shown(view.date)}{shown(source)}", "dim"), Part(" · ", "dim")]
    line.append(
        {
            Freshness.CURRENT: Part("file as indexed ", "dim"),
            Freshness.CHANGED: Part("! file changed since ", "warn"),
            Freshness.DELETED: Part("✗ file deleted ", "bad"),
        }[freshness]
    )
    return line
