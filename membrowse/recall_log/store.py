"""The recalls of one index in a SQLite file of their own, bounded in number and age."""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from membrowse import sqlite
from membrowse.retention_clock import RetentionClock
from membrowse.sqlite import checksum, transaction
from membrowse.wire.recalls import Outcome, Recall, RecallDay

log = logging.getLogger(__name__)

FILE = "recalls.sqlite"
"""In the index directory; a rebuild keeps it."""
_ANSWERED_WITHIN = (timedelta(seconds=-2), timedelta(seconds=20))
"""When a recall is answered, after its call in a transcript: a first one starts the engine."""
_LEVEL = 1
"""Compression level; the lowest is enough, since a recall repeats its chunks in every ranking."""

_TABLES = """
CREATE TABLE IF NOT EXISTS recalls (
    id TEXT NOT NULL PRIMARY KEY, at TEXT NOT NULL, agent TEXT NOT NULL, query TEXT NOT NULL,
    empty INTEGER NOT NULL, cut INTEGER NOT NULL, record BLOB NOT NULL, checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recalls_at ON recalls (at, id, agent, empty, cut, query);
CREATE INDEX IF NOT EXISTS recalls_agent ON recalls (agent, at, id, empty, cut, query);
"""
# The indexes have every column that selects or counts: records are large.
_RECORDS = "SELECT checksum, id, at, record FROM recalls"
_COUNTS = "SELECT substr(at, 1, 10), count(*), sum(empty), sum(cut) FROM recalls"
_DELETE = "DELETE FROM recalls"
_BEFORE = " AND (at, id) < (SELECT at, id FROM recalls WHERE id = ?)"
_AFTER = " AND (at, id) > (SELECT at, id FROM recalls WHERE id = ?)"
_VALUES = "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_OLDEST = "(SELECT id FROM recalls ORDER BY at, id LIMIT ?)"
_LAST_CHARACTER = chr(0x10FFFF)

_decode = msgspec.msgpack.Decoder(Recall).decode
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much the log keeps; whichever bound is reached first."""

    recalls: int = 50_000
    days: float = 400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which recalls; an empty field selects all."""

    id: str = ""
    agent: str = ""
    since: str = ""
    """Inclusive."""
    until: str = ""
    """Exclusive."""
    text: str = ""
    """Part of the query, however it is cased."""
    empty: bool = False
    cut: bool = False

    def condition(self) -> tuple[str, list[str]]:
        """SQL and its values."""
        parts = {
            "id = ?": self.id,
            "agent = ?": self.agent,
            "at >= ?": self.since,
            "at < ?": self.until,
            "folded_has(query, ?)": self.text.casefold(),
        }
        used = {sql: value for sql, value in parts.items() if value}
        flags = [sql for sql, wanted in (("empty", self.empty), ("cut", self.cut)) if wanted]
        return " AND ".join(("1", *used, *flags)), list(used.values())


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many recalls a selection has."""

    total: int
    empty: int
    cut: int
    days: tuple[RecallDay, ...]


class RecallStore:
    """The log in the SQLite file at `path`. Thread-safe.

    A damaged file is set aside, and damaged rows are left out. If no file can be written, the log
    is kept in memory; `problem` says so.
    """

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self._path = path
        self._aside = path.with_name(path.name + ".damaged")
        """Where a damaged file is moved."""
        self._bounds = bounds
        self.problem = ""
        self._count = 0
        self._clock = RetentionClock()
        self._database = sqlite.MendingDatabase(self._opened, self._set_aside, self._in_memory)
        self._run = self._database.run
        self.trim()

    def add(self, recalls: Sequence[Recall]) -> list[Recall]:
        """Add what the log does not have yet, and return it. Raises `sqlite3.Error`.

        A recall with more hits replaces the one with the same id.
        """

        def add(connection: sqlite3.Connection) -> list[Recall]:
            added: dict[str, Recall] = {}
            with transaction(connection):
                for recall in recalls:
                    if _insert(connection, recall):
                        added[recall.id] = recall
                    elif _replace(connection, recall) and recall.id in added:
                        added[recall.id] = recall
                count = self._trimmed(connection, self._count + len(added))
            self._count = count  # only once it is stored
            return list(added.values())

        return self._run(add)

    def expired(self, recall: Recall) -> bool:
        """Whether `recall` is older than the log keeps."""
        return recall.at < self._run(self._oldest)

    def newest(
        self, selection: Selection = EVERYTHING, *, before: str = "", limit: int
    ) -> list[Recall]:
        """Recalls, newest first, before the one called `before`."""
        return self._read(selection, "DESC", before, limit)

    def oldest(
        self, selection: Selection = EVERYTHING, *, after: str = "", limit: int
    ) -> list[Recall]:
        """Recalls, oldest first, after the one called `after`."""
        return self._read(selection, "ASC", after, limit)

    def get(self, beginning: str) -> list[Recall]:
        """The recalls whose id begins with `beginning`, at most two."""
        rows = self._rows(
            f"{_RECORDS} WHERE id >= ? AND id < ? ORDER BY id LIMIT 2",
            (beginning, beginning + _LAST_CHARACTER),
        )
        return list(_intact_records(rows))

    def is_recorded(self, recall: Recall) -> bool:
        """Whether membrowse recorded the recall that a transcript has as `recall`."""
        if recall.own_id:
            rows = self._rows(f"{_RECORDS} WHERE id = ?", (recall.own_id,))
        else:
            asked = datetime.fromisoformat(recall.at)
            first, last = (_moment(asked + each) for each in _ANSWERED_WITHIN)
            where = "at >= ? AND at <= ? AND query = ?"
            rows = self._rows(f"{_RECORDS} WHERE {where}", (first, last, recall.query))
        return any(not each.source for each in _intact_records(rows))

    def counts(self, selection: Selection = EVERYTHING) -> Counts:
        """Totals, and by day."""
        where, values = selection.condition()
        rows = self._rows(f"{_COUNTS} WHERE {where} GROUP BY 1 ORDER BY 1", values)
        days = tuple(RecallDay(day=day, recalls=n, empty=e, cut=c) for day, n, e, c in rows)
        return Counts(
            total=sum(day.recalls for day in days),
            empty=sum(day.empty for day in days),
            cut=sum(day.cut for day in days),
            days=days,
        )

    def agents(self) -> dict[str, int]:
        """Recalls by agent."""
        return dict(self._rows("SELECT agent, count(*) FROM recalls GROUP BY 1"))

    def forget(self, selection: Selection) -> int:
        """Delete recalls, and every byte of them; returns how many.

        A damaged file that was set aside is deleted, too: it may contain them. Raises
        `sqlite3.Error` and `OSError`.
        """
        where, values = selection.condition()

        def forget(connection: sqlite3.Connection) -> int:
            with transaction(connection):
                deleted = connection.execute(f"{_DELETE} WHERE {where}", values).rowcount
            if deleted:
                self._count = _counted(connection)
                sqlite.rewrite(connection)
            return deleted

        deleted = self._run(forget)
        self._delete_set_aside()
        return deleted

    def trim(self) -> None:
        """Delete what is beyond the bounds. Raises `sqlite3.Error`."""

        def trim(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute(f"{_DELETE} WHERE at < ?", (self._oldest(connection),))
                count = self._trimmed(connection, _counted(connection))
            self._count = count

        self._run(trim)

    def size(self) -> int:
        """Bytes on disk."""
        return sqlite.disk_size(self._path)

    def close(self) -> None:
        self._database.close()

    def _read(self, selection: Selection, order: str, start: str, limit: int) -> list[Recall]:
        where, values = selection.condition()
        if start:
            where += _BEFORE if order == "DESC" else _AFTER
            values.append(start)
        chosen = f"SELECT id FROM recalls WHERE {where} ORDER BY at {order}, id {order} LIMIT ?"  # noqa: S608
        rows = self._rows(
            f"{_RECORDS} WHERE id IN ({chosen}) ORDER BY at {order}, id {order}", (*values, limit)
        )
        return list(_intact_records(rows))

    def _rows(self, sql: str, values: Sequence[str | int] = ()) -> list[tuple[Any, ...]]:
        return self._run(lambda connection: connection.execute(sql, values).fetchall())

    def _trimmed(self, connection: sqlite3.Connection, count: int) -> int:
        """Delete what is too much of `count` recalls; returns how many are left."""
        surplus = max(0, count - self._bounds.recalls)
        if surplus:
            connection.execute(f"{_DELETE} WHERE id IN {_OLDEST}", (surplus,))
        return count - surplus

    def _oldest(self, connection: sqlite3.Connection) -> str:
        """The time of the oldest recall that may stay."""
        return _moment(self._clock.before(connection, self._bounds.days))

    def _opened(self) -> sqlite3.Connection:
        self._count = 0
        connection = sqlite.open_tables(self._path, _TABLES)
        try:
            return _prepared(connection)
        except BaseException:
            connection.close()
            raise

    def _in_memory(self, error: Exception) -> sqlite3.Connection:
        self.problem = f"the recall log is kept in memory only: {self._path}: {error}"
        log.warning("%s", self.problem)
        return _prepared(sqlite.in_memory(_TABLES))

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Move the damaged file away, over one that was set aside before."""
        self._path.replace(self._aside)
        sqlite.delete_database(self._path)
        self.problem = f"the recall log was damaged ({error}) and is set aside as {self._aside}"
        log.warning("%s", self.problem)

    def _delete_set_aside(self) -> None:
        if self._aside.exists():
            self._aside.unlink()
            if str(self._aside) in self.problem:
                self.problem = ""


def _moment(moment: datetime) -> str:
    """A time of UTC as recalls have it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _counted(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM recalls").fetchone()
    return int(count)


def _insert(connection: sqlite3.Connection, recall: Recall) -> bool:
    """Whether the log did not have it."""
    done = connection.execute(f"INSERT OR IGNORE INTO recalls {_VALUES}", _row(recall))
    return done.rowcount > 0


def _replace(connection: sqlite3.Connection, recall: Recall) -> bool:
    """Whether it has more hits than the one that the log has."""
    rows = connection.execute(f"{_RECORDS} WHERE id = ?", (recall.id,)).fetchall()
    known = next(_intact_records(rows), None)
    if known is not None and len(known.given) >= len(recall.given):
        return False
    connection.execute(
        "INSERT OR REPLACE INTO recalls VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(recall)
    )
    return True


def _row(recall: Recall) -> tuple[str | bool | bytes | int, ...]:
    record = zlib.compress(_encode(recall), _LEVEL)
    return (
        recall.id,
        recall.at,
        recall.agent,
        recall.query,
        recall.outcome is Outcome.EMPTY,
        bool(recall.cut),
        record,
        checksum(recall.id, recall.at, record),
    )


def _intact_records(rows: Sequence[tuple[int, str, str, bytes]]) -> Iterator[Recall]:
    for expected, *values, record in rows:
        if checksum(*values, record) == expected:
            yield _decode(zlib.decompress(record))


def _folded_has(query: str, text: str) -> bool:
    return text in query.casefold()


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA secure_delete=ON")
    connection.create_function("folded_has", 2, _folded_has, deterministic=True)
    return connection
