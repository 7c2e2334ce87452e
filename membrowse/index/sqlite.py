"""SQLite as all stores of this room use it: WAL, owner only, explicit transactions.

With `synchronous=NORMAL` a WAL database survives the death of its process at any instant; a power
loss may lose the last transactions, never the database.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BUSY_SECONDS = 30.0
_SIDE_FILES = ("", "-wal", "-shm", "-journal")


class IndexCorrupt(Exception):
    """The index's own records cannot be read; the message says where and what to do."""


def connect(path: Path, *, page_size: int = 4096) -> sqlite3.Connection:
    """Open (or make, for the owner only) the database at `path`, in autocommit mode.

    The connection may be used by any thread, one at a time. Pages that become free can be given
    back with `PRAGMA incremental_vacuum`. Raises `sqlite3.DatabaseError` for a damaged file.
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
    """Everything inside happens, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def give_back(connection: sqlite3.Connection) -> None:
    """Make the file as small as its content."""
    connection.executescript("PRAGMA incremental_vacuum")  # steps to its end, unlike `execute`
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def remove(path: Path) -> None:
    """Delete the database at `path`, with its side files; it must be closed."""
    for suffix in _SIDE_FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def size(path: Path) -> int:
    """Bytes on disk of the database at `path`, with its side files."""
    files = (path.with_name(path.name + suffix) for suffix in _SIDE_FILES)
    return sum(file.stat().st_size for file in files if file.exists())


def damaged(error: sqlite3.Error) -> bool:
    """Whether `error` means that the file's content is damaged, not that writing it failed."""
    return type(error) is sqlite3.DatabaseError
