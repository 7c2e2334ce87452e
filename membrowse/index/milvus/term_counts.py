"""In how many chunks each term occurs, in a database beside the manifest.

Milvus ranks by our weights and counts no documents for us. A change is written before the manifest
confirms its generation, with what undoes it: after a kill in between, it is undone.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from membrowse import sqlite
from membrowse.sqlite import transaction

_TABLES = """
CREATE TABLE IF NOT EXISTS terms (term TEXT PRIMARY KEY, chunks INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last (term TEXT PRIMARY KEY, change INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (generation INTEGER NOT NULL);
"""
_ADD = """
INSERT INTO terms VALUES (?, ?) ON CONFLICT (term) DO UPDATE SET chunks = chunks + excluded.chunks
"""


class TermCounts:
    """One connection; calls from several threads take turns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._connection = sqlite.open_tables(path, _TABLES)
        except sqlite3.DatabaseError as error:
            if not sqlite.is_corrupt(error):
                raise
            sqlite.delete_database(path)
            self._connection = sqlite.open_tables(path, _TABLES)

    @property
    def generation(self) -> int:
        """The generation that was counted; -1 for an empty database."""
        with self._lock:
            row = self._connection.execute("SELECT generation FROM state").fetchone()
        return -1 if row is None else int(row[0])

    def change(self, generation: int, change: Mapping[str, int]) -> None:
        """Add `change`, by term, to reach `generation`."""
        with self._lock, transaction(self._connection) as connection:
            connection.execute("DELETE FROM last")
            connection.executemany("INSERT INTO last VALUES (?, ?)", change.items())
            self._add(connection, generation, change)

    def undo(self, generation: int) -> None:
        """Undo the last change, to reach the `generation` before it."""
        with self._lock, transaction(self._connection) as connection:
            last = connection.execute("SELECT term, change FROM last").fetchall()
            connection.execute("DELETE FROM last")
            self._add(connection, generation, {term: -change for term, change in last})

    def replace(self, generation: int, counts: Mapping[str, int]) -> None:
        """Replace all counts by these, of `generation`."""
        with self._lock, transaction(self._connection) as connection:
            connection.execute("DELETE FROM terms")
            connection.execute("DELETE FROM last")
            self._add(connection, generation, counts)

    def _add(
        self, connection: sqlite3.Connection, generation: int, change: Mapping[str, int]
    ) -> None:
        connection.executemany(_ADD, ((term, count) for term, count in change.items() if count))
        if any(count < 0 for count in change.values()):
            connection.execute("DELETE FROM terms WHERE chunks <= 0")
        connection.execute("DELETE FROM state")
        connection.execute("INSERT INTO state VALUES (?)", (generation,))

    def df(self, term: str) -> int:
        """Number of chunks that contain `term`."""
        with self._lock:
            row = self._connection.execute(
                "SELECT chunks FROM terms WHERE term = ?", (term,)
            ).fetchone()
        return 0 if row is None else int(row[0])

    def all(self) -> Counter[str]:
        """All counts."""
        with self._lock:
            return Counter(dict(self._connection.execute("SELECT term, chunks FROM terms")))

    def size(self) -> int:
        return sqlite.disk_size(self._path)

    def close(self) -> None:
        with self._lock:
            self._connection.close()
