"""Reads lines of a note from disk; only of notes that are indexed, so nothing else can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from membrowse.engine.components import Components
from membrowse.engine.errors import Impossible, Unknown
from membrowse.engine.handlers.chunk import chunk_lines
from membrowse.engine.priority import Pause
from membrowse.engine.querying.freshness import FreshnessOf
from membrowse.notes.not_indexable import NotIndexable
from membrowse.notes.reader import read_file
from membrowse.notes.text_segmentation import Lines
from membrowse.text import shown
from membrowse.wire.notes import NoteLines, NoteRequest

MAX_LINES = 2000
MAX_CHARACTERS = 100_000
"""Limits of one reply."""


def note(components: Components, request: NoteRequest, _pause: Pause) -> NoteLines:
    """The lines of a note.

    Raises `Unknown` if the note is not indexed or its file is gone, `Impossible` if its file
    cannot be read.
    """
    notes, path = components.index.generation.notes, request.path
    indexed = notes.get(path)
    if indexed is None:
        raise Unknown(f"no note called {shown(path)} is indexed")
    text = Lines(_content(components, path))
    first = max(1, request.first_line)
    last = len(text) if request.last_line is None else min(request.last_line, len(text))
    asked = (_line(text, number) for number in range(first, last + 1))
    lines = tuple(_bounded(asked))
    return NoteLines(
        path=path,
        title=indexed.title,
        date=indexed.date,
        freshness=FreshnessOf(components.roots, notes)(path),
        first_line=first,
        total=len(text),
        lines=lines,
        cut=len(lines) < last - first + 1 or sum(map(len, lines)) >= MAX_CHARACTERS,
    )


def _content(components: Components, path: str) -> str:
    """The text of a note: the file, or the records of a store as they were read."""
    if components.store:
        generation = components.index.generation
        chunks = [generation.chunks[row] for row in generation.rows(path)]
        lines = chunk_lines(chunks)
        return "\n".join([*[""] * (chunks[0].start_line - 1), *lines]) if chunks else ""
    try:
        return read_file(components.roots, path, components.configuration.settings.notes).text
    except FileNotFoundError as error:
        raise Unknown(f"the file {shown(path)} is gone") from error
    except NotIndexable as error:
        raise Impossible(f"{shown(path)}: {error.reason}") from error


def _line(text: Lines, number: int) -> str:
    start, end = text.line_span(number - 1)
    return text.text[start:end].rstrip("\r\n")


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    """As many of `lines` as the limits allow; the first of them is cut if it is too long alone."""
    room = MAX_CHARACTERS
    for number, line in enumerate(lines):
        if number == MAX_LINES or (number and len(line) > room):
            return
        yield line[:room]
        room -= len(line)
