"""Bounded history: what each generation added to the index and removed from it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from membrowse.index.sqlite import checksum
from membrowse.notes.chunk import Chunk

log = logging.getLogger(__name__)

MAX_GENERATIONS = 1000
MAX_BYTES = 64 * 1024 * 1024
"""Bytes of entries."""

TABLES = """
CREATE TABLE IF NOT EXISTS journal (
    generation INTEGER NOT NULL, path TEXT NOT NULL, entry TEXT NOT NULL, bytes INTEGER NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS journal_generation ON journal (generation, bytes);
CREATE INDEX IF NOT EXISTS journal_path ON journal (path);
"""
_ROWS = "SELECT rowid, checksum, generation, path, CAST(entry AS BLOB) FROM journal"


class JournaledChunk(msgspec.Struct, frozen=True):
    """A chunk that was added or removed."""

    id: str
    headings: tuple[str, ...]
    start_line: int
    end_line: int
    text: str


class JournalEntry(msgspec.Struct, frozen=True):
    """What one generation changed in one note."""

    generation: int
    at: str
    """ISO 8601 in UTC."""
    path: str
    added: tuple[JournaledChunk, ...] = ()
    removed: tuple[JournaledChunk, ...] = ()
    cleared: bool = False
    """The whole index was cleared; the path is empty."""


class Journal:
    """Writes within the transactions of its owner, the manifest."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def write(self, generation: int, added: Iterable[Chunk], removed: Iterable[Chunk]) -> None:
        """Record what `generation` changed, and drop entries beyond the bounds."""
        added_by_path = _by_path(added)
        removed_by_path = _by_path(removed)
        for path in sorted(added_by_path.keys() | removed_by_path.keys()):
            self._insert(
                JournalEntry(
                    generation=generation,
                    at=_now(),
                    path=path,
                    added=tuple(added_by_path.get(path, ())),
                    removed=tuple(removed_by_path.get(path, ())),
                )
            )
        self._trim(generation)

    def record_clear(self, generation: int) -> None:
        """Record that the whole index was cleared."""
        self._insert(JournalEntry(generation=generation, at=_now(), path="", cleared=True))

    def entries(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]:
        """Entries from generation `since` on (of the note at `path`), oldest first.

        Damaged entries are deleted and left out: nothing else has their text.
        """
        where, values = ("AND path = ?", (since, path)) if path is not None else ("", (since,))
        rows = self._connection.execute(
            f"{_ROWS} WHERE generation >= ? {where} ORDER BY generation, path",
            values,
        ).fetchall()
        damaged = [row for row, expected, *facts in rows if checksum(*facts) != expected]
        self.delete(damaged)
        gone = frozenset(damaged)
        return [
            msgspec.json.decode(entry, type=JournalEntry)
            for row, *_, entry in rows
            if row not in gone
        ]

    def delete(self, rows: Sequence[int]) -> None:
        """Delete damaged entries, by row id."""
        if rows:
            log.warning("the history lost %d damaged entries", len(rows))
            self._connection.executemany(
                "DELETE FROM journal WHERE rowid = ?", ((row,) for row in rows)
            )

    def _insert(self, entry: JournalEntry) -> None:
        data = msgspec.json.encode(entry)
        self._connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?)",
            (
                entry.generation,
                entry.path,
                data.decode(),
                len(data),
                checksum(entry.generation, entry.path, data),
            ),
        )

    def _trim(self, generation: int) -> None:
        execute = self._connection.execute
        execute("DELETE FROM journal WHERE generation <= ?", (generation - MAX_GENERATIONS,))
        (total,) = execute("SELECT coalesce(sum(bytes), 0) FROM journal").fetchone()
        while total > MAX_BYTES:
            oldest, size = execute(
                "SELECT generation, sum(bytes) FROM journal GROUP BY generation "
                "ORDER BY generation LIMIT 1"
            ).fetchone()
            if oldest == generation:
                break
            execute("DELETE FROM journal WHERE generation = ?", (oldest,))
            total -= size


def damaged_entries(connection: sqlite3.Connection) -> list[int]:
    """Row ids of the entries that are not as they were written."""
    return [
        row for row, expected, *facts in connection.execute(_ROWS) if checksum(*facts) != expected
    ]


def _by_path(chunks: Iterable[Chunk]) -> dict[str, list[JournaledChunk]]:
    by_path: dict[str, list[JournaledChunk]] = {}
    for chunk in chunks:
        journaled = JournaledChunk(
            chunk.id, chunk.headings, chunk.start_line, chunk.end_line, chunk.text
        )
        by_path.setdefault(chunk.path, []).append(journaled)
    return by_path


def _now() -> str:
    """The current time, ISO 8601 in UTC with a trailing Z."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
