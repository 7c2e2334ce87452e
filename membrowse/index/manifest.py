"""The manifest: notes, chunks, the generation counter and pending changes.

It is the source of truth, from which the other stores are derived. There is one row per note, with
the note's record (JSON) and its chunks (MessagePack, their text compressed), so changing a note is
one small write and loading all chunks is one pass that unpacks none.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from membrowse import sqlite
from membrowse.counts import counted
from membrowse.index.change_plan import ChangePlan
from membrowse.index.chunk_table import KEY_BYTES, ChunkTable, NoteChunks, pack
from membrowse.index.generation import IndexedNote, content_key
from membrowse.index.journal import TABLES as JOURNAL_TABLES
from membrowse.index.journal import Journal, JournalEntry, Retention, damaged_entries
from membrowse.notes.chunk import Chunk
from membrowse.sqlite import checksum, transaction

log = logging.getLogger(__name__)

FORMAT = "4"
"""Version of the manifest's own format."""
_CONVERTED_FORMAT = "3"
"""The earlier one, whose content keys are twice as long; it is converted."""
_PAGE_SIZE = 16384
"""A page has room for several notes; smaller pages would waste a seventh of their space."""

_FACTS = frozenset({"recipe", "format", "generation"})
"""Names in the table `meta`."""
_MAX_SUCCESSORS = 100_000
ANY_CHUNK = ""
"""Instead of an id: any chunk."""

_TABLES = (
    """
CREATE TABLE IF NOT EXISTS meta (
    name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (
    path TEXT PRIMARY KEY, record BLOB NOT NULL, chunks BLOB NOT NULL, checksum INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS intent (
    chunk TEXT PRIMARY KEY, checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS successors (
    removed TEXT PRIMARY KEY, added TEXT NOT NULL, checksum INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS successors_added ON successors (added);
"""
    + JOURNAL_TABLES
)

_PUT_NOTE = "INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)"
_NOTES = "SELECT checksum, path, record, chunks FROM notes"
_SUCCESSORS = "SELECT rowid, checksum, removed, added FROM successors"


class IndexCorrupt(Exception):
    """The manifest cannot be read; the message names the file and the command that rebuilds it."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The versions that shaped an index; a different recipe makes a different index."""

    chunker: str
    analyser: str
    encoder: str
    """`EncoderIdentity.key`, or empty if no encoder could be loaded."""

    def difference(self, made_with: Recipe) -> str:
        """Describe what differs from the recipe the index was made with, or return ""."""
        differences = (
            f"{name} {old or 'none'} → {new or 'none'}"
            for name, new, old in (
                ("chunker", self.chunker, made_with.chunker),
                ("analyser", self.analyser, made_with.analyser),
                ("encoder", self.encoder, made_with.encoder),
            )
            if new != old
        )
        return ", ".join(differences)


class Intent(NamedTuple):
    """Chunks for which the stores may differ from the manifest."""

    chunks: set[str]
    """Their ids."""
    any: bool
    """Whether any other chunk may differ, too."""


@dataclass(frozen=True, slots=True)
class ManifestContent:
    """All notes of the manifest, with their chunks by position."""

    notes: dict[str, IndexedNote]
    chunks: dict[str, NoteChunks]
    """By path; notes without chunks are left out."""
    damaged: int = 0
    """Number of notes left out because they were damaged."""

    def table(self, encoder: str) -> ChunkTable:
        """All chunks, with content keys for the encoder with the key `encoder`."""
        ordered = (self.chunks[path] for path in sorted(self.chunks))
        return ChunkTable(
            [note if note.encoder == encoder else _packed(note.chunks, encoder) for note in ordered]
        )


def _packed(chunks: Sequence[Chunk], encoder: str) -> NoteChunks:
    return pack(chunks, [content_key(chunk, encoder) for chunk in chunks], encoder)


_decode_note = msgspec.json.Decoder(IndexedNote).decode
_decode_chunks = msgspec.msgpack.Decoder(NoteChunks).decode
_encode = msgspec.json.Encoder().encode
_encode_chunks = msgspec.msgpack.Encoder().encode
_NO_CHUNKS = b""


class Manifest:
    """One connection; calls from several threads take turns."""

    def __init__(self, path: Path, retention: Retention) -> None:
        """Open or create the manifest at `path`. Raises `IndexCorrupt`."""
        self._path = path
        self._retention = retention
        self._lock = threading.RLock()
        with self._guarded():
            self._open()

    def _open(self) -> None:
        connection = sqlite.open_tables(self._path, _TABLES, page_size=_PAGE_SIZE)
        try:
            connection.execute("PRAGMA secure_delete=ON")
            _shorten_keys(connection)
            _check_facts(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._journal = Journal(connection, self._retention)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Hold the lock, and raise signs of damage as `IndexCorrupt`."""
        with self._lock:
            try:
                yield
            except sqlite3.DatabaseError as error:
                if sqlite.is_corrupt(error):
                    raise self._corrupt(error) from error
                raise
            except msgspec.DecodeError as error:
                raise self._corrupt(error) from error

    def _corrupt(self, error: Exception) -> IndexCorrupt:
        return IndexCorrupt(
            f"the index manifest {self._path} is corrupt ({error}): rebuild the index"
        )

    @property
    def generation(self) -> int:
        return int(self._meta("generation") or "0")

    @property
    def recipe(self) -> Recipe | None:
        """The recipe that the index was made with; None for a new index."""
        with self._guarded():
            text = self._meta("recipe")
            return msgspec.json.decode(text, type=Recipe) if text else None

    @property
    def format(self) -> str:
        return self._meta("format")

    def begin(self, recipe: Recipe) -> None:
        """Record the recipe that the index is made with from now on."""
        with self._guarded(), transaction(self._connection):
            self._set_recipe(recipe)

    def content(self) -> ManifestContent:
        """Load everything; damaged notes are deleted, and so read from the folder again."""
        notes: dict[str, IndexedNote] = {}
        chunks: dict[str, NoteChunks] = {}
        damaged: list[int] = []
        with self._guarded():
            rows = self._connection.execute(
                "SELECT rowid, checksum, path, record, chunks FROM notes"
            )
            for row, expected, path, record, parts in rows:
                if checksum(path, record, parts) != expected:
                    damaged.append(row)
                    continue
                notes[path] = _decode_note(record)
                if parts != _NO_CHUNKS:
                    chunks[path] = _decode_chunks(parts)
            self._delete_notes(damaged)
        return ManifestContent(notes, chunks, len(damaged))

    def _delete_notes(self, rows: list[int]) -> None:
        if rows:
            log.warning("damaged in the manifest and read again: %s", counted(len(rows), "note"))
            with transaction(self._connection) as connection:
                connection.executemany(
                    "DELETE FROM notes WHERE rowid = ?", ((row,) for row in rows)
                )

    def intend(self, chunks: Iterable[str]) -> None:
        """Record that the stores are about to change for these chunk ids, or for `ANY_CHUNK`."""
        with self._guarded(), transaction(self._connection):
            self._intend(chunks)

    def _intend(self, chunks: Iterable[str]) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO intent VALUES (?, ?)",
            ((chunk, checksum(chunk)) for chunk in chunks),
        )

    def intent(self) -> Intent:
        """For which chunks the stores may differ from the manifest."""
        with self._guarded():
            rows = self._connection.execute("SELECT chunk, checksum FROM intent").fetchall()
        intact = {chunk for chunk, expected in rows if checksum(chunk) == expected}
        return Intent(intact - {ANY_CHUNK}, ANY_CHUNK in intact or len(intact) < len(rows))

    def narrow_intent(self, chunks: Iterable[str]) -> None:
        """Record that the stores may differ for these chunk ids and those intended by name."""
        known = self.intent().chunks.union(chunks)
        with self._guarded(), transaction(self._connection) as connection:
            connection.execute("DELETE FROM intent")
            self._intend(known)

    def settle(self, chunks: Iterable[str]) -> None:
        """Record that the stores agree with the manifest for these chunk ids again."""
        with self._guarded(), transaction(self._connection):
            self._settle(chunks)

    def _settle(self, chunks: Iterable[str]) -> None:
        self._connection.executemany(
            "DELETE FROM intent WHERE chunk = ?", ((chunk,) for chunk in chunks)
        )

    def settle_all(self) -> None:
        """Record that the stores agree with the manifest again."""
        with self._guarded(), transaction(self._connection) as connection:
            connection.execute("DELETE FROM intent")

    def confirm(self, generation: int, plan: ChangePlan, settled: Iterable[str]) -> None:
        """Confirm `generation`, which the stores now contain, in one transaction.

        `settled` are the chunk ids for which no store differs any more.
        """
        chunks, replacements = plan.packed, plan.successors
        with self._guarded(), transaction(self._connection) as connection:
            for path, change in plan.changes.items():
                if change.note is None:
                    connection.execute("DELETE FROM notes WHERE path = ?", (path,))
                else:
                    self._write_note(plan.notes[path], chunks.get(path))
            self._record_successors(replacements)
            self._journal.write(generation, plan.added, plan.removed)
            self._settle(settled)
            self._set("generation", str(generation))

    def raise_generation(self, generation: int) -> None:
        """Record a generation in which only vectors changed."""
        with self._guarded(), transaction(self._connection):
            self._set("generation", str(generation))

    def touch(self, notes: Iterable[IndexedNote]) -> None:
        """Rewrite the records of these notes; their chunks are unchanged."""
        with self._guarded(), transaction(self._connection) as connection:
            for note in notes:
                row = connection.execute(f"{_NOTES} WHERE path = ?", (note.path,)).fetchone()
                if row is not None and checksum(*row[1:]) == row[0]:
                    self._put_note(note, row[3])

    def clear(self, recipe: Recipe, generation: int) -> None:
        """Delete notes and chunks; the index is rebuilt with `recipe`."""
        with self._guarded(), transaction(self._connection) as connection:
            for table in ("notes", "intent"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
            self._journal.record_clear(generation)
            self._set_recipe(recipe)
            self._set("generation", str(generation))

    def successor(self, chunk: str) -> str | None:
        """The latest known successor of a removed chunk; it may be removed itself."""
        with self._guarded():
            rows = self._connection.execute(
                "SELECT added, checksum FROM successors WHERE removed = ?", (chunk,)
            )
            added, expected = rows.fetchone() or (None, None)
            return added if checksum(chunk, added) == expected else None

    def history(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]:
        """See `Journal.entries`."""
        with self._guarded():
            return self._journal.entries(path, since=since)

    def check(self) -> int:
        """Check structure and checksums on disk; returns the number of damaged rows.

        Damaged notes stay (see `restore`), other damaged rows are deleted. Raises `IndexCorrupt`
        for a damaged structure.
        """
        with self._guarded():
            with sqlite.checked(self._path) as disk:
                notes = [
                    path
                    for expected, path, *values in disk.execute(_NOTES)
                    if checksum(path, *values) != expected
                ]
                successors = [
                    row
                    for row, expected, *ids in disk.execute(_SUCCESSORS)
                    if checksum(*ids) != expected
                ]
                entries = damaged_entries(disk)
                facts = disk.execute("SELECT checksum, name, value FROM meta").fetchall()
            if any(checksum(*values) != expected for expected, *values in facts):
                raise self._corrupt(sqlite3.DatabaseError("its facts are damaged"))
            self._connection.executemany(
                "DELETE FROM successors WHERE rowid = ?", ((row,) for row in successors)
            )
            self._journal.delete(entries)
        return len(notes) + len(successors) + len(entries)

    def rewrite(
        self,
        recipe: Recipe,
        generation: int,
        notes: Mapping[str, IndexedNote],
        chunks: ChunkTable,
    ) -> None:
        """Replace the file by one with this content; successors and history are lost."""
        with self._guarded():
            self._connection.close()
            sqlite.delete_database(self._path)
            self._open()
            with transaction(self._connection):
                self._set_recipe(recipe)
                self._set("generation", str(generation))
            self.restore(notes, chunks)

    def restore(self, notes: Mapping[str, IndexedNote], chunks: ChunkTable) -> None:
        """Replace all notes by these."""
        with self._guarded(), transaction(self._connection) as connection:
            connection.execute("DELETE FROM notes")
            for path, note in notes.items():
                self._write_note(note, chunks.note(path))

    def trim(self) -> None:
        """Delete history beyond the bounds, and overwrite it on disk."""
        with self._guarded(), transaction(self._connection):
            self._journal.trim(self.generation)

    def purge(self, condition: Callable[[JournalEntry], bool]) -> int:
        """Delete the history that satisfies `condition`, and every byte of it; returns how much."""
        with self._guarded():
            with transaction(self._connection) as connection:
                purged = self._journal.purge(condition)
                ids = [(chunk.id,) for entry in purged for chunk in entry.removed]
                connection.executemany("DELETE FROM successors WHERE removed = ?", ids)
            sqlite.rewrite(self._connection)
            return len(purged)

    def size(self) -> int:
        return sqlite.disk_size(self._path)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _write_note(self, note: IndexedNote, chunks: NoteChunks | None) -> None:
        self._put_note(note, _NO_CHUNKS if chunks is None else _encode_chunks(chunks))

    def _put_note(self, note: IndexedNote, chunks: bytes) -> None:
        self._connection.execute(_PUT_NOTE, _note_row(note.path, _encode(note), chunks))

    def _record_successors(self, successors: Mapping[str, str]) -> None:
        """Keep chains short: whatever led to a removed chunk now leads to its successor."""
        execute, execute_many = self._connection.execute, self._connection.executemany
        for removed, added in successors.items():
            earlier = execute("SELECT removed FROM successors WHERE added = ?", (removed,))
            execute_many(
                "INSERT OR REPLACE INTO successors VALUES (?, ?, ?)",
                [
                    (each, added, checksum(each, added))
                    for each in (removed, *(row for (row,) in earlier.fetchall()))
                ],
            )
            execute("DELETE FROM successors WHERE removed = added")
        if successors:
            execute(
                "DELETE FROM successors WHERE rowid <= (SELECT max(rowid) FROM successors) - ?",
                (_MAX_SUCCESSORS,),
            )

    def _set_recipe(self, recipe: Recipe) -> None:
        self._set("recipe", msgspec.json.encode(recipe).decode())
        self._set("format", FORMAT)

    def _set(self, name: str, value: str) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (name, value, checksum(name, value))
        )

    def _meta(self, name: str) -> str:
        with self._guarded():
            rows = self._connection.execute(
                "SELECT value, checksum FROM meta WHERE name = ?", (name,)
            )
            value, expected = rows.fetchone() or ("", checksum(name, ""))
            if checksum(name, value) != expected:
                raise self._corrupt(sqlite3.DatabaseError(f"its {name} is damaged"))
            return str(value)


def _check_facts(connection: sqlite3.Connection) -> None:
    """Raise `sqlite3.DatabaseError` for facts of another name, or if notes lack one."""
    facts = {name for (name,) in connection.execute("SELECT name FROM meta")}
    (filled,) = connection.execute("SELECT EXISTS (SELECT 1 FROM notes)").fetchone()
    if facts - _FACTS or (filled and facts != _FACTS):
        raise sqlite3.DatabaseError("its facts are damaged")


def _note_row(path: str, record: bytes, chunks: bytes) -> tuple[str, bytes, bytes, int]:
    return path, record, chunks, checksum(path, record, chunks)


def _shorten_keys(connection: sqlite3.Connection) -> None:
    """Convert a manifest of the earlier format; leave any other alone."""
    rows = connection.execute("SELECT name, value, checksum FROM meta").fetchall()
    facts = {name: value for name, value, expected in rows if checksum(name, value) == expected}
    if facts.get("format") != _CONVERTED_FORMAT:
        return
    log.info("converting the manifest: its content keys are shorter")
    with transaction(connection):
        for expected, note, record, chunks in connection.execute(_NOTES).fetchall():
            if checksum(note, record, chunks) == expected and chunks != _NO_CHUNKS:
                row = _note_row(note, record, _with_short_keys(chunks))
                connection.execute(_PUT_NOTE, row)
        connection.execute(
            "UPDATE meta SET value = ?, checksum = ? WHERE name = 'format'",
            (FORMAT, checksum("format", FORMAT)),
        )


def _with_short_keys(chunks: bytes) -> bytes:
    """A note's chunks as they are stored today, for those of the earlier format."""
    note = _decode_chunks(chunks)
    length = len(note.packed_keys) // len(note.ids)
    keys = (
        note.packed_keys[start : start + KEY_BYTES]
        for start in range(0, len(note.packed_keys), length)
    )
    return _encode_chunks(msgspec.structs.replace(note, packed_keys=b"".join(keys)))
