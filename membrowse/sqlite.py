"""SQLite as the stores use it: WAL, readable by the owner only, explicit transactions.

With `synchronous=NORMAL`, a WAL database survives the death of its process at any instant; a power
loss may lose the last transactions, but never the database.

Rows carry a checksum of what they contain, because SQLite does not notice a flipped bit in a value.
A row whose checksum is wrong is never used: what derives from notes is made again.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from membrowse import paths

_T = TypeVar("_T")

_BUSY_SECONDS = 30.0
_SIDE_FILES = ("", "-wal", "-shm", "-journal")
_OPEN_FILES = ("", "-wal", "-shm")
_HEADER_BYTES = 100
_INCREMENTAL = 2
_WAL_BYTES = 4 << 20
"""Size at which the content of the WAL goes to the database."""
_WRITE_VERSION, _READ_VERSION = 18, 19
"""Offsets in the header."""
_FAILED_ACCESS = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_ABORT,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_AUTH,
    }
)
"""Primary result codes that say nothing about the content."""


def checksum(*values: str | bytes | int | None) -> int:
    """Checksum of the values of a row, each with its length.

    CRC-32 finds every burst of up to 32 flipped bits and is the fastest of the standard library's
    checks. It is no protection from somebody who can write the file.
    """
    total = 0
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")
        total = zlib.crc32(data, zlib.crc32(b"%d " % len(data), total))
    return total


def open_tables(path: Path, tables: str, *, page_size: int = 4096) -> sqlite3.Connection:
    """Connect to the database at `path` and create its tables, as the script `tables` defines them.

    Raises `sqlite3.DatabaseError` for a damaged file, and for one with other tables: damage to the
    definitions, or an earlier version whose rows have no checksums.
    """
    if path.exists():
        _check_header(path)
    connection = connect(path, page_size=page_size)
    try:
        connection.executescript(tables)
        with closing(sqlite3.connect(":memory:")) as expected:
            expected.executescript(tables)
            if _definitions(connection) != _definitions(expected):
                raise sqlite3.DatabaseError("its tables are not those of this version")
    except BaseException:
        connection.close()
        raise
    return connection


def _definitions(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Every table and index, and the statement that creates it."""
    return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


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
    connection.text_factory = _text
    try:
        connection.execute(f"PRAGMA page_size={page_size}")
        (vacuum,) = connection.execute("PRAGMA auto_vacuum").fetchone()
        if vacuum != _INCREMENTAL:  # setting it waits for a writer
            connection.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        (actual,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_BYTES // actual}")
    except BaseException:
        connection.close()
        raise
    return connection


def in_memory(tables: str) -> sqlite3.Connection:
    """A database with these tables, which no file has."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(tables)
    return connection


def _text(data: bytes) -> str:
    """Decode any bytes: if they are damaged, the row's checksum shows it."""
    return data.decode(errors="surrogateescape")


def _check_header(path: Path) -> None:
    """Raise `sqlite3.DatabaseError` for format versions that would make SQLite refuse to write.

    No connection may have the file open: closing it here would release that connection's locks,
    and the next process that opens and closes the database would remove its WAL.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if header and not {1, 2} >= set(header[_WRITE_VERSION : _READ_VERSION + 1]):
        raise sqlite3.DatabaseError("its header is damaged")


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


def rewrite(connection: sqlite3.Connection) -> None:
    """Rewrite the file without a byte of what was deleted."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def delete_database(path: Path) -> None:
    """Delete the closed database at `path` with its side files."""
    for suffix in _SIDE_FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def disk_size(path: Path) -> int:
    """Bytes on disk of the database at `path` with its side files."""
    return sum(paths.size(path.with_name(path.name + suffix)) for suffix in _SIDE_FILES)


def check_structure(connection: sqlite3.Connection) -> None:
    """Read the whole file; raises `sqlite3.DatabaseError` if its structure is damaged."""
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


@contextmanager
def checked(path: Path) -> Iterator[sqlite3.Connection]:
    """A new connection to the database at `path`, which reads what is on disk and caches nothing.

    The database must be open already: SQLite waits for a lock or fails to read if a file that this
    process has open was deleted or emptied. Raises `sqlite3.DatabaseError` for that, and if the
    file's structure is damaged.
    """
    if not all(path.with_name(path.name + suffix).exists() for suffix in _OPEN_FILES):
        raise sqlite3.DatabaseError("a file of it was deleted")
    if not path.stat().st_size:
        raise sqlite3.DatabaseError("it was emptied")
    try:
        connection = connect(path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK):
            raise sqlite3.DatabaseError("its header is damaged") from error
        raise
    with closing(connection):
        check_structure(connection)
        yield connection


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether `error` means damaged content rather than a failed access or a closed connection."""
    if not isinstance(error, sqlite3.DatabaseError) or isinstance(error, sqlite3.ProgrammingError):
        return False
    code = getattr(error, "sqlite_errorcode", None)  # unset if Python cannot decode a value
    cut_short = code == sqlite3.SQLITE_IOERR_SHORT_READ
    return code is None or cut_short or code & 0xFF not in _FAILED_ACCESS


def reason(error: Exception) -> str:
    """What `error` says, with the name of an I/O error, which tells what failed."""
    name = getattr(error, "sqlite_errorname", "")
    return f"{error} ({name})" if name.startswith("SQLITE_IOERR") else str(error)


class MendingDatabase:
    """A database that is replaced by an empty one when it turns out to be damaged.

    It has one connection; calls from several threads take turns.
    """

    def __init__(
        self,
        opened: Callable[[], sqlite3.Connection],
        discard: Callable[[sqlite3.DatabaseError], None],
        otherwise: Callable[[Exception], sqlite3.Connection] | None = None,
    ) -> None:
        """`opened` opens the file, or creates an empty one. `discard` removes the damaged file,
        which is closed. Where they fail, `otherwise` opens another database; without it, this
        raises what they raise.
        """
        self._opened = opened
        self._discard = discard
        self._otherwise = otherwise
        self.turn = threading.RLock()
        """Held by the call whose turn it is."""
        self._connection = self._open()

    def _open(self, damage: sqlite3.DatabaseError | None = None) -> sqlite3.Connection:
        try:
            if damage is None:
                try:
                    return self._opened()
                except sqlite3.DatabaseError as error:
                    if not is_corrupt(error):
                        raise
                    damage = error
            self._discard(damage)
            return self._opened()
        except (OSError, sqlite3.Error) as error:
            if self._otherwise is None:
                raise
            return self._otherwise(error)

    def run(self, action: Callable[[sqlite3.Connection], _T]) -> _T:
        """The result of `action`; if the file is damaged, of another try on an empty one."""
        with self.turn:
            try:
                return action(self._connection)
            except sqlite3.DatabaseError as error:
                self.mend(error)
                return action(self._connection)

    def mend(self, error: sqlite3.DatabaseError) -> None:
        """Replace the file if `error` means that it is damaged, else raise `error`."""
        if not is_corrupt(error):
            raise error
        with self.turn:
            self._connection.close()
            self._connection = self._open(error)

    def close(self) -> None:
        """Close it once the call whose turn it is has ended."""
        with self.turn:
            self._connection.close()
