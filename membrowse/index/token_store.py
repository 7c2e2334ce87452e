"""Token vectors by content key, for late interaction, within a budget.

The least recently used vectors are evicted first. A chunk takes about 85 KB: int8 with a scale per
token (see `encoding.pooling.quantise`). Blobs and metadata are in separate tables, so recording a
use does not rewrite a blob.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoder import EncodedText
from membrowse.index import sqlite
from membrowse.index.sqlite import transaction

_T = TypeVar("_T")

log = logging.getLogger(__name__)

_TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, blob INTEGER NOT NULL, tokens INTEGER NOT NULL,
    bytes INTEGER NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_used ON entries (used);
CREATE TABLE IF NOT EXISTS blobs (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
"""
_IN_KEYS = "WHERE key IN (SELECT value FROM json_each(?))"
_GET = f"SELECT key, tokens, data FROM entries JOIN blobs ON id = blob {_IN_KEYS}"  # noqa: S608
_HAS = f"SELECT key FROM entries {_IN_KEYS}"  # noqa: S608
_DELETE_BLOBS = f"DELETE FROM blobs WHERE id IN (SELECT blob FROM entries {_IN_KEYS})"  # noqa: S608
_DELETE_ENTRIES = f"DELETE FROM entries {_IN_KEYS}"  # noqa: S608
_PAGE_SIZE = 8192
_BATCH = 256
_MAX_PENDING_TOUCHES = 2000
"""Uses collected in memory before they are written."""
_SLACK = 0.95
"""Eviction continues down to this fraction of the budget, so it is rare."""


@dataclass(frozen=True, eq=False, slots=True)
class TokenVectors:
    """The token vectors of one chunk, t tokens of d dimensions."""

    tokens: NDArray[np.int8]
    """[t, d]"""
    scales: NDArray[np.float32]
    """[t]: `tokens * scales[:, None]` are unit vectors."""


class TokenStore:
    """A separate database. Writers take turns; any number of threads read concurrently."""

    def __init__(self, path: Path, budget: int) -> None:
        """`budget` is the maximum size of all token vectors in bytes."""
        self._path = path
        self._budget = budget
        self._writing = threading.Lock()
        self._pooling = threading.Lock()
        self._pool: list[sqlite3.Connection] = []
        self._touched: dict[str, None] = {}
        self._closed = False
        self._bytes = 0
        self._count = 0
        self._clock = 0
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            if not sqlite.is_corrupt(error):
                raise
            log.warning("the stored token vectors cannot be read (%s); starting over", error)
            sqlite.delete_database(path)
            self._open()
        self._evict()

    def _open(self) -> None:
        connection = sqlite.connect(self._path, page_size=_PAGE_SIZE)
        try:
            connection.executescript(_TABLES)
            total, count, last = connection.execute(
                "SELECT coalesce(sum(bytes), 0), count(*), coalesce(max(used), 0) FROM entries"
            ).fetchone()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._bytes, self._count, self._clock = total, count, last

    @property
    def budget(self) -> int:
        """Maximum size of all token vectors in bytes."""
        return self._budget

    @property
    def bytes(self) -> int:
        """Size of the stored token vectors; the file is slightly larger."""
        return self._bytes

    @property
    def count(self) -> int:
        """Number of texts with stored token vectors."""
        return self._count

    def get(self, keys: Sequence[str]) -> dict[str, TokenVectors]:
        """Token vectors of those `keys` that are stored; counts as a use."""
        with self._reading() as connection:
            rows = connection.execute(_GET, (json.dumps(list(keys)),))
            vectors = {key: _unpack(data, tokens) for key, tokens, data in rows}
        self._touch(vectors)
        return vectors

    def has(self, keys: Collection[str]) -> set[str]:
        """Those of `keys` that are stored."""
        with self._reading() as connection:
            return {key for (key,) in connection.execute(_HAS, (json.dumps(list(keys)),))}

    def keys(self) -> set[str]:
        """All stored keys."""
        with self._reading() as connection:
            return {key for (key,) in connection.execute("SELECT key FROM entries")}

    def put(self, encoded: Sequence[EncodedText]) -> None:
        """Store token vectors, replacing existing ones; evicts others if necessary."""
        with self._writing:
            unique = list({text.key: text for text in encoded}.values())
            for batch in _batches(unique, _BATCH):
                with transaction(self._connection) as connection:
                    self._delete(connection, [text.key for text in batch])
                    for text in batch:
                        self._insert(connection, text)
                self._recount()
                self._evict_locked()

    def delete(self, keys: Collection[str]) -> None:
        """Delete these entries."""
        with self._writing:
            for batch in _batches(list(keys), _BATCH):
                with transaction(self._connection) as connection:
                    self._delete(connection, batch)
            self._recount()
            if keys:
                sqlite.shrink(self._connection)

    def size(self) -> int:
        """Bytes on disk."""
        return sqlite.disk_size(self._path)

    def close(self) -> None:
        """Write pending uses and close; concurrent reads finish or fail."""
        with self._writing:
            self._write_touches()
            with self._pooling:
                self._closed = True
                for connection in self._pool:
                    connection.close()
                self._pool = []
            self._connection.close()

    def _insert(self, connection: sqlite3.Connection, text: EncodedText) -> None:
        data = text.tokens.tobytes() + np.asarray(text.scales, np.float32).tobytes()
        cursor = connection.execute("INSERT INTO blobs (data) VALUES (?)", (data,))
        self._clock += 1
        connection.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?)",
            (text.key, cursor.lastrowid, len(text.tokens), len(data), self._clock),
        )

    def _delete(self, connection: sqlite3.Connection, keys: Sequence[str]) -> None:
        parameters = (json.dumps(list(keys)),)
        connection.execute(_DELETE_BLOBS, parameters)
        connection.execute(_DELETE_ENTRIES, parameters)

    def _recount(self) -> None:
        self._bytes, self._count = self._connection.execute(
            "SELECT coalesce(sum(bytes), 0), count(*) FROM entries"
        ).fetchone()

    def _touch(self, keys: Iterable[str]) -> None:
        with self._pooling:
            for key in keys:
                self._touched.pop(key, None)
                self._touched[key] = None
            full = len(self._touched) >= _MAX_PENDING_TOUCHES
        if full and self._writing.acquire(blocking=False):
            try:
                self._write_touches()
            finally:
                self._writing.release()

    def _write_touches(self) -> None:
        with self._pooling:
            touched, self._touched = self._touched, {}
        if not touched:
            return
        first = self._clock + 1
        self._clock += len(touched)
        with transaction(self._connection) as connection:
            connection.executemany(
                "UPDATE entries SET used = ? WHERE key = ?",
                ((used, key) for used, key in enumerate(touched, first)),
            )

    def _evict(self) -> None:
        with self._writing:
            self._evict_locked()

    def _evict_locked(self) -> None:
        if self._bytes <= self._budget:
            return
        self._write_touches()
        excess = self._bytes - int(self._budget * _SLACK)
        surplus: list[str] = []
        for key, size in self._connection.execute("SELECT key, bytes FROM entries ORDER BY used"):
            if excess <= 0:
                break
            surplus.append(key)
            excess -= size
        for batch in _batches(surplus, _BATCH):
            with transaction(self._connection) as connection:
                self._delete(connection, batch)
        self._recount()
        sqlite.shrink(self._connection)
        log.info("token vectors: %d texts evicted, %d kept", len(surplus), self._count)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection from the pool."""
        with self._pooling:
            if self._closed:
                raise sqlite3.ProgrammingError("the token vectors are closed")
            connection = self._pool.pop() if self._pool else None
        if connection is None:
            connection = sqlite.connect(self._path, page_size=_PAGE_SIZE)
        try:
            yield connection
        finally:
            with self._pooling:
                closed = self._closed
                if not closed:
                    self._pool.append(connection)
            if closed:
                connection.close()


def _unpack(data: bytes, tokens: int) -> TokenVectors:
    scales = np.frombuffer(data, np.float32, offset=len(data) - 4 * tokens)
    vectors = np.frombuffer(data, np.int8, count=len(data) - 4 * tokens)
    return TokenVectors(vectors.reshape(tokens, -1) if tokens else vectors.reshape(0, 0), scales)


def _batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]
