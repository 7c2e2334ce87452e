"""Find the heading above a chunk, as a line of the note."""

from __future__ import annotations

from dataclasses import dataclass

from membrowse.notes.chunk import Chunk
from membrowse.notes.markdown_blocks import HEADING, note_blocks
from membrowse.notes.note import Note
from membrowse.notes.text_segmentation import Lines


@dataclass(frozen=True, slots=True)
class HeadingLine:
    """The first line of a heading; `text` is the note's text from `start` to `end`."""

    line: int
    """From 1."""
    start: int
    end: int
    """Character offset in the note; excludes the line end."""
    text: str

    def with_word(self, word: str) -> str:
        """Return the line with `word` added at the end of the heading, before closing `#` marks."""
        content = self.text.rstrip()
        closing = ""
        if content.lstrip().startswith("#"):
            before = content.rstrip("#")
            if before != content and before != before.rstrip(" \t"):
                content = before.rstrip(" \t")
                closing = self.text[len(content) :]
        return f"{content} {word}{closing}"


def heading_above(note: Note, chunk: Chunk) -> HeadingLine | None:
    """Return the innermost heading above the text of `chunk`, or None."""
    lines = Lines(note.text)
    number: int | None = None
    for block in note_blocks(note, lines):
        if block.kind == HEADING and block.start < chunk.end_line:
            number = block.start
        elif block.end >= chunk.start_line:
            break
    if number is None:
        return None
    start, end = lines.line_span(number)
    text = note.text[start:end].rstrip("\r\n")
    return HeadingLine(number + 1, start, start + len(text), text)
