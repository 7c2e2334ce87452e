"""The fields that the keyword index stores of a chunk."""

from __future__ import annotations

from datetime import date
from pathlib import PurePosixPath

from membrowse.index.generation import IndexedNote
from membrowse.notes.chunk import Chunk
from membrowse.notes.chunker import named_title
from membrowse.notes.note import MTIME, file_name_in_words

Document = dict[str, str]
"""A chunk's `id`, and the text of each of `keyword_reader.FIELDS`."""

_MONTHS = (
    "January February March April May June July August September October November December"
).split()


def document(chunk: Chunk, note: IndexedNote) -> Document:
    """Return the keyword document of `chunk` of `note`."""
    return {
        "id": chunk.id,
        "title": _title(chunk, note),
        "headings": "\n".join(chunk.headings),
        "body": chunk.text,
        "path": chunk.path,
        "tags": "\n".join(chunk.tags),
        "date": "" if note.date_source == MTIME else _date_in_words(note.date),
    }


def _title(chunk: Chunk, note: IndexedNote) -> str:
    """The title with the words of the file name that it lacks."""
    if not note.title:
        return chunk.title
    return named_title(note.title, file_name_in_words(PurePosixPath(note.path).stem))


def _date_in_words(iso: str) -> str:
    """`2023-05-08` as people write and search for it: `8 May 2023 2023-05-08`."""
    try:
        day = date.fromisoformat(iso[:10])
    except ValueError:
        return iso
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year} {iso[:10]}"
