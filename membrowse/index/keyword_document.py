"""The fields that the keyword index stores of a chunk."""

from __future__ import annotations

from pathlib import PurePosixPath

from membrowse.index.generation import IndexedNote
from membrowse.notes.chunk import Chunk
from membrowse.notes.chunker import named_title
from membrowse.notes.note import MTIME, file_name_in_words

Document = dict[str, str]
"""A chunk's `id`, and the text of each of `keyword_reader.FIELDS`."""


def document(chunk: Chunk, note: IndexedNote) -> Document:
    """Return the keyword document of `chunk` of `note`."""
    return {
        "id": chunk.id,
        "title": _title(chunk, note),
        "headings": "\n".join(chunk.headings),
        "body": chunk.text,
        "path": chunk.path,
        "tags": "\n".join(chunk.tags),
        "date": "" if note.date_source == MTIME else note.date,
    }


def _title(chunk: Chunk, note: IndexedNote) -> str:
    """The title with the words of the file name that it lacks."""
    if not note.title:
        return chunk.title
    return named_title(note.title, file_name_in_words(PurePosixPath(note.path).stem))
