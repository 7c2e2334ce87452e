"""Reads notes and cuts them into chunks, for the index."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from membrowse.engine import clock
from membrowse.engine.indexing.indexer_state import UnindexedNote
from membrowse.engine.models import Models
from membrowse.index.change_plan import NoteChange
from membrowse.index.generation import IndexedNote
from membrowse.notes.chunker import chunk_note
from membrowse.notes.not_indexable import NotIndexable
from membrowse.notes.note import MTIME, Note, parse_note
from membrowse.notes.reader import FileContent, read_file
from membrowse.notes.root_access import RootAccess
from membrowse.roots import Roots
from membrowse.settings import NotesSettings

DEFAULT_WINDOW = 256
MAX_CHUNKS = 10_000
"""Per note. 5 MB of prose have about half as many; a list of headings can have far more."""
NO_TEXT = "it has no text, so no search can find it"
_CHARACTERS_A_PIECE = 2
_BATCH_CHUNKS = 4000


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading one note; at most one of the first two fields is set."""

    change: NoteChange | None = None
    unchanged: IndexedNote | None = None
    """The content is the same as indexed, only the time differs."""
    unindexed: UnindexedNote | None = None


class NoteReader:
    """Reads notes of `roots` and cuts them into chunks that fit the encoder."""

    def __init__(
        self,
        roots: Roots,
        settings: NotesSettings,
        models: Models,
        access: RootAccess | None = None,
    ) -> None:
        self._roots = roots
        self._access = access or RootAccess(roots)
        self._settings = settings
        self._models = models

    def read(self, path: str, known: IndexedNote | None, *, force: bool = False) -> Reading:
        """Read the note at `path`; `known` is its indexed version, if any.

        With `force`, a note is chunked again even if its content is unchanged. Raises `RootStuck`.
        """
        try:
            source = self._access.run(path, lambda: read_file(self._roots, path, self._settings))
        except FileNotFoundError:
            return Reading(change=_removal(path, known))
        except NotIndexable as error:
            unindexed = self._unindexed(path, error)
            return Reading(change=_removal(path, known), unindexed=unindexed)
        if known is not None and not force and _same_content(known, source):
            return Reading(unchanged=_touched_note(known, source))
        try:
            return Reading(change=self.change(source, MAX_CHUNKS))
        except NotIndexable as error:
            state = UnindexedNote(
                size=source.size,
                mtime_ns=source.mtime_ns,
                state=error.state,
                reason=error.reason,
                ctime_ns=source.ctime_ns,
                inode=source.inode,
            )
            return Reading(change=_removal(path, known), unindexed=state)

    def change(self, source: FileContent, limit: int | None = None) -> NoteChange:
        """The change that indexes a note with the content `source`.

        Raises `NotIndexable` if it has more than `limit` chunks.
        """
        note = parse_note(source)
        parts = tuple(chunk_note(note, self.count, self.window, limit=limit))
        if not parts:
            note = replace(note, warnings=(*note.warnings, NO_TEXT))
        return NoteChange(source.path, _indexed_note(source, note, len(parts)), parts)

    @property
    def window(self) -> int:
        """The encoder's window in word pieces."""
        files = self._models.files
        return files.window if files is not None else DEFAULT_WINDOW

    @property
    def count(self) -> Callable[[str], int]:
        """Counts word pieces; without a model, a conservative estimate."""
        pieces = self._models.pieces
        return pieces.count if pieces is not None else _estimate

    def _unindexed(self, path: str, error: NotIndexable) -> UnindexedNote:
        try:
            stat = self._access.run(path, lambda: self._roots.resolve(path).stat())
        except OSError:
            return UnindexedNote(-1, -1, error.state, error.reason)
        return UnindexedNote(
            stat.st_size,
            stat.st_mtime_ns,
            error.state,
            error.reason,
            stat.st_ctime_ns,
            stat.st_ino,
        )


class Batch:
    """Notes to be indexed as one generation; starts with `changes` that need no reading.

    It is full after `seconds`, or when it has many chunks.
    """

    def __init__(self, changes: list[NoteChange], seconds: float) -> None:
        self.changes = changes
        self.unchanged: list[IndexedNote] = []
        self._chunks = 0
        self._due = time.monotonic() + seconds

    def add(self, reading: Reading) -> None:
        if reading.change is not None:
            self.changes.append(reading.change)
            self._chunks += len(reading.change.chunks)
        if reading.unchanged is not None:
            self.unchanged.append(reading.unchanged)

    @property
    def full(self) -> bool:
        return self._chunks >= _BATCH_CHUNKS or time.monotonic() >= self._due


def _estimate(text: str) -> int:
    ascii_only = len(text.encode("ascii", "ignore"))
    return len(text) - ascii_only + -(-ascii_only // _CHARACTERS_A_PIECE)


def _same_content(known: IndexedNote, source: FileContent) -> bool:
    """Whether the content is as indexed, and so is the date if it is the file's."""
    if known.sha256 != source.sha256:
        return False
    return known.date_source != MTIME or known.date == parse_note(source).date


def _removal(path: str, known: IndexedNote | None) -> NoteChange | None:
    return None if known is None else NoteChange(path, None, ())


def _touched_note(known: IndexedNote, source: FileContent) -> IndexedNote:
    """`known`, whose file was written again with the same content."""
    return replace(
        known,
        size=source.size,
        mtime_ns=source.mtime_ns,
        ctime_ns=source.ctime_ns,
        inode=source.inode,
    )


def _indexed_note(source: FileContent, note: Note, count: int) -> IndexedNote:
    return IndexedNote(
        path=source.path,
        name=note.name,
        title=note.title,
        date=note.date,
        date_source=note.date_source,
        size=source.size,
        mtime_ns=source.mtime_ns,
        sha256=source.sha256,
        indexed_at=clock.now(),
        warnings=note.warnings,
        chunks=count,
        ctime_ns=source.ctime_ns,
        inode=source.inode,
    )
