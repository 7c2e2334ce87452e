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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from membrowse import sqlite
from membrowse.counts import counted
from membrowse.encoding.encoder import EncodedText
from membrowse.index.batches import batched
from membrowse.index.chunk_table import KEY_BYTES
from membrowse.sqlite import checksum, transaction

log = logging.getLogger(__name__)

_TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, blob INTEGER NOT NULL, tokens INTEGER NOT NULL,
    bytes INTEGER NOT NULL, used INTEGER NOT NULL, checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_used ON entries (used);
CREATE TABLE IF NOT EXISTS blobs (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
"""
_IN_KEYS = "WHERE key IN (SELECT value FROM json_each(?))"
_ROWS = "SELECT checksum, key, tokens, bytes, data FROM entries LEFT JOIN blobs ON id = blob"
_GET = f"{_ROWS} {_IN_KEYS}"
_IMPLAUSIBLE = """
DELETE FROM entries WHERE typeof(bytes) != 'integer' OR bytes NOT BETWEEN 0 AND 1 << 30
OR typeof(used) != 'integer' OR used NOT BETWEEN 0 AND 1 << 60
"""
"""Damaged figures that no checksum covers would upset the budget."""
_HAS = f"SELECT key FROM entries {_IN_KEYS}"  # noqa: S608
_TOTAL = f"SELECT coalesce(sum(bytes), 0), count(*) FROM entries {_IN_KEYS}"  # noqa: S608
_DELETE_BLOBS = f"DELETE FROM blobs WHERE id IN (SELECT blob FROM entries {_IN_KEYS})"  # noqa: S608
_DELETE_ENTRIES = f"DELETE FROM entries {_IN_KEYS}"  # noqa: S608
_PAGE_SIZE = 8192
_BATCH = 256
_MAX_PENDING_TOUCHES = 2000
"""Uses collected in memory before they are written."""
_SLACK = 0.95
"""Part of the budget that is filled without eviction, and at least kept by one."""
_EVICTED_AT_ONCE = 16 << 20
"""Bytes beyond what must go: other writers wait for an eviction, so it is not long."""
_MAX_WAITING_BYTES = 64 << 20
"""Token vectors that `put_soon` has not written; beyond that it waits."""


class _Total(NamedTuple):
    """Of some entries."""

    size: int
    """Bytes."""
    entries: int


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
        self._pooling = threading.Lock()
        self._pool: list[sqlite3.Connection] = []
        self._lent: set[sqlite3.Connection] = set()
        self._retired: set[sqlite3.Connection] = set()
        """Lent connections to a file that has been replaced."""
        self._touched: dict[str, None] = {}
        self._waiting: dict[str, EncodedText] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="token-vectors")
        self._closed = False
        self._bytes = 0
        self._count = 0
        self._clock = 0
        self._database = sqlite.MendingDatabase(self._opened, self._discard)
        self._write = self._database.run
        self._write(partial(self._evict, shrink=True))

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite.open_tables(self._path, _TABLES, page_size=_PAGE_SIZE)
        try:
            # Overwriting what is evicted takes ten times as long; `purge` rewrites the file.
            connection.execute("PRAGMA secure_delete=FAST").fetchall()
            _shorten_keys(connection)
            connection.execute(_IMPLAUSIBLE)
            self._bytes, self._count, self._clock = connection.execute(
                "SELECT coalesce(sum(bytes), 0), count(*), coalesce(max(used), 0) FROM entries"
            ).fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def _discard(self, error: sqlite3.DatabaseError) -> None:
        """Delete the damaged file; lent connections go on reading it."""
        log.warning("the stored token vectors cannot be read (%s); starting over", error)
        with self._pooling:
            self._retired.update(self._lent)
            for connection in self._pool:
                connection.close()
            self._pool = []
        sqlite.delete_database(self._path)

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
        with self._pooling:
            waiting = [self._waiting[key] for key in keys if key in self._waiting]
        vectors = {text.key: TokenVectors(text.tokens, text.scales) for text in waiting}
        damaged: list[str] = []
        for expected, *values in self._read(_GET, [key for key in keys if key not in vectors]):
            key, tokens, _, data = values
            if checksum(*values) == expected:
                vectors[key] = _unpack(data, tokens)
            else:
                damaged.append(key)
        self._touch(vectors)
        self._drop(damaged)
        return vectors

    def has(self, keys: Collection[str]) -> set[str]:
        """Those of `keys` that are stored."""
        self.settle()
        return {key for (key,) in self._read(_HAS, keys)}

    def keys(self) -> set[str]:
        """All stored keys."""
        self.settle()
        return {key for (key,) in self._read("SELECT key FROM entries")}

    def check(self) -> int:
        """Check structure and checksums; returns the number of damaged entries, now deleted."""
        self.settle()
        count = max(1, self._count)
        try:
            damaged = self._damaged_keys()
        except sqlite3.DatabaseError as error:
            self._database.mend(error)
            return count
        self._drop(damaged)
        return len(damaged)

    def _damaged_keys(self) -> list[str]:
        with sqlite.checked(self._path) as disk:
            return [
                values[0]
                for expected, *values in disk.execute(_ROWS)
                if checksum(*values) != expected
            ]

    def _read(self, query: str, keys: Collection[str] | None = None) -> list[Any]:
        """Rows of `query`, for `keys` if given; none if the file is damaged, which starts over."""
        parameters = () if keys is None else (json.dumps(list(keys)),)
        try:
            with self._reading() as connection:
                return connection.execute(query, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            self._database.mend(error)
            return []

    def _drop(self, damaged: Sequence[str]) -> None:
        if damaged:
            log.warning(
                "damaged and made again: token vectors of %s", counted(len(damaged), "text")
            )
            self.delete(damaged)

    def put_soon(self, encoded: Sequence[EncodedText]) -> None:
        """Like `put`, on another thread, so that no query waits for it; `get` has them at once.

        What cannot be written is lost, which is logged: it is made again.
        """
        with self._pooling:
            if self._closed:
                return
            self._waiting.update((text.key, text) for text in encoded)
            much = sum(text.bytes for text in self._waiting.values()) > _MAX_WAITING_BYTES
            written = self._writer.submit(self._put_waiting)
        if much:
            written.result()

    def _put_waiting(self) -> None:
        with self._pooling:
            waiting = list(self._waiting.values())
        try:
            self.put(waiting)
        except Exception:  # the thread's boundary; they are made again
            log.warning("token vectors could not be stored", exc_info=True)
        finally:
            with self._pooling:
                for text in waiting:
                    if self._waiting.get(text.key) is text:
                        del self._waiting[text.key]

    def settle(self) -> None:
        """Wait until `put_soon` has written everything."""
        with self._pooling:
            written = None if self._closed else self._writer.submit(lambda: None)
        if written is not None:
            written.result()

    def put(self, encoded: Sequence[EncodedText], *, evict: bool = True) -> None:
        """Store token vectors, replacing existing ones.

        Beyond the budget others are evicted; without `evict`, what would come near it is left out.
        """
        unique = list({text.key: text for text in encoded}.values())
        for batch in batched(unique, _BATCH):
            size = sum(text.tokens.nbytes + text.scales.nbytes for text in batch)
            if evict or self._bytes + size <= self._budget * _SLACK:
                self._write(partial(self._put, batch))

    def _put(self, batch: Sequence[EncodedText], connection: sqlite3.Connection) -> None:
        with transaction(connection):
            replaced = _delete_keys(connection, [text.key for text in batch])
            size = sum(self._insert(connection, text) for text in batch)
        self._bytes += size - replaced.size
        self._count += len(batch) - replaced.entries
        self._evict(connection)

    def delete(self, keys: Collection[str]) -> None:
        """Delete these entries."""
        if keys:
            self.settle()
            self._write(partial(self._delete, list(keys)))
            self._write(sqlite.shrink)

    def _delete(self, keys: Sequence[str], connection: sqlite3.Connection) -> None:
        for batch in batched(keys, _BATCH):
            with transaction(connection):
                deleted = _delete_keys(connection, batch)
            self._bytes -= deleted.size
            self._count -= deleted.entries

    def purge(self, live: Collection[str]) -> None:
        """Delete all entries not in `live`, and every byte of them."""
        self.delete(self.keys() - set(live))
        self._write(sqlite.rewrite)

    def size(self) -> int:
        """Bytes on disk."""
        return sqlite.disk_size(self._path)

    def close(self) -> None:
        """Write what is pending and close; concurrent reads finish or fail."""
        with self._pooling:
            self._closed = True
        self._writer.shutdown()
        with self._database.turn:
            self._write(self._write_touches)
            with self._pooling:
                for connection in self._pool:
                    connection.close()
                self._pool = []
            self._database.close()

    def _insert(self, connection: sqlite3.Connection, text: EncodedText) -> int:
        """Insert an entry; returns its size."""
        data = text.tokens.tobytes() + np.asarray(text.scales, np.float32).tobytes()
        cursor = connection.execute("INSERT INTO blobs (data) VALUES (?)", (data,))
        self._clock += 1
        values = (text.key, len(text.tokens), len(data), data)
        connection.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)",
            (
                text.key,
                cursor.lastrowid,
                len(text.tokens),
                len(data),
                self._clock,
                checksum(*values),
            ),
        )
        return len(data)

    def _touch(self, keys: Iterable[str]) -> None:
        with self._pooling:
            for key in keys:
                self._touched.pop(key, None)
                self._touched[key] = None
            full = len(self._touched) >= _MAX_PENDING_TOUCHES
        if full and self._database.turn.acquire(blocking=False):
            try:
                self._write(self._write_touches)
            finally:
                self._database.turn.release()

    def _write_touches(self, connection: sqlite3.Connection) -> None:
        with self._pooling:
            touched, self._touched = self._touched, {}
        if not touched:
            return
        first = self._clock + 1
        self._clock += len(touched)
        with transaction(connection):
            connection.executemany(
                "UPDATE entries SET used = ? WHERE key = ?",
                ((used, key) for used, key in enumerate(touched, first)),
            )

    def _evict(self, connection: sqlite3.Connection, *, shrink: bool = False) -> None:
        """Delete what was used least recently beyond the budget; new entries take its pages, unless
        the file is to `shrink`."""
        if self._bytes <= self._budget:
            return
        self._write_touches(connection)
        excess = self._bytes - max(int(self._budget * _SLACK), self._budget - _EVICTED_AT_ONCE)
        surplus: list[str] = []
        for key, size in connection.execute("SELECT key, bytes FROM entries ORDER BY used"):
            if excess <= 0:
                break
            surplus.append(key)
            excess -= size
        self._delete(surplus, connection)
        if shrink:
            sqlite.shrink(connection)
        evicted = counted(len(surplus), "text")
        log.info("token vectors: %s evicted, %d kept", evicted, self._count)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection from the pool."""
        with self._pooling:
            if self._closed:
                raise sqlite3.ProgrammingError("the token vectors are closed")
            pooled = self._pool.pop() if self._pool else None
        connection = sqlite.connect(self._path, page_size=_PAGE_SIZE) if pooled is None else pooled
        with self._pooling:
            self._lent.add(connection)
        try:
            yield connection
        finally:
            with self._pooling:
                self._lent.discard(connection)
                closed = connection in self._retired or self._closed
                self._retired.discard(connection)
                if not closed:
                    self._pool.append(connection)
            if closed:
                connection.close()


def _delete_keys(connection: sqlite3.Connection, keys: Sequence[str]) -> _Total:
    """Delete these entries; returns what they were in all."""
    parameters = (json.dumps(list(keys)),)
    (total,) = connection.execute(_TOTAL, parameters).fetchall()
    connection.execute(_DELETE_BLOBS, parameters)
    connection.execute(_DELETE_ENTRIES, parameters)
    return _Total(*total)


def _shorten_keys(connection: sqlite3.Connection) -> None:
    """Convert the entries of an earlier version, whose content keys are longer."""
    digits = 2 * KEY_BYTES
    (length,) = connection.execute("SELECT length(key) FROM entries LIMIT 1").fetchone() or (0,)
    if length <= digits:
        return
    log.info("converting the stored token vectors: their keys are shorter")
    keys = [key for (key,) in connection.execute("SELECT key FROM entries")]
    with transaction(connection):
        for batch in batched(keys, _BATCH):
            for expected, key, *values in connection.execute(_GET, (json.dumps(batch),)).fetchall():
                if checksum(key, *values) == expected:
                    short = key[:digits]
                    connection.execute(
                        "UPDATE entries SET key = ?, checksum = ? WHERE key = ?",
                        (short, checksum(short, *values), key),
                    )
        for delete_damaged in (
            "DELETE FROM blobs WHERE id IN (SELECT blob FROM entries WHERE length(key) > ?)",
            "DELETE FROM entries WHERE length(key) > ?",
        ):
            connection.execute(delete_damaged, (digits,))


def _unpack(data: bytes, tokens: int) -> TokenVectors:
    scales = np.frombuffer(data, np.float32, offset=len(data) - 4 * tokens)
    vectors = np.frombuffer(data, np.int8, count=len(data) - 4 * tokens)
    return TokenVectors(vectors.reshape(tokens, -1) if tokens else vectors.reshape(0, 0), scales)
