"""Breaking lines of parts at words."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells

from membrowse.tui.model.parts import Line, Part


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
