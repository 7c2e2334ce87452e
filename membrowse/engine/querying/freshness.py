"""Whether the file of a hit has changed since it was indexed."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from membrowse.index.generation import IndexedNote
from membrowse.roots import Roots
from membrowse.stores.directory import is_own_directory
from membrowse.wire.notes import Freshness


class FreshnessOf:
    """Checks each note's file once; made for one reply."""

    def __init__(self, roots: Roots, notes: Mapping[str, IndexedNote]) -> None:
        self._roots = roots
        self._notes = notes
        self._is_store = is_own_directory(roots.folder)
        self._of = lru_cache(maxsize=None)(self._look)

    def __call__(self, path: str) -> Freshness:
        return self._of(path)

    def _look(self, path: str) -> Freshness:
        note = self._notes.get(path)
        if self._is_store:
            known = Freshness.UNREADABLE if self._roots.unavailable else Freshness.CURRENT
            return Freshness.DELETED if note is None else known
        if self._roots.is_unavailable(path):
            return Freshness.UNREADABLE
        try:
            file = self._roots.resolve(path)
            found = file.stat()
            if note is None or not stat.S_ISREG(found.st_mode):
                return Freshness.DELETED
            if (note.size, note.mtime_ns) != (found.st_size, found.st_mtime_ns):
                return Freshness.CHANGED
            if (note.ctime_ns, note.inode) == (found.st_ctime_ns, found.st_ino):
                return Freshness.CURRENT
            return _compared(file, note)
        except (FileNotFoundError, NotADirectoryError):
            return Freshness.DELETED
        except OSError:
            return Freshness.UNREADABLE


def _compared(file: Path, note: IndexedNote) -> Freshness:
    """Compare by content: a copy may keep size and modification time."""
    same = hashlib.sha256(file.read_bytes()).hexdigest() == note.sha256
    return Freshness.CURRENT if same else Freshness.CHANGED
