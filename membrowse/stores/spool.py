"""The records of one reading, on disk: a reader writes them, the engine takes them note by note."""

from __future__ import annotations

import hashlib
import math
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from membrowse.stores.fields import Fields, value_of
from membrowse.stores.source import Record

LONGEST_DOCUMENT = 200_000
"""Characters of a record that are indexed; the rest is left out, with a warning."""
LONGEST_PATH = 400
NO_TEXT = "it has no text"
_UNIT_TOLERANCE = 1e-3
_MOST_LINES = 1 << 31
_TABLE = """
CREATE TABLE records (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, path TEXT NOT NULL, line INTEGER, position REAL,
    title TEXT NOT NULL, heading TEXT NOT NULL, date TEXT NOT NULL, tags TEXT NOT NULL,
    document TEXT NOT NULL, vector BLOB, problem TEXT NOT NULL, digest BLOB NOT NULL
)
"""
_COLUMNS = "id, path, line, position, title, heading, date, tags, document, vector, problem"
_INSERT = f"INSERT INTO records ({_COLUMNS}, digest) VALUES (?{', ?' * 11})"  # noqa: S608
_OF_NOTE = (
    f"SELECT {_COLUMNS} FROM records WHERE path = ? "  # noqa: S608
    "ORDER BY line IS NULL, line, position, number"
)


class SpooledRecord(NamedTuple):
    """A record as it is indexed."""

    id: str
    path: str
    line: int | None
    position: float | None
    title: str
    heading: str
    date: str
    tags: str
    document: str
    vector: bytes | None
    """Float32, of unit length."""
    problem: str
    """What is wrong with it; a record without text is not indexed."""


class SpooledNote(NamedTuple):
    path: str
    records: int
    digest: str
    """Changes with any record of the note."""


def spooled(record: Record, fields: Fields, root: str = "") -> SpooledRecord:
    """`record` with the parts of a chunk found in its metadata. Any content is taken.

    A path below `root` is relative to it.
    """
    metadata = record.metadata
    document, problem = _document(record.document)
    vector, doubt = unit_vector(record.vector)
    named = _path(value_of(fields.path, metadata)) or _path(record.id) or "record"
    if root and named.startswith(root):
        named = named[len(root) :]
    return SpooledRecord(
        id=_valid(record.id)[:LONGEST_PATH],
        path=named,
        line=_line(value_of(fields.line, metadata)),
        position=_number(value_of(fields.order, metadata)),
        title=value_of(fields.title, metadata),
        heading=value_of(fields.heading, metadata),
        date=value_of(fields.date, metadata),
        tags=value_of(fields.tags, metadata),
        document=document,
        vector=None if vector is None else vector.tobytes(),
        problem="; ".join(filter(None, (problem, doubt))),
    )


def unit_vector(vector: Sequence[float] | None) -> tuple[NDArray[np.float32] | None, str]:
    """The vector at unit length, or None and what is wrong with it."""
    if vector is None:
        return None, "it has no vector"
    try:
        values = np.asarray(vector, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None, "its vector is not a list of numbers"
    with np.errstate(over="ignore"):
        length = float(np.linalg.norm(values))
    if not values.size or not np.isfinite(values).all() or not math.isfinite(length):
        return None, "its vector has values that are not finite"
    if length == 0.0:
        return None, "its vector is zero"
    return (values / length).astype(np.float32), ""


class SpoolWriter:
    """Writes a new spool at `path`."""

    def __init__(self, path: Path, fields: Fields, root: str = "") -> None:
        """`root` is the folder of all paths, if an earlier reading found one."""
        self._fields = fields
        self._known_root = root
        self._folders: set[str] | None = None if root else set()
        """Folders of the paths while all are absolute; None otherwise."""
        self._connection = sqlite3.connect(path)
        self._connection.execute("PRAGMA journal_mode=OFF")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(_TABLE)
        self._lengths: Counter[int] = Counter()
        self.not_unit = 0
        """Vectors whose length is not 1."""
        self.records = 0

    def add(self, records: Sequence[Record]) -> None:
        rows = [spooled(record, self._fields, self._known_root) for record in records]
        if self._folders is not None:
            absolute = (value_of(self._fields.path, each.metadata)[:1] == "/" for each in records)
            whole = all(absolute)
            self._folders |= {row.path.rpartition("/")[0] for row in rows}
            self._folders = self._folders if whole else None
        for row, record in zip(rows, records, strict=True):
            if row.vector is not None and record.vector is not None:
                self._lengths[len(row.vector)] += 1
                length = float(np.linalg.norm(np.asarray(record.vector, dtype=np.float64)))
                self.not_unit += abs(length - 1.0) > _UNIT_TOLERANCE
        self._connection.executemany(_INSERT, ((*row, _digest(row)) for row in rows))
        self.records += len(rows)

    @property
    def root(self) -> str:
        """The folder that all paths lie in, if they are absolute, with a `/` at its end."""
        if not self._folders:
            return self._known_root
        common = os.path.commonpath(self._folders)
        return f"{common}/" if common else ""

    def finish(self) -> int:
        """Complete the spool, and return the dimension of its vectors: the most frequent one.

        Vectors of another dimension are left out.
        """
        size = max(self._lengths, key=lambda length: self._lengths[length], default=0)
        dimension = size // 4
        with closing(self._connection) as connection:
            connection.execute(
                "UPDATE records SET vector = NULL, digest = CAST(digest || 'x' AS BLOB), "
                "problem = trim(problem || '; ' || 'its vector has ' || (length(vector) / 4) || "
                "' dimensions, not ' || ?, '; ') WHERE length(vector) != ?",
                (dimension, size),
            )
            if self.root and not self._known_root:
                connection.execute(
                    "UPDATE records SET path = substr(path, ?)", (len(self.root) + 1,)
                )
            connection.execute("CREATE INDEX by_path ON records (path)")
            connection.commit()
        return dimension


class Spool:
    """Reads a complete spool."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)

    def notes(self) -> Iterator[SpooledNote]:
        """All notes, by path."""
        rows = self._connection.execute("SELECT path, digest FROM records ORDER BY path, number")
        path, count, digest = None, 0, hashlib.sha256()
        for each, part in rows:
            if each != path:
                if path is not None:
                    yield SpooledNote(path, count, digest.hexdigest())
                path, count, digest = each, 0, hashlib.sha256()
            count += 1
            digest.update(part if isinstance(part, bytes) else part.encode())
        if path is not None:
            yield SpooledNote(path, count, digest.hexdigest())

    def records(self, path: str) -> list[SpooledRecord]:
        """The records of a note, in its order."""
        return [SpooledRecord(*row) for row in self._connection.execute(_OF_NOTE, (path,))]

    def close(self) -> None:
        self._connection.close()


def _digest(row: SpooledRecord) -> bytes:
    """A hash of everything that is indexed of a record besides its path."""
    digest = hashlib.sha256()
    for value in row._replace(path=""):
        data = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
        digest.update(b"%d " % len(data) + data)
    return digest.digest()[:16]


def _document(text: object) -> tuple[str, str]:
    """The text as it is indexed, and what is wrong with it."""
    if not isinstance(text, str) or not text.strip():
        return "", NO_TEXT
    valid = _valid(text).replace("\0", "\ufffd")
    if len(valid) <= LONGEST_DOCUMENT:
        return valid, ""
    cut = f"its text has {len(valid):,} characters: the first {LONGEST_DOCUMENT:,} are indexed"
    return valid[:LONGEST_DOCUMENT], cut


def _valid(text: str) -> str:
    """`text` without lone surrogates, which no UTF-8 has."""
    return text.encode("utf-8", "replace").decode()


def _path(name: str) -> str:
    """A name as a note's path: relative, without `.` and `..`, and not too long."""
    printable = "".join(each if each.isprintable() else " " for each in _valid(name))
    parts = [part.strip() for part in printable.replace("\\", "/").split("/")]
    kept = "/".join(part for part in parts if part not in ("", ".", ".."))
    if len(kept) <= LONGEST_PATH:
        return kept
    digest = hashlib.sha256(kept.encode()).hexdigest()[:12]
    return f"{kept[: LONGEST_PATH - 16]}…{digest}"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _line(text: str) -> int | None:
    value = _number(text)
    return int(value) if value is not None and 1 <= value < _MOST_LINES else None
