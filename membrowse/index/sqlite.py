"""SQLite as the stores use it: WAL, readable by the owner only, explicit transactions.

With `synchronous=NORMAL`, a WAL database survives the death of its process at any instant; a power
loss may lose the last transactions, but never the database.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BUSY_SECONDS = 30.0
_SIDE_FILES = ("", "-wal", "-shm", "-journal")


def connect(path: Path, *, page_size: int = 4096) -> sqlite3.Connection:
    """Open or create the database at `path`, in autocommit mode.

    The connection may be used by any thread, one at a time. `shrink` releases freed pages. Raises
    `sqlite3.DatabaseError` for a damaged file.
    """
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute(f"PRAGMA page_size={page_size}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run the block in one transaction, rolled back on any exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def shrink(connection: sqlite3.Connection) -> None:
    """Make the file as small as its content."""
    connection.executescript("PRAGMA incremental_vacuum")  # runs to its end, unlike `execute`
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def delete_database(path: Path) -> None:
    """Delete the closed database at `path` with its side files."""
    for suffix in _SIDE_FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def disk_size(path: Path) -> int:
    """Bytes on disk of the database at `path` with its side files."""
    files = (path.with_name(path.name + suffix) for suffix in _SIDE_FILES)
    return sum(file.stat().st_size for file in files if file.exists())


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether `error` means damaged content rather than a failed write."""
    return type(error) is sqlite3.DatabaseError
