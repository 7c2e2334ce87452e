"""What the keyword index holds of a chunk."""

from __future__ import annotations

from datetime import date

from membrowse.index.generation import IndexedNote
from membrowse.notes.chunk import Chunk

Document = dict[str, str]
"""A chunk's `id`, and the text of each of `keyword.FIELDS`."""

_FROM_MTIME = "mtime"


def document(chunk: Chunk, note: IndexedNote) -> Document:
    """`chunk` of `note`, field by field."""
    return {
        "id": chunk.id,
        "title": chunk.title,
        "headings": "\n".join(chunk.headings),
        "body": chunk.text,
        "path": chunk.path,
        "tags": "\n".join(chunk.tags),
        "date": "" if note.date_source == _FROM_MTIME else date_in_words(note.date),
    }


def date_in_words(iso: str) -> str:
    """`2023-05-08` as people write and ask it: `8 May 2023 2023-05-08`; else as given."""
    try:
        day = date.fromisoformat(iso[:10])
    except ValueError:
        return iso
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year} {iso[:10]}"


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
