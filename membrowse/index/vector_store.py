"""Sentence and passage vectors by content key: no text is encoded twice."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from membrowse import sqlite
from membrowse.counts import counted
from membrowse.encoding.encoder import EncodedText
from membrowse.index.chunk_table import KEY_BYTES
from membrowse.index.vector_table import (
    Entries,
    StoredVectors,
    VectorBlock,
    VectorTable,
    extended,
    joined,
    vectors_by_key,
)
from membrowse.sqlite import transaction

_Row = tuple[int, int, bytes, bytes, bytes, bytes]
"""As `_ROWS` selects it."""

log = logging.getLogger(__name__)

LIVE_PER_SPARE = 10
SPARE_VECTORS = 2000
"""Unused vectors are kept up to this number plus one per `LIVE_PER_SPARE` live ones, so a note that
returns is not encoded again."""
GRACE_SECONDS = 3600.0
"""Younger vectors are always kept: a rebuild uses them again."""

PRECISIONS = frozenset({"float32", "bfloat16"})

_PRUNES_PER_GRACE = 60
"""Maximum number of prune passes within the grace period."""
_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (
    key TEXT PRIMARY KEY, numbers BLOB NOT NULL, scales BLOB NOT NULL,
    precision TEXT NOT NULL, at REAL NOT NULL, checksum INTEGER NOT NULL
)
"""
_PUT = "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?, ?)"
_IN_KEYS = "WHERE key IN (SELECT value FROM json_each(?))"
_VALUES = "CAST(key AS BLOB), numbers, scales, CAST(precision AS BLOB)"
"""Texts as bytes: thousands are checked whenever an index is opened, and not one is decoded that is
not used."""
_ROWS = f"SELECT rowid, checksum, {_VALUES} FROM vectors"  # noqa: S608
_GET = f"{_ROWS} {_IN_KEYS}"
_HAS = f"SELECT key FROM vectors {_IN_KEYS}"  # noqa: S608
_PAGE_SIZE = 65536
"""A page has room for many rows of 3 KB; small pages would waste half their space."""
_READ_ROWS = 128
_NUMBER_BYTES = 2
_SCALE_BYTES = 4


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
        self._pruned_at = float("-inf")
        self._at_most: float = float("inf")
        """Bound on the number of stored vectors: counting them reads all keys."""
        self._precisions: frozenset[str] | None = None
        """At least those of the stored rows; None before all have been read. Any thread reads it:
        it is replaced, never changed."""
        self._database = sqlite.MendingDatabase(self._opened, self._discard)
        self._run = self._database.run
        self.dimension = dimension or self._run(self._stored_dimension)
        """Vectors of another dimension are not read."""

    @staticmethod
    def _stored_dimension(connection: sqlite3.Connection) -> int:
        """Dimension of any stored vector; 1 if there is none."""
        for _, expected, *values in connection.execute(_ROWS):
            if _checksum(*values) == expected:
                return len(values[1]) // (len(values[2]) // _SCALE_BYTES) // _NUMBER_BYTES
        return 1

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite.open_tables(self._path, _TABLE, page_size=_PAGE_SIZE)
        try:
            _shorten_keys(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _discard(self, error: sqlite3.DatabaseError) -> None:
        log.warning("the stored vectors cannot be read (%s); encoding everything again", error)
        sqlite.delete_database(self._path)

    def _delete_rows(self, connection: sqlite3.Connection, rows: Sequence[int]) -> None:
        if rows:
            log.warning("damaged and made again: %s", counted(len(rows), "vector"))
            with transaction(connection):
                connection.executemany(
                    "DELETE FROM vectors WHERE rowid = ?", ((row,) for row in rows)
                )

    def put(self, encoded: Iterable[EncodedText], precision: str) -> None:
        """Store the vectors of each key, replacing existing ones."""
        self._put(vectors_by_key(encoded), precision)

    def _put(self, vectors: Mapping[str, StoredVectors], precision: str) -> None:
        now = self._clock()
        rows = []
        for key, each in vectors.items():
            blobs = (each.numbers.tobytes(), each.scales.tobytes())
            values = (key, *blobs, precision)
            rows.append((*values, now, _checksum(key.encode(), *blobs, precision.encode())))

        def put(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.executemany(_PUT, rows)
            self._at_most += len(rows)
            if self._precisions is not None:
                self._precisions |= {precision}

        self._run(put)

    def get(self, keys: Collection[str]) -> dict[str, StoredVectors]:
        """Vectors of those `keys` that are stored."""

        def get(connection: sqlite3.Connection) -> dict[str, StoredVectors]:
            damaged: list[int] = []
            rows = connection.execute(_GET, (json.dumps(list(keys)),))
            vectors = {
                key: StoredVectors(
                    np.frombuffer(numbers, np.int16).reshape(-1, self.dimension),
                    np.frombuffer(scales, np.float32),
                )
                for key, numbers, scales in self._intact(rows, damaged)
            }
            self._delete_rows(connection, damaged)
            return vectors

        return self._run(get)

    def _intact(self, rows: Iterable[_Row], damaged: list[int]) -> list[tuple[str, bytes, bytes]]:
        """Key and vectors of each of `rows`; adds the row ids of damaged ones to `damaged`."""
        intact = []
        size = self.dimension * _NUMBER_BYTES
        for row, expected, key, numbers, scales, precision in rows:
            if _checksum(key, numbers, scales, precision) != expected:
                damaged.append(row)
            elif len(numbers) == size * (len(scales) // _SCALE_BYTES):
                intact.append((key.decode(), numbers, scales))
        return intact

    def has(self, keys: Collection[str]) -> set[str]:
        """Those of `keys` that are stored."""
        asked = json.dumps(list(keys))
        return self._run(lambda connection: {key for (key,) in connection.execute(_HAS, (asked,))})

    def keys(self) -> set[str]:
        """All stored keys."""
        return self._run(
            lambda connection: {key for (key,) in connection.execute("SELECT key FROM vectors")}
        )

    def precisions(self) -> set[str]:
        """Precisions of the vectors (`float32`, `bfloat16`), without damaged names."""
        known = self._precisions
        if known is None:
            rows = self._run(
                lambda connection: connection.execute(
                    "SELECT DISTINCT precision FROM vectors"
                ).fetchall()
            )
            known = frozenset(str(name) for (name,) in rows)
        return {name for name in known if PRECISIONS.issuperset(name.split(", "))}

    def check(self, keys: Sequence[str], table: VectorTable) -> int:
        """Check structure and checksums; returns the number of damaged vectors.

        They are replaced by those of `table`, whose rows have these content keys.
        """
        precision = ", ".join(sorted(self.precisions()))
        damaged = self._damaged_rows()
        self._run(lambda connection: self._delete_rows(connection, damaged))
        missing = set(keys) - self.keys()
        lost = {
            key: table.stored(row)
            for row, key in enumerate(keys)
            if key in missing and table.encoded[row]
        }
        if lost:
            self._put(lost, precision)
        return max(len(damaged), len(lost))

    def _damaged_rows(self) -> list[int]:
        """Damaged rows on disk, read beside other calls; a damaged file is recreated."""
        try:
            with sqlite.checked(self._path) as disk:
                return [
                    row
                    for row, expected, *values in disk.execute(_ROWS)
                    if _checksum(*values) != expected
                ]
        except sqlite3.DatabaseError as error:
            self._database.mend(error)
            return []

    def table(self, keys: Sequence[str]) -> VectorTable:
        """Vectors of rows with these content keys (which may repeat), read in one pass.

        Damaged rows are deleted, and a damaged store is recreated: those rows are not encoded.
        """
        return self._run(lambda connection: self._table(connection, keys))

    def _table(self, connection: sqlite3.Connection, keys: Sequence[str]) -> VectorTable:
        entry_of = dict.fromkeys(keys, -1)
        blocks: tuple[VectorBlock, ...] = ()
        damaged: list[int] = []
        precisions: set[bytes] = set()
        stored = connection.execute(_ROWS)
        while rows := stored.fetchmany(_READ_ROWS):
            precisions.update(precision for *_, precision in rows)
            wanted = [row for row in self._intact(rows, damaged) if row[0] in entry_of]
            if wanted:
                blocks, numbers = extended(blocks, self._entries(wanted))
                entry_of.update(zip((key for key, *_ in wanted), numbers, strict=True))
        self._delete_rows(connection, damaged)
        self._precisions = frozenset(name.decode(errors="replace") for name in precisions if name)
        entries = np.fromiter(map(entry_of.__getitem__, keys), np.int64, len(keys))
        return VectorTable(self.dimension, blocks, entries)

    def _entries(self, rows: Sequence[tuple[str, bytes, bytes]]) -> Entries:
        _, numbers, scales = zip(*rows, strict=True)
        return joined(
            np.frombuffer(b"".join(numbers), np.int16).reshape(-1, self.dimension),
            np.frombuffer(b"".join(scales), np.float32),
            [len(blob) // _SCALE_BYTES for blob in scales],
        )

    def prune(self, live: Collection[str]) -> list[str]:
        """Delete the oldest vectors not in `live` beyond the bound; return their keys.

        `live` are the content keys of all chunks; those that repeat count as spare.
        """
        spare = SPARE_VECTORS + len(live) // LIVE_PER_SPARE
        if self._at_most <= len(live) + spare:
            return []
        if 0 <= self._clock() - self._pruned_at < self._grace / _PRUNES_PER_GRACE:
            return []
        return self._run(lambda connection: self._prune(connection, live, spare))

    def _prune(
        self, connection: sqlite3.Connection, live: Collection[str], spare: int
    ) -> list[str]:
        (stored,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
        self._at_most = stored
        if stored <= len(live) + spare:
            return []
        live = frozenset(live)
        now = self._clock()
        # What a wrong clock dated far in the future counts as the oldest.
        rows = connection.execute(
            "SELECT key, iif(at <= ?, at, 0) AS age FROM vectors ORDER BY age DESC, key",
            (now + self._grace,),
        )
        unused = [(key, at) for key, at in rows if key not in live]
        cutoff = now - self._grace
        surplus = [key for key, at in unused[spare:] if at <= cutoff]
        with transaction(connection):
            connection.executemany("DELETE FROM vectors WHERE key = ?", ((key,) for key in surplus))
        if surplus:
            sqlite.shrink(connection)
        self._pruned_at = now
        return surplus

    def purge(self, live: Collection[str]) -> None:
        """Delete all vectors not in `live`, and every byte of them."""

        def purge(connection: sqlite3.Connection) -> None:
            unused = {key for (key,) in connection.execute("SELECT key FROM vectors")} - set(live)
            with transaction(connection):
                connection.executemany(
                    "DELETE FROM vectors WHERE key = ?", ((key,) for key in unused)
                )
            sqlite.rewrite(connection)

        self._run(purge)

    def renew(self, keys: Iterable[str]) -> None:
        """Count these vectors as new, so that a rebuild finds them."""
        now, keys = self._clock(), list(keys)

        def renew(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.executemany(
                    "UPDATE vectors SET at = ? WHERE key = ?", ((now, key) for key in keys)
                )

        self._run(renew)

    def size(self) -> int:
        return sqlite.disk_size(self._path)

    def close(self) -> None:
        self._database.close()


def _shorten_keys(connection: sqlite3.Connection) -> None:
    """Convert the rows of an earlier version, whose content keys are longer."""
    digits = 2 * KEY_BYTES
    (length,) = connection.execute("SELECT length(key) FROM vectors LIMIT 1").fetchone() or (0,)
    if length <= digits:
        return
    log.info("converting the stored vectors: their keys are shorter")

    def shortened(row: tuple[Any, ...]) -> tuple[Any, ...] | None:
        expected, at, *values = row
        if _checksum(*values) != expected:
            return None
        key, numbers, scales, precision = values
        kept = (key[:digits], numbers, scales, precision)
        return (key[:digits].decode(), numbers, scales, precision.decode(), at, _checksum(*kept))

    with transaction(connection):
        connection.execute("ALTER TABLE vectors RENAME TO earlier")
        connection.execute(_TABLE)
        rows = connection.execute(f"SELECT checksum, at, {_VALUES} FROM earlier")  # noqa: S608
        connection.executemany(_PUT, filter(None, map(shortened, rows)))
        connection.execute("DROP TABLE earlier")
    sqlite.shrink(connection)


def _checksum(key: bytes, numbers: bytes, scales: bytes, precision: bytes) -> int:
    """Like `sqlite.checksum`, for columns whose lengths follow from that of `scales`."""
    try:
        start = zlib.crc32(b"%d %b %b" % (len(scales), precision, key))
        return zlib.crc32(scales, zlib.crc32(numbers, start))
    except TypeError:  # a flipped bit made it another type
        return -1
