"""Breaking lines of parts at words."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len, chop_cells

from membrowse.presentation.lines import Line, Part


def _pieces(text: str) -> list[str]:
    """Words with the spaces after them, at which a line may be broken."""
    words: list[str] = []
    for word in text.split(" "):
        words.append(word + " ")
    words[-1] = words[-1][:-1]
    return [word for word in words if word]


def _units(line: Line) -> Iterator[Line]:
    """Words with the spaces after them, whatever parts they are made of."""
    unit: Line = []
    for text, style, action in line:
        for word in _pieces(text):
            unit.append(Part(word, style, action))
            if word.endswith(" "):
                yield unit
                unit = []
    if unit:
        yield unit


def wrapped(line: Line, width: int) -> list[Line]:
    """`line` broken at words into lines of at most `width` cells."""
    lines: list[Line] = [[]]
    room = width
    for unit in _units(line):
        if cell_len("".join(part.text for part in unit).rstrip()) > room and room < width:
            lines.append([])
            room = width
        for part in unit:
            for text in _chopped(part.text, room, width):
                if cell_len(text.rstrip()) > room:
                    lines.append([])
                    room = width
                _append(lines[-1], part._replace(text=text))
                room -= cell_len(text)
    return lines


def _chopped(text: str, room: int, width: int) -> list[str]:
    """`text`, or what of it fits into `room` cells and then into lines of `width`."""
    if cell_len(text.rstrip()) <= room:
        return [text]
    head = chop_cells(text, room)[0] if room > 1 else ""
    rest = text[len(head) :]
    return [part for part in (head, *chop_cells(rest, width)) if part]


def _append(line: Line, part: Part) -> None:
    """Add `part` to `line`, to its last part if they look alike."""
    if line and line[-1][1:] == part[1:]:
        line[-1] = line[-1]._replace(text=line[-1].text + part.text)
    else:
        line.append(part)
