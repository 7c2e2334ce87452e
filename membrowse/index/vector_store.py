"""Sentence and passage vectors by content key: what was encoded once is not encoded again."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from membrowse.encoding.encoded import Encoded
from membrowse.index import sqlite
from membrowse.index.generation import Matrix, StoredVectors, VectorTable
from membrowse.index.sqlite import transaction

log = logging.getLogger(__name__)

SPARE_SHARE = 10
SPARE_VECTORS = 2000
"""Vectors that no chunk uses any more are kept up to this many, plus one in `SPARE_SHARE` of the
live ones: a note that comes back is not encoded again."""
GRACE_SECONDS = 3600.0
"""Younger ones are kept whatever their number: a rebuild uses them again."""

_LOOKS = 60
"""So often within the grace period it is looked for vectors to forget, at most."""
_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (
    key TEXT PRIMARY KEY, vector BLOB NOT NULL, passages BLOB NOT NULL,
    precision TEXT NOT NULL, at REAL NOT NULL
)
"""
_SOME = "WHERE key IN (SELECT value FROM json_each(?))"
_GET = f"SELECT key, vector, passages FROM vectors {_SOME}"  # noqa: S608
_HAS = f"SELECT key FROM vectors {_SOME}"  # noqa: S608
_PAGE_SIZE = 8192


def as_stored(encoded: Encoded) -> StoredVectors:
    """The vectors of `encoded`, as a generation takes them."""
    return StoredVectors(
        np.ascontiguousarray(encoded.vector, np.float32),
        np.ascontiguousarray(encoded.passages, np.float32),
    )


class VectorStore:
    """A database of its own; calls from several threads take turns."""

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
        self.remade = ""
        """Why the store had to be made anew when it was opened, or empty."""
        try:
            self._connection = self._connect()
        except sqlite3.DatabaseError as error:
            if not sqlite.damaged(error):
                raise
            self._remake(error)
        self._dimension = dimension or self._stored_dimension()

    def _stored_dimension(self) -> int:
        """That of any stored vector; 1 where there is none."""
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

    def _remake(self, error: Exception) -> None:
        log.warning("the stored vectors cannot be read: %s", error)
        self.remade = f"the stored vectors could not be read ({error}); all is encoded again"
        sqlite.remove(self._path)
        self._connection = self._connect()

    def put(self, encoded: Iterable[Encoded], precision: str) -> None:
        """Store the vectors of each key, over what was there."""
        now = self._clock()
        rows = (
            (
                one.key,
                np.ascontiguousarray(one.vector, np.float32).tobytes(),
                np.ascontiguousarray(one.passages, np.float32).tobytes(),
                precision,
                now,
            )
            for one in encoded
        )
        with self._lock, transaction(self._connection) as connection:
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?)", rows)

    def get(self, keys: Collection[str]) -> dict[str, StoredVectors]:
        """The vectors of those of `keys` that are stored."""
        found: dict[str, StoredVectors] = {}
        with self._lock:
            rows = self._connection.execute(_GET, (json.dumps(list(keys)),)).fetchall()
        for key, vector, passages in rows:
            if len(vector) == 4 * self._dimension:
                found[key] = StoredVectors(
                    np.frombuffer(vector, np.float32), self._passages([passages])
                )
        return found

    def has(self, keys: Collection[str]) -> set[str]:
        """Those of `keys` that are stored."""
        with self._lock:
            return {key for (key,) in self._connection.execute(_HAS, (json.dumps(list(keys)),))}

    def keys(self) -> set[str]:
        """All keys that are stored."""
        with self._lock:
            return {key for (key,) in self._connection.execute("SELECT key FROM vectors")}

    def precisions(self) -> dict[str, int]:
        """How many vectors were made in each precision (`float32`, `bfloat16`)."""
        with self._lock:
            return dict(
                self._connection.execute("SELECT precision, count(*) FROM vectors GROUP BY 1")
            )

    def table(self, keys: Sequence[str]) -> VectorTable:
        """The vectors of rows with these content keys (equal ones may repeat), in one pass.

        A damaged store is made anew (see `remade`); then nothing is encoded.
        """
        try:
            return self._table(keys)
        except sqlite3.DatabaseError as error:
            if not sqlite.damaged(error):
                raise
            with self._lock:
                self._connection.close()
                self._remake(error)
            return self._table(keys)

    def _table(self, keys: Sequence[str]) -> VectorTable:
        rows_of: dict[str, list[int]] = {}
        for row, key in enumerate(keys):
            rows_of.setdefault(key, []).append(row)
        matrix = np.zeros((len(keys), self._dimension), np.float32)
        passages: list[bytes] = [b""] * len(keys)
        found: list[int] = []
        vectors: list[bytes] = []
        with self._lock:
            for key, vector, parts in self._connection.execute(
                "SELECT key, vector, passages FROM vectors"
            ):
                if len(vector) == 4 * self._dimension:
                    for row in rows_of.get(key, ()):
                        found.append(row)
                        vectors.append(vector)
                        passages[row] = parts
        if found:
            read = np.frombuffer(b"".join(vectors), np.float32)
            matrix[found] = read.reshape(-1, self._dimension)
        encoded = np.zeros(len(keys), np.bool_)
        encoded[found] = True
        counts = [len(parts) // (4 * self._dimension) for parts in passages]
        starts = np.concatenate(([0], np.cumsum(np.array(counts, np.int64))))
        return VectorTable(matrix, encoded, self._passages(passages), starts)

    def prune(self, live: Collection[str]) -> list[str]:
        """Forget the oldest of the vectors that `live` does not name, beyond the bound; returns
        their keys."""
        spare = SPARE_VECTORS + len(live) // SPARE_SHARE
        with self._lock:
            if self._clock() < self._prune_again:
                return []
            (stored,) = self._connection.execute("SELECT count(*) FROM vectors").fetchone()
            if stored <= len(live) + spare:
                return []
            rows = self._connection.execute("SELECT key, at FROM vectors ORDER BY at DESC, key")
            unused = [(key, at) for key, at in rows if key not in live]
            before = self._clock() - self._grace
            surplus = [key for key, at in unused[spare:] if at <= before]
            with transaction(self._connection) as connection:
                connection.executemany(
                    "DELETE FROM vectors WHERE key = ?", ((key,) for key in surplus)
                )
            if surplus:
                sqlite.give_back(self._connection)
            self._prune_again = self._clock() + self._grace / _LOOKS
        return surplus

    def keep_for_now(self, keys: Iterable[str]) -> None:
        """The index is about to be rebuilt: these count as new, so that it finds them."""
        now = self._clock()
        with self._lock, transaction(self._connection) as connection:
            connection.executemany(
                "UPDATE vectors SET at = ? WHERE key = ?", ((now, key) for key in keys)
            )

    def size(self) -> int:
        return sqlite.size(self._path)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _passages(self, blobs: Iterable[bytes]) -> Matrix:
        read = np.frombuffer(b"".join(blobs), np.float32)
        return read.reshape(-1, self._dimension)
