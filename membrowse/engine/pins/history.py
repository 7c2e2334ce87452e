"""The ranks of each pin over generations, kept beside the index and through rebuilds."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from membrowse import sqlite
from membrowse.sqlite import checksum, transaction

log = logging.getLogger(__name__)

FILE = "pins.sqlite"
"""In the index directory; a rebuild keeps it."""
POINTS_KEPT = 60
"""Per pin."""
_PINS_KEPT = 2000

_TABLES = """
CREATE TABLE IF NOT EXISTS points (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    pin TEXT NOT NULL, generation INTEGER NOT NULL, settings TEXT NOT NULL, at TEXT NOT NULL,
    rank INTEGER, checksum INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS points_pin ON points (pin, number);
CREATE TABLE IF NOT EXISTS chunks (
    pin TEXT PRIMARY KEY, chunk TEXT NOT NULL, checksum INTEGER NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Point:
    """The result of one pin in one run."""

    pin: str
    """The pin's key, the same in every run."""
    rank: int | None
    chunk: str
    """The chunk that represented it; empty if there was none."""


class PinHistory:
    """The history in the SQLite file at `path`. Thread-safe.

    A damaged file is replaced by an empty one, and damaged rows are left out. If no file can be
    written, the history is kept in memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = sqlite.MendingDatabase(self._opened, self._discard, self._in_memory)

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite.open_tables(self._path, _TABLES)
        try:
            sqlite.check_structure(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _discard(self, error: sqlite3.DatabaseError) -> None:
        log.warning("%s is damaged (%s): the history of pins starts over", self._path, error)
        sqlite.delete_database(self._path)

    def _in_memory(self, error: Exception) -> sqlite3.Connection:
        log.warning("the history of pins is kept in memory only: %s: %s", self._path, error)
        return sqlite.in_memory(_TABLES)

    def chunks(self) -> dict[str, str]:
        """A pin's key → the chunk that represented it last."""
        rows = self._rows("SELECT checksum, pin, chunk FROM chunks")
        return {pin: chunk for expected, pin, chunk in rows if checksum(pin, chunk) == expected}

    def ranks(self, pin: str) -> tuple[int | None, ...]:
        """The pin's ranks, the newest last."""
        rows = self._rows(
            "SELECT checksum, pin, generation, settings, at, rank FROM points "
            "WHERE pin = ? ORDER BY number",
            pin,
        )
        return tuple(values[-1] for expected, *values in rows if checksum(*values) == expected)

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        return self._database.run(lambda connection: connection.execute(query, values).fetchall())

    def record(self, points: Iterable[Point], generation: int, settings: str, at: str) -> None:
        """Record a run; it replaces a run over the same generation with the same settings."""
        points = list(points)

        def record(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                for point in points:
                    self._put(connection, point, generation, settings, at)
                connection.execute(
                    "DELETE FROM points WHERE pin NOT IN (SELECT pin FROM points GROUP BY pin "
                    "ORDER BY max(number) DESC LIMIT ?)",
                    (_PINS_KEPT,),
                )
                connection.execute("DELETE FROM chunks WHERE pin NOT IN (SELECT pin FROM points)")

        self._database.run(record)

    def _put(
        self, connection: sqlite3.Connection, point: Point, generation: int, settings: str, at: str
    ) -> None:
        execute = connection.execute
        last = execute(
            "SELECT number, generation, settings FROM points WHERE pin = ? "
            "ORDER BY number DESC LIMIT 1",
            (point.pin,),
        ).fetchone()
        values = (point.pin, generation, settings, at, point.rank)
        if last is not None and last[1:] == (generation, settings):
            execute(
                "UPDATE points SET rank = ?, at = ?, checksum = ? WHERE number = ?",
                (point.rank, at, checksum(*values), last[0]),
            )
        else:
            execute(
                "INSERT INTO points (pin, generation, settings, at, rank, checksum) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (*values, checksum(*values)),
            )
        execute(
            "DELETE FROM points WHERE pin = ?1 AND number NOT IN (SELECT number FROM points "
            "WHERE pin = ?1 ORDER BY number DESC LIMIT ?2)",
            (point.pin, POINTS_KEPT),
        )
        if point.chunk:
            execute(
                "INSERT OR REPLACE INTO chunks VALUES (?, ?, ?)",
                (point.pin, point.chunk, checksum(point.pin, point.chunk)),
            )

    def close(self) -> None:
        self._database.close()
