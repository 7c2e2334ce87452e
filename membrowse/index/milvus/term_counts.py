"""In how many chunks each term occurs, in a database beside the manifest.

Milvus ranks by our weights and counts no documents for us. A change is written before the manifest
confirms its generation, with what undoes it: after a kill in between, it is undone. Damaged counts
are dropped, and all terms are counted again.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from membrowse import sqlite
from membrowse.index.store_errors import StoreUnavailable
from membrowse.sqlite import checksum, transaction

log = logging.getLogger(__name__)

_TABLES = """
CREATE TABLE IF NOT EXISTS terms (
    term TEXT PRIMARY KEY, chunks INTEGER NOT NULL, checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last (
    term TEXT PRIMARY KEY, change INTEGER NOT NULL, checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (generation INTEGER NOT NULL, checksum INTEGER NOT NULL);
"""
_STATE = "SELECT generation, checksum FROM state"
_TERMS = "SELECT term, chunks, checksum FROM terms"
_LAST = "SELECT term, change, checksum FROM last"
UNCOUNTED = -1
"""Instead of a generation: all terms are to be counted."""
_UNKNOWN = -2
"""Generation of a new file: nothing is known of the rows in Milvus."""
COUNTING = "the words of all notes are being counted again"


class TermCounts:
    """One connection; calls from several threads take turns."""

    def __init__(self, path: Path, lost: Callable[[], None]) -> None:
        """`lost` is called when damaged counts are dropped, and if they were before."""
        self._path = path
        self._lost = lost
        self._of_a_new_file = _UNKNOWN
        self._database = sqlite.MendingDatabase(self._opened, self._discard)
        self._of_a_new_file = UNCOUNTED
        self._run = self._database.run

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite.open_tables(self._path, _TABLES)
        try:
            state = connection.execute(_STATE).fetchone()
            self._generation = self._of_a_new_file if state is None else _intact(state)
            if self._generation == UNCOUNTED:
                self._set_generation(connection, UNCOUNTED)
                self._lost()
        except BaseException:
            connection.close()
            raise
        return connection

    def _discard(self, error: sqlite3.DatabaseError) -> None:
        log.warning("the counts of terms are damaged (%s); counting again", error)
        sqlite.delete_database(self._path)

    @property
    def generation(self) -> int:
        """The generation that was counted; negative if none was."""
        return self._generation

    @property
    def complete(self) -> bool:
        """Whether the terms of a generation are counted, as they must be to rank by them."""
        return self._generation >= 0

    def change(self, generation: int, change: Mapping[str, int]) -> None:
        """Add `change`, by term, to reach `generation`; nothing if no generation was counted."""

        def add(connection: sqlite3.Connection) -> None:
            if self.complete:
                with transaction(connection):
                    connection.execute("DELETE FROM last")
                    connection.executemany("INSERT INTO last VALUES (?, ?, ?)", _rows(change))
                    self._add(connection, change)
                    self._set_generation(connection, generation)
                self._generation = generation

        self._run(add)

    def undo(self, generation: int) -> None:
        """Undo the last change, to reach the `generation` before it."""

        def undo(connection: sqlite3.Connection) -> None:
            if self.complete:
                last = {row[0]: _intact(row) for row in connection.execute(_LAST)}
                with transaction(connection):
                    connection.execute("DELETE FROM last")
                    self._add(connection, {term: -change for term, change in last.items()})
                    self._set_generation(connection, generation)
                self._generation = generation

        self._run(undo)

    def replace(self, generation: int, counts: Mapping[str, int]) -> None:
        """Replace all counts by these, of `generation`."""

        def replace(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute("DELETE FROM terms")
                connection.execute("DELETE FROM last")
                connection.executemany("INSERT INTO terms VALUES (?, ?, ?)", _rows(counts))
                self._set_generation(connection, generation)
            self._generation = generation

        self._run(replace)

    def forget(self) -> None:
        """Drop all counts: they are of another state."""
        self.replace(UNCOUNTED, {})

    def _add(self, connection: sqlite3.Connection, change: Mapping[str, int]) -> None:
        counts = {term: self._df(connection, term) + count for term, count in change.items()}
        connection.executemany("DELETE FROM terms WHERE term = ?", ((term,) for term in counts))
        connection.executemany("INSERT INTO terms VALUES (?, ?, ?)", _rows(counts))

    def _set_generation(self, connection: sqlite3.Connection, generation: int) -> None:
        connection.execute("DELETE FROM state")
        connection.execute("INSERT INTO state VALUES (?, ?)", (generation, checksum(generation)))

    def df(self, term: str) -> int:
        """Number of chunks that contain `term`. Raises `StoreUnavailable` until all are counted."""

        def df(connection: sqlite3.Connection) -> int:
            if not self.complete:
                raise StoreUnavailable(COUNTING)
            return self._df(connection, term)

        return self._run(df)

    @staticmethod
    def _df(connection: sqlite3.Connection, term: str) -> int:
        row = connection.execute(f"{_TERMS} WHERE term = ?", (term,)).fetchone()
        return 0 if row is None else _intact(row)

    def check(self) -> int:
        """Check structure and checksums; returns 1 if something was damaged: all is dropped."""
        try:
            with sqlite.checked(self._path) as disk:
                for query in (_TERMS, _LAST, _STATE):
                    for row in disk.execute(query):
                        _intact(row)
        except sqlite3.DatabaseError as error:
            self._database.mend(error)
            return 1
        return 0

    def purge(self) -> None:
        """Delete every byte of terms that no chunk contains; the last change is confirmed."""

        def purge(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM last")
            sqlite.rewrite(connection)

        self._run(purge)

    def size(self) -> int:
        return sqlite.disk_size(self._path)

    def close(self) -> None:
        self._database.close()


def _rows(numbers: Mapping[str, int]) -> Iterable[tuple[str, int, int]]:
    return ((term, number, checksum(term, number)) for term, number in numbers.items() if number)


def _intact(row: Sequence[Any]) -> int:
    """The number of a row whose last value is its checksum."""
    *values, expected = row
    if checksum(*values) != expected:
        raise sqlite3.DatabaseError("a row is damaged")
    return int(values[-1])
