"""A chunk: the unit that is indexed and ranked."""

from __future__ import annotations

import msgspec


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A run of whole blocks of one note under one heading path."""

    id: str
    """Hash of path, heading path, text and ordinal among equals (hex)."""
    path: str
    """Of the note, relative to the folder, with `/`."""
    position: int
    """0-based index among the note's chunks."""
    title: str
    headings: tuple[str, ...]
    """Heading path from the outermost to the innermost, without the title."""
    tags: tuple[str, ...]
    date: str
    """ISO date of the note (`2026-03-02`)."""
    header: str
    """The context (title › headings, date) put before the text for encoding."""
    text: str
    """Exactly the note's characters from `start_offset` to `end_offset`."""
    start_line: int
    """1-based; `end_line` is inclusive."""
    end_line: int
    start_offset: int
    """In characters (code points) of the decoded note; `end_offset` is exclusive."""
    end_offset: int

    @property
    def heading(self) -> str:
        """The heading path as one line, `A › B`."""
        return " › ".join(self.headings)
