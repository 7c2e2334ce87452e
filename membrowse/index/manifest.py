"""The manifest: notes, chunks, the generation counter and what is under way. It is the truth; the
other stores are derived from it.

One row a note, with the note's record (JSON) and its chunks (MessagePack, which is read twice as
fast), so that a change of a note is one small write and all chunks are read in one pass.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from membrowse.index import sqlite
from membrowse.index.change_plan import NoteChange, Recipe
from membrowse.index.generation import IndexedNote
from membrowse.index.journal import Journal, JournalEntry
from membrowse.index.sqlite import IndexCorrupt, transaction
from membrowse.notes.chunk import Chunk

FORMAT = "1"
"""Of the manifest itself."""

_SUCCESSORS_KEPT = 100_000

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (
    path TEXT PRIMARY KEY, record BLOB NOT NULL, chunks BLOB NOT NULL
);
DROP TABLE IF EXISTS files;
CREATE TABLE IF NOT EXISTS intent (chunk TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS successors (removed TEXT PRIMARY KEY, added TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS successors_added ON successors (added);
"""


@dataclass(frozen=True, slots=True)
class Content:
    """All notes of the manifest, with their chunks by position."""

    notes: dict[str, IndexedNote]
    chunks: dict[str, list[Chunk]]
    """By path."""


_decode_note = msgspec.json.Decoder(IndexedNote).decode
_decode_chunks = msgspec.msgpack.Decoder(list[Chunk]).decode
_encode = msgspec.json.Encoder().encode
_encode_chunks = msgspec.msgpack.Encoder().encode


class Manifest:
    """One connection, used by one thread at a time; calls from several threads take turns."""

    def __init__(self, path: Path, now: Callable[[], str]) -> None:
        """Open or make the manifest at `path`. Raises `IndexCorrupt`."""
        self._path = path
        self._lock = threading.RLock()
        with self._intact():
            self._connection = sqlite.connect(path)
            self._connection.executescript(_TABLES)
            self._journal = Journal(self._connection, now)

    @contextmanager
    def _intact(self) -> Iterator[sqlite3.Connection | None]:
        """Turns what damage looks like into `IndexCorrupt`."""
        with self._lock:
            try:
                yield getattr(self, "_connection", None)
            except sqlite3.DatabaseError as error:
                if sqlite.damaged(error):
                    raise self._corrupt(error) from error
                raise
            except msgspec.DecodeError as error:
                raise self._corrupt(error) from error

    def _corrupt(self, error: Exception) -> IndexCorrupt:
        return IndexCorrupt(
            f"the index's manifest {self._path} is damaged ({error}); "
            "`membrowse index --rebuild` makes the index again from the folder"
        )

    @property
    def generation(self) -> int:
        return int(self._meta("generation") or "0")

    @property
    def recipe(self) -> Recipe | None:
        """The recipe that the index was made with; None before the first."""
        with self._intact():
            text = self._meta("recipe")
            return msgspec.json.decode(text, type=Recipe) if text else None

    @property
    def format(self) -> str:
        return self._meta("format")

    def begin(self, recipe: Recipe) -> None:
        """Note the recipe of an index that is empty."""
        with self._intact(), transaction(self._connection):
            self._set_recipe(recipe)

    def content(self) -> Content:
        """Read everything."""
        notes: dict[str, IndexedNote] = {}
        chunks: dict[str, list[Chunk]] = {}
        with self._intact():
            rows = self._connection.execute("SELECT path, record, chunks FROM notes ORDER BY path")
            for path, record, parts in rows:
                notes[path] = _decode_note(record)
                chunks[path] = _decode_chunks(parts)
        return Content(notes, chunks)

    def intend(self, chunks: Iterable[str]) -> None:
        """Note that the stores are about to change for these chunk ids."""
        with self._intact(), transaction(self._connection) as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO intent VALUES (?)", ((chunk,) for chunk in chunks)
            )

    def intent(self) -> set[str]:
        """Chunk ids for which the stores may differ from the manifest."""
        with self._intact():
            return {chunk for (chunk,) in self._connection.execute("SELECT chunk FROM intent")}

    def repaired(self) -> None:
        """The stores agree with the manifest again."""
        with self._intact(), transaction(self._connection) as connection:
            connection.execute("DELETE FROM intent")

    def confirm(
        self,
        generation: int,
        changes: Mapping[str, NoteChange],
        notes: Mapping[str, IndexedNote],
        added: Iterable[Chunk],
        removed: Iterable[Chunk],
        successors: Mapping[str, str],
    ) -> None:
        """The stores hold `generation`: make it the truth, in one transaction."""
        with self._intact(), transaction(self._connection) as connection:
            for path, change in changes.items():
                if change.note is None:
                    connection.execute("DELETE FROM notes WHERE path = ?", (path,))
                else:
                    self._write_note(notes[path], change.chunks)
            self._succeed(successors)
            self._journal.write(generation, added, removed)
            connection.execute("DELETE FROM intent")
            self._set("generation", str(generation))

    def raise_generation(self, generation: int) -> None:
        """A generation in which no note changed (vectors came)."""
        with self._intact(), transaction(self._connection):
            self._set("generation", str(generation))

    def touch(self, notes: Iterable[IndexedNote]) -> None:
        """Write these notes' records again; their chunks are unchanged."""
        with self._intact(), transaction(self._connection) as connection:
            connection.executemany(
                "UPDATE notes SET record = ? WHERE path = ?",
                ((_encode(note), note.path) for note in notes),
            )

    def clear(self, recipe: Recipe, generation: int) -> None:
        """Forget notes and chunks; what is made from now on is made with `recipe`."""
        with self._intact(), transaction(self._connection) as connection:
            for table in ("notes", "intent"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
            self._journal.note_cleared(generation)
            self._set_recipe(recipe)
            self._set("generation", str(generation))

    def successor(self, chunk: str) -> str | None:
        """The latest known successor of a removed chunk, which may be gone itself."""
        with self._intact():
            rows = self._connection.execute(
                "SELECT added FROM successors WHERE removed = ?", (chunk,)
            )
            found = rows.fetchone()
            return found[0] if found else None

    def history(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]:
        """See `Journal.entries`."""
        with self._intact():
            return self._journal.entries(path, since=since)

    def size(self) -> int:
        return sqlite.size(self._path)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _write_note(self, note: IndexedNote, chunks: tuple[Chunk, ...]) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO notes VALUES (?, ?, ?)",
            (note.path, _encode(note), _encode_chunks(chunks)),
        )

    def _succeed(self, successors: Mapping[str, str]) -> None:
        """Chains are kept short: whatever led to a removed chunk leads to its successor now."""
        execute = self._connection.execute
        for removed, added in successors.items():
            execute("UPDATE OR REPLACE successors SET added = ? WHERE added = ?", (added, removed))
            execute("INSERT OR REPLACE INTO successors VALUES (?, ?)", (removed, added))
            execute("DELETE FROM successors WHERE removed = added")
        if successors:
            execute(
                "DELETE FROM successors WHERE rowid <= (SELECT max(rowid) FROM successors) - ?",
                (_SUCCESSORS_KEPT,),
            )

    def _set_recipe(self, recipe: Recipe) -> None:
        self._set("recipe", msgspec.json.encode(recipe).decode())
        self._set("format", FORMAT)

    def _set(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _meta(self, name: str) -> str:
        with self._intact():
            rows = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,))
            found = rows.fetchone()
            return found[0] if found else ""
