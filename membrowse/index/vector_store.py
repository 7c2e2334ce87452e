"""Sentence and passage vectors by content key: no text is encoded twice."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from membrowse.encoding.encoder import EncodedText
from membrowse.index import sqlite
from membrowse.index.sqlite import transaction
from membrowse.index.vector_table import Matrix, StoredVectors, VectorTable, vectors_by_key

log = logging.getLogger(__name__)

LIVE_PER_SPARE = 10
SPARE_VECTORS = 2000
"""Unused vectors are kept up to this number plus one per `LIVE_PER_SPARE` live ones, so a note that
returns is not encoded again."""
GRACE_SECONDS = 3600.0
"""Younger vectors are always kept: a rebuild uses them again."""

_PRUNES_PER_GRACE = 60
"""Maximum number of prune passes within the grace period."""
_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (
    key TEXT PRIMARY KEY, vector BLOB NOT NULL, passages BLOB NOT NULL,
    precision TEXT NOT NULL, at REAL NOT NULL
)
"""
_IN_KEYS = "WHERE key IN (SELECT value FROM json_each(?))"
_GET = f"SELECT key, vector, passages FROM vectors {_IN_KEYS}"  # noqa: S608
_HAS = f"SELECT key FROM vectors {_IN_KEYS}"  # noqa: S608
_PAGE_SIZE = 8192


class VectorStore:
    """A separate database; calls from several threads take turns."""

    def __init__(
        self,
        path: Path,
        dimension: int,
        *,
        grace: float = GRACE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._grace = grace
        self._clock = clock
        self._prune_again = 0.0
        self._lock = threading.Lock()
        try:
            self._connection = self._connect()
        except sqlite3.DatabaseError as error:
            if not sqlite.is_corrupt(error):
                raise
            self._recreate(error)
        self._dimension = dimension or self._stored_dimension()

    def _stored_dimension(self) -> int:
        """Dimension of any stored vector; 1 if there is none."""
        row = self._connection.execute("SELECT length(vector) FROM vectors LIMIT 1").fetchone()
        return row[0] // np.dtype(np.float32).itemsize if row else 1

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite.connect(self._path, page_size=_PAGE_SIZE)
        try:
            connection.execute(_TABLE)
        except BaseException:
            connection.close()
            raise
        return connection

    def _recreate(self, error: Exception) -> None:
        log.warning("the stored vectors cannot be read (%s); encoding everything again", error)
        sqlite.delete_database(self._path)
        self._connection = self._connect()

    def put(self, encoded: Iterable[EncodedText], precision: str) -> None:
        """Store the vectors of each key, replacing existing ones."""
        now = self._clock()
        rows = (
            (key, vectors.vector.tobytes(), vectors.passages.tobytes(), precision, now)
            for key, vectors in vectors_by_key(encoded).items()
        )
        with self._lock, transaction(self._connection) as connection:
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?)", rows)

    def get(self, keys: Collection[str]) -> dict[str, StoredVectors]:
        """Vectors of those `keys` that are stored."""
        stored: dict[str, StoredVectors] = {}
        with self._lock:
            rows = self._connection.execute(_GET, (json.dumps(list(keys)),)).fetchall()
        for key, vector, passages in rows:
            if len(vector) == 4 * self._dimension:
                stored[key] = StoredVectors(
                    np.frombuffer(vector, np.float32), self._passages([passages])
                )
        return stored

    def has(self, keys: Collection[str]) -> set[str]:
        """Those of `keys` that are stored."""
        with self._lock:
            return {key for (key,) in self._connection.execute(_HAS, (json.dumps(list(keys)),))}

    def keys(self) -> set[str]:
        """All stored keys."""
        with self._lock:
            return {key for (key,) in self._connection.execute("SELECT key FROM vectors")}

    def precisions(self) -> dict[str, int]:
        """Number of vectors per precision (`float32`, `bfloat16`)."""
        with self._lock:
            return dict(
                self._connection.execute("SELECT precision, count(*) FROM vectors GROUP BY 1")
            )

    def table(self, keys: Sequence[str]) -> VectorTable:
        """Vectors of rows with these content keys (which may repeat), read in one pass.

        A damaged store is recreated; then no row is encoded.
        """
        try:
            return self._table(keys)
        except sqlite3.DatabaseError as error:
            if not sqlite.is_corrupt(error):
                raise
            with self._lock:
                self._connection.close()
                self._recreate(error)
            return self._table(keys)

    def _table(self, keys: Sequence[str]) -> VectorTable:
        rows_of: dict[str, list[int]] = {}
        for row, key in enumerate(keys):
            rows_of.setdefault(key, []).append(row)
        matrix = np.zeros((len(keys), self._dimension), np.float32)
        passages: list[bytes] = [b""] * len(keys)
        rows: list[int] = []
        vectors: list[bytes] = []
        with self._lock:
            for key, vector, blob in self._connection.execute(
                "SELECT key, vector, passages FROM vectors"
            ):
                if len(vector) == 4 * self._dimension:
                    for row in rows_of.get(key, ()):
                        rows.append(row)
                        vectors.append(vector)
                        passages[row] = blob
        if rows:
            read = np.frombuffer(b"".join(vectors), np.float32)
            matrix[rows] = read.reshape(-1, self._dimension)
        encoded = np.zeros(len(keys), np.bool_)
        encoded[rows] = True
        counts = [len(blob) // (4 * self._dimension) for blob in passages]
        starts = np.concatenate(([0], np.cumsum(np.array(counts, np.int64))))
        return VectorTable(matrix, encoded, self._passages(passages), starts)

    def prune(self, live: Collection[str]) -> list[str]:
        """Delete the oldest vectors not in `live` beyond the bound; return their keys."""
        spare = SPARE_VECTORS + len(live) // LIVE_PER_SPARE
        with self._lock:
            if self._clock() < self._prune_again:
                return []
            (stored,) = self._connection.execute("SELECT count(*) FROM vectors").fetchone()
            if stored <= len(live) + spare:
                return []
            rows = self._connection.execute("SELECT key, at FROM vectors ORDER BY at DESC, key")
            unused = [(key, at) for key, at in rows if key not in live]
            cutoff = self._clock() - self._grace
            surplus = [key for key, at in unused[spare:] if at <= cutoff]
            with transaction(self._connection) as connection:
                connection.executemany(
                    "DELETE FROM vectors WHERE key = ?", ((key,) for key in surplus)
                )
            if surplus:
                sqlite.shrink(self._connection)
            self._prune_again = self._clock() + self._grace / _PRUNES_PER_GRACE
        return surplus

    def renew(self, keys: Iterable[str]) -> None:
        """Count these vectors as new, so that a rebuild finds them."""
        now = self._clock()
        with self._lock, transaction(self._connection) as connection:
            connection.executemany(
                "UPDATE vectors SET at = ? WHERE key = ?", ((now, key) for key in keys)
            )

    def size(self) -> int:
        return sqlite.disk_size(self._path)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _passages(self, blobs: Iterable[bytes]) -> Matrix:
        read = np.frombuffer(b"".join(blobs), np.float32)
        return read.reshape(-1, self._dimension)
