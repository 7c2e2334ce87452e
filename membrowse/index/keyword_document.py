"""The fields that the keyword index stores of a chunk."""

from __future__ import annotations

from membrowse.index.generation import IndexedNote
from membrowse.notes.chunk import Chunk
from membrowse.notes.note import MTIME

Document = dict[str, str]
"""A chunk's `id`, and the text of each of `keyword_reader.FIELDS`."""


def document(chunk: Chunk, note: IndexedNote) -> Document:
    """Return the keyword document of `chunk` of `note`."""
    return {
        "id": chunk.id,
        "title": chunk.title,
        "headings": "\n".join(chunk.headings),
        "body": chunk.text,
        "path": chunk.path,
        "tags": "\n".join(chunk.tags),
        "date": "" if note.date_source == MTIME else note.date,
    }
