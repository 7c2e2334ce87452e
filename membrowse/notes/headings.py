"""The heading that a chunk stands under, as a line of the note."""

from __future__ import annotations

import re
from dataclasses import dataclass

from membrowse.notes.blocks import HEADING
from membrowse.notes.chunk import Chunk
from membrowse.notes.chunker import note_blocks
from membrowse.notes.note import Note
from membrowse.notes.spans import Lines

_CLOSING = re.compile(r"[ \t]+#+[ \t]*\Z")


@dataclass(frozen=True, slots=True)
class HeadingLine:
    """The (first) line of a heading: `text` is the note's from `start` to `end`."""

    line: int
    """1-based."""
    start: int
    end: int
    """Characters of the note; the line's end is not part of it."""
    text: str

    def with_word(self, word: str) -> str:
        """The line with `word` at the heading's end, before closing marks."""
        closing = _CLOSING.search(self.text) if self.text.lstrip().startswith("#") else None
        content = self.text[: closing.start()] if closing else self.text.rstrip()
        return f"{content} {word}{closing[0] if closing else ''}"


def heading_of(note: Note, chunk: Chunk) -> HeadingLine | None:
    """The innermost heading above the text of `chunk`; None where there is none."""
    lines = Lines(note.text)
    found: int | None = None
    for block in note_blocks(note, lines):
        if block.kind == HEADING and block.first < chunk.end_line:
            found = block.first
        elif block.last >= chunk.start_line:
            break
    if found is None:
        return None
    start, end = lines.span(found)
    text = note.text[start:end].rstrip("\r\n")
    return HeadingLine(found + 1, start, start + len(text), text)
