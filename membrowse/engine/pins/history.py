"""The ranks of each pin over generations, kept beside the index and through rebuilds."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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
        self._lock = threading.Lock()
        self._connection = _intact_history(path)

    def chunks(self) -> dict[str, str]:
        """A pin's key → the chunk that represented it last."""
        with self._lock:
            rows = self._connection.execute("SELECT checksum, pin, chunk FROM chunks")
            return {pin: chunk for expected, pin, chunk in rows if checksum(pin, chunk) == expected}

    def ranks(self, pin: str) -> tuple[int | None, ...]:
        """The pin's ranks, the newest last."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT checksum, pin, generation, settings, at, rank FROM points "
                "WHERE pin = ? ORDER BY number",
                (pin,),
            )
            return tuple(values[-1] for expected, *values in rows if checksum(*values) == expected)

    def record(self, points: Iterable[Point], generation: int, settings: str, at: str) -> None:
        """Record a run; it replaces a run over the same generation with the same settings."""
        with self._lock, transaction(self._connection) as connection:
            for point in points:
                self._put(connection, point, generation, settings, at)
            connection.execute(
                "DELETE FROM points WHERE pin NOT IN (SELECT pin FROM points GROUP BY pin "
                "ORDER BY max(number) DESC LIMIT ?)",
                (_PINS_KEPT,),
            )
            connection.execute("DELETE FROM chunks WHERE pin NOT IN (SELECT pin FROM points)")

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
        with self._lock:
            self._connection.close()


def _intact_history(path: Path) -> sqlite3.Connection:
    try:
        try:
            return _opened_history(path)
        except sqlite3.DatabaseError as error:
            if not sqlite.is_corrupt(error):
                raise
            log.warning("%s is damaged (%s): the history of pins starts over", path, error)
            sqlite.delete_database(path)
            return _opened_history(path)
    except (OSError, sqlite3.Error) as error:
        log.warning("the history of pins is kept in memory only: %s: %s", path, error)
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        connection.executescript(_TABLES)
        return connection


def _opened_history(path: Path) -> sqlite3.Connection:
    connection = sqlite.open_tables(path, _TABLES)
    try:
        sqlite.check_structure(connection)
    except BaseException:
        connection.close()
        raise
    return connection
