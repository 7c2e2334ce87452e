"""More like this: the chunk whose vector a query searches by."""

from __future__ import annotations

import re

import numpy as np

from membrowse.encoding.encoder import EncodedQuery
from membrowse.index.generation import Generation
from membrowse.text import normal_form

_PLACE = re.compile(r"(?P<path>.+?)(?::(?P<line>\d{1,9}))?", re.DOTALL)


def chunk_at(generation: Generation, place: str) -> int | None:
    """The row of the chunk at `PATH` or `PATH:LINE`; None if there is none.

    Without a line, it is the first chunk; between two chunks, the one before.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        return None
    for path, line in ((place, None), (match["path"], match["line"])):
        rows = generation.rows(_known_path(generation, path))
        if rows:
            before = [row for row in rows if generation.chunks[row].start_line <= int(line or 1)]
            return before[-1] if before and line else rows[0]
    return None


def _known_path(generation: Generation, path: str) -> str:
    """The path of the note, in the Unicode form that it has in the index."""
    if path in generation.notes:
        return path
    form = normal_form(path)
    return next((each for each in generation.notes if normal_form(each) == form), path)


def no_words() -> EncodedQuery:
    """A query without words."""
    empty = np.zeros((0, 0), np.float32)
    return EncodedQuery(text="", vector=empty.reshape(-1), tokens=empty)
