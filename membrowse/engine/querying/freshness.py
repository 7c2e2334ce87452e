"""Whether the file of a hit has changed since it was indexed."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from membrowse.index.generation import IndexedNote
from membrowse.wire.notes import Freshness


class FreshnessOf:
    """Checks each note's file once; made for one reply."""

    def __init__(self, folder: Path, notes: Mapping[str, IndexedNote]) -> None:
        self._folder = folder
        self._notes = notes
        self._of = lru_cache(maxsize=None)(self._look)

    def __call__(self, path: str) -> Freshness:
        return self._of(path)

    def _look(self, path: str) -> Freshness:
        note = self._notes.get(path)
        try:
            found = (self._folder / path).stat()
        except OSError:
            return Freshness.DELETED
        if note is None or not stat.S_ISREG(found.st_mode):
            return Freshness.DELETED
        same = (note.size, note.mtime_ns) == (found.st_size, found.st_mtime_ns)
        return Freshness.CURRENT if same else Freshness.CHANGED
