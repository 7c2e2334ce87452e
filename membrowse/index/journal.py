"""What was added to the index and removed from it, generation by generation: bounded history."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

import msgspec

from membrowse.notes.chunk import Chunk

GENERATIONS_KEPT = 1000
BYTES_KEPT = 64 * 1024 * 1024

_TABLES = """
CREATE TABLE IF NOT EXISTS journal (
    generation INTEGER NOT NULL, path TEXT NOT NULL, entry TEXT NOT NULL, bytes INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS journal_generation ON journal (generation, bytes);
CREATE INDEX IF NOT EXISTS journal_path ON journal (path);
"""


class JournaledChunk(msgspec.Struct, frozen=True):
    """A chunk that came or went."""

    id: str
    headings: tuple[str, ...]
    start_line: int
    end_line: int
    text: str


class JournalEntry(msgspec.Struct, frozen=True):
    """What one generation changed of one note."""

    generation: int
    at: str
    """When, ISO 8601 in UTC."""
    path: str
    added: tuple[JournaledChunk, ...] = ()
    removed: tuple[JournaledChunk, ...] = ()
    cleared: bool = False
    """The whole index was forgotten (the path is empty then)."""


class Journal:
    """Writes within the transactions of its owner, the manifest."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        now: Callable[[], str],
        *,
        generations: int = GENERATIONS_KEPT,
        size: int = BYTES_KEPT,
    ) -> None:
        self._connection = connection
        self._now = now
        self._generations = generations
        self._size = size
        connection.executescript(_TABLES)

    def write(self, generation: int, added: Iterable[Chunk], removed: Iterable[Chunk]) -> None:
        """Note what `generation` changed, and forget what is too old or too much."""
        came = _by_path(added)
        went = _by_path(removed)
        for path in sorted(came.keys() | went.keys()):
            self._insert(
                JournalEntry(
                    generation=generation,
                    at=self._now(),
                    path=path,
                    added=tuple(came.get(path, ())),
                    removed=tuple(went.get(path, ())),
                )
            )
        self._trim(generation)

    def note_cleared(self, generation: int) -> None:
        """Note that everything was forgotten."""
        self._insert(JournalEntry(generation=generation, at=self._now(), path="", cleared=True))

    def entries(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]:
        """What is known from generation `since` on (of the note at `path`), oldest first."""
        where, values = ("AND path = ?", (since, path)) if path is not None else ("", (since,))
        rows = self._connection.execute(
            f"SELECT entry FROM journal WHERE generation >= ? {where} "  # noqa: S608
            "ORDER BY generation, path",
            values,
        )
        return [msgspec.json.decode(entry, type=JournalEntry) for (entry,) in rows]

    def _insert(self, entry: JournalEntry) -> None:
        data = msgspec.json.encode(entry)
        self._connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?)",
            (entry.generation, entry.path, data.decode(), len(data)),
        )

    def _trim(self, generation: int) -> None:
        execute = self._connection.execute
        execute("DELETE FROM journal WHERE generation <= ?", (generation - self._generations,))
        (total,) = execute("SELECT coalesce(sum(bytes), 0) FROM journal").fetchone()
        while total > self._size:
            oldest, size = execute(
                "SELECT generation, sum(bytes) FROM journal GROUP BY generation "
                "ORDER BY generation LIMIT 1"
            ).fetchone()
            if oldest == generation:
                break
            execute("DELETE FROM journal WHERE generation = ?", (oldest,))
            total -= size


def _by_path(chunks: Iterable[Chunk]) -> dict[str, list[JournaledChunk]]:
    found: dict[str, list[JournaledChunk]] = {}
    for chunk in chunks:
        passed = JournaledChunk(
            chunk.id, chunk.headings, chunk.start_line, chunk.end_line, chunk.text
        )
        found.setdefault(chunk.path, []).append(passed)
    return found
