"""A chunk: the unit that is indexed and ranked."""

from __future__ import annotations

import msgspec


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive whole blocks of one note under one heading path."""

    id: str
    """Hash (hex) of path, heading path, text and the ordinal among identical chunks."""
    path: str
    """Path of the note relative to the folder, with `/`."""
    position: int
    """Index among the note's chunks, from 0."""
    title: str
    """The note's title, else its file name without extension."""
    headings: tuple[str, ...]
    """Heading path from outermost to innermost, without the title."""
    tags: tuple[str, ...]
    date: str
    """The note's ISO date (`2026-03-02`)."""
    header: str
    """Context (title › headings, date) that precedes the text in the encoder's input."""
    text: str
    """The note's characters from `start_offset` to `end_offset`."""
    start_line: int
    """From 1; `end_line` is inclusive."""
    end_line: int
    start_offset: int
    """Code points of the decoded note; `end_offset` is exclusive."""
    end_offset: int

    @property
    def heading(self) -> str:
        """The heading path on one line, `A › B`."""
        return " › ".join(self.headings)


def encoder_input(header: str, text: str) -> str:
    """Return the encoder's input for a chunk: context header and text on separate lines."""
    return f"{header}\n{text}" if header else text
