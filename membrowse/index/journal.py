"""Bounded history: what each generation added to the index and removed from it."""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from membrowse.notes.chunk import Chunk
from membrowse.retention_clock import RetentionClock
from membrowse.sqlite import checksum

log = logging.getLogger(__name__)

TABLES = """
CREATE TABLE IF NOT EXISTS journal (
    generation INTEGER NOT NULL, path TEXT NOT NULL, entry BLOB NOT NULL, bytes INTEGER NOT NULL,
    at TEXT NOT NULL, checksum INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS journal_generation ON journal (generation, bytes);
CREATE INDEX IF NOT EXISTS journal_path ON journal (path);
CREATE INDEX IF NOT EXISTS journal_at ON journal (at);
"""
_ROWS = "SELECT rowid, checksum, generation, path, at, entry FROM journal"
_INSERT = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the text of earlier generations is kept; whichever bound is reached first."""

    generations: int = 1000
    days: float = 30.0
    bytes: int = 64 << 20
    """Size of all entries before they are compressed."""


DEFAULT_RETENTION = Retention()


class AddedChunk(msgspec.Struct, frozen=True):
    """A chunk that was added: the index has it, or the entry that removed it."""

    id: str


class RemovedChunk(msgspec.Struct, frozen=True):
    """A chunk that was removed."""

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
    added: tuple[AddedChunk, ...] = ()
    removed: tuple[RemovedChunk, ...] = ()
    cleared: bool = False
    """The whole index was cleared; the path is empty."""


class Journal:
    """Writes within the transactions of its owner, the manifest."""

    def __init__(self, connection: sqlite3.Connection, retention: Retention) -> None:
        self._connection = connection
        self._retention = retention
        self._clock = RetentionClock()

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
                    added=tuple(AddedChunk(chunk.id) for chunk in added_by_path.get(path, ())),
                    removed=tuple(map(_removed, removed_by_path.get(path, ()))),
                )
            )
        self.trim(generation)

    def record_clear(self, generation: int) -> None:
        """Record that the whole index was cleared."""
        self._insert(JournalEntry(generation=generation, at=_now(), path="", cleared=True))

    def entries(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]:
        """Entries from generation `since` on (of the note at `path`), oldest first.

        Damaged entries are deleted and left out: nothing else has their text.
        """
        where, values = ("AND path = ?", (since, path)) if path is not None else ("", (since,))
        rows = self._intact(
            f"{_ROWS} WHERE generation >= ? {where} ORDER BY generation, path", values
        )
        return list(rows.values())

    def _intact(self, query: str, values: tuple[int | str, ...] = ()) -> dict[int, JournalEntry]:
        """Entries that `query` selects, by row id; damaged ones are deleted."""
        rows = self._connection.execute(query, values).fetchall()
        self.delete([row for row, expected, *facts in rows if checksum(*facts) != expected])
        return {
            row: _decode(facts[-1])
            for row, expected, *facts in rows
            if checksum(*facts) == expected
        }

    def delete(self, rows: Sequence[int]) -> None:
        """Delete damaged entries, by row id."""
        if rows:
            log.warning("the history is damaged; entries lost: %d", len(rows))
            self._connection.executemany(
                "DELETE FROM journal WHERE rowid = ?", ((row,) for row in rows)
            )

    def _insert(self, entry: JournalEntry) -> None:
        row = _row(entry.generation, entry.path, entry.at, msgspec.json.encode(entry))
        self._connection.execute(_INSERT, row)

    def trim(self, generation: int) -> None:
        """Delete entries beyond the bounds; `generation` is the current one."""
        keep, execute = self._retention, self._connection.execute
        execute("DELETE FROM journal WHERE generation <= ?", (generation - keep.generations,))
        oldest = self._clock.before(self._connection, keep.days)
        execute("DELETE FROM journal WHERE at <= ?", (_stamp(oldest),))
        (total,) = execute("SELECT coalesce(sum(bytes), 0) FROM journal").fetchone()
        while total > keep.bytes:
            first, size = execute(
                "SELECT generation, sum(bytes) FROM journal GROUP BY generation "
                "ORDER BY generation LIMIT 1"
            ).fetchone()
            execute("DELETE FROM journal WHERE generation = ?", (first,))
            total -= size

    def purge(self, condition: Callable[[JournalEntry], bool]) -> list[JournalEntry]:
        """Delete the entries that satisfy `condition`, and return them; damaged ones go, too."""
        rows = self._intact(_ROWS)
        purged = {row: entry for row, entry in rows.items() if condition(entry)}
        self._connection.executemany(
            "DELETE FROM journal WHERE rowid = ?", ((row,) for row in purged)
        )
        return list(purged.values())


def damaged_entries(connection: sqlite3.Connection) -> list[int]:
    """Row ids of the entries that are not as they were written."""
    return [
        row for row, expected, *facts in connection.execute(_ROWS) if checksum(*facts) != expected
    ]


def _row(generation: int, path: str, at: str, data: bytes) -> tuple[int, str, bytes, int, str, int]:
    entry = zlib.compress(data)
    return generation, path, entry, len(data), at, checksum(generation, path, at, entry)


def _decode(entry: bytes) -> JournalEntry:
    return msgspec.json.decode(zlib.decompress(entry), type=JournalEntry)


def _by_path(chunks: Iterable[Chunk]) -> dict[str, list[Chunk]]:
    by_path: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        by_path.setdefault(chunk.path, []).append(chunk)
    return by_path


def _removed(chunk: Chunk) -> RemovedChunk:
    return RemovedChunk(chunk.id, chunk.headings, chunk.start_line, chunk.end_line, chunk.text)


def _now() -> str:
    return _stamp(datetime.now(UTC))


def _stamp(moment: datetime) -> str:
    """ISO 8601 with a trailing Z."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
