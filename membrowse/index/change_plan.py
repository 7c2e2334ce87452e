"""Work out, chunk by chunk, the generation that follows a change of notes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from membrowse.index.generation import Generation, IndexedNote, content_key
from membrowse.index.keyword_document import Document, document
from membrowse.index.vector_table import StoredVectors
from membrowse.notes.chunk import Chunk


@dataclass(frozen=True, slots=True)
class NoteChange:
    """The new content of a note."""

    path: str
    note: IndexedNote | None
    """None: the note is removed."""
    chunks: tuple[Chunk, ...]
    """All chunks of the note, by position."""


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """The next generation's chunks, and how it differs from the current one."""

    notes: dict[str, IndexedNote]
    chunks: list[Chunk]
    keys: list[str]
    """Content keys by row."""
    row_of: dict[str, int]
    source: NDArray[np.int64]
    """For each new row the old row of the same note with the same content key, or -1."""
    moved: NDArray[np.int32]
    """For each old row the new row of the chunk with the same id, or -1."""
    changes: dict[str, NoteChange]
    """By path, without removals of unknown notes."""
    documents: list[Document]
    """The keyword documents of `added`."""
    added: list[Chunk]
    """Chunks with a new id, or whose document changed under the same id."""
    removed: list[Chunk]
    """Chunks whose id disappears, and the old state of those that changed."""

    @property
    def ids(self) -> set[str]:
        """Ids of all chunks whose keyword document changes."""
        return {chunk.id for chunk in (*self.added, *self.removed)}

    @property
    def changed_ids(self) -> set[str]:
        """Ids of all chunks of the changed notes, before and after."""
        return self.ids | {chunk.id for change in self.changes.values() for chunk in change.chunks}

    def changed_rows(self) -> list[int]:
        """The new rows of the changed notes."""
        rows: list[int] = []
        for path, change in self.changes.items():
            first = bisect_left(self.chunks, path, key=_path)
            rows.extend(range(first, first + len(change.chunks)))
        return rows


def plan_changes(
    generation: Generation, changes: Iterable[NoteChange], encoder_key: str
) -> ChangePlan:
    """Plan the generation that follows `generation`; of two changes to a path, the last counts."""
    effective = _effective_changes(generation, changes)
    notes = dict(generation.notes)
    rows = _Rows(generation)
    for path, change in effective.items():
        rows.replace(path, change.chunks, encoder_key)
        if change.note is None:
            del notes[path]
        else:
            notes[path] = replace(change.note, chunks=len(change.chunks))
    rows.finish()
    row_of = dict(zip(map(_id, rows.chunks), range(len(rows.chunks)), strict=True))
    documents, added, removed = _document_changes(generation, effective)
    return ChangePlan(
        notes,
        rows.chunks,
        rows.keys,
        row_of,
        rows.source(),
        rows.moved(effective, row_of),
        effective,
        documents,
        added,
        removed,
    )


def new_vectors(
    generation: Generation,
    plan: ChangePlan,
    encoded: Mapping[str, StoredVectors],
    stored: Callable[[Collection[str]], Mapping[str, StoredVectors]],
) -> dict[int, StoredVectors]:
    """Return, by new row, the vectors that `generation`, the one before `plan`, does not have.

    `encoded` contains newly made vectors by content key; `stored` looks up earlier ones.
    """
    has_vectors = plan.source >= 0
    has_vectors[has_vectors] = generation.encoded[plan.source[has_vectors]]
    vectors: dict[int, StoredVectors] = {}
    if encoded:
        rows = np.flatnonzero(~has_vectors).tolist()
        vectors = {row: encoded[key] for row in rows if (key := plan.keys[row]) in encoded}
    missing: dict[str, list[int]] = {}
    for row in plan.changed_rows():
        if row not in vectors and not has_vectors[row]:
            missing.setdefault(plan.keys[row], []).append(row)
    for key, found in stored(missing.keys()).items():
        vectors.update(dict.fromkeys(missing[key], found))
    return vectors


def _effective_changes(
    generation: Generation, changes: Iterable[NoteChange]
) -> dict[str, NoteChange]:
    effective: dict[str, NoteChange] = {}
    for change in sorted(changes, key=lambda change: change.path):
        if change.note is not None:
            effective[change.path] = change
        elif change.path in generation.notes:
            effective[change.path] = NoteChange(change.path, None, ())
        else:
            effective.pop(change.path, None)
    return effective


class _Rows:
    """Assembles the next generation's rows from runs of old ones and new chunks."""

    def __init__(self, generation: Generation) -> None:
        self._old = generation
        self._done = 0
        self._source: list[NDArray[np.int64]] = []
        self._moved = np.full(len(generation.chunks), -1, np.int32)
        self.chunks: list[Chunk] = []
        self.keys: list[str] = []

    def replace(self, path: str, chunks: Sequence[Chunk], encoder_key: str) -> None:
        """Replace the chunks of the note at `path`; paths must come in order."""
        rows = self._old.rows(path)
        self._copy(rows.start)
        keys = [content_key(chunk, encoder_key) for chunk in chunks]
        self.chunks.extend(chunks)
        self.keys.extend(keys)
        self._source.append(self._rows_with(keys, rows))
        self._done = rows.stop

    def finish(self) -> None:
        """Copy the remaining old rows."""
        self._copy(len(self._old.chunks))

    def source(self) -> NDArray[np.int64]:
        """See `ChangePlan.source`."""
        return np.concatenate(self._source)

    def moved(self, paths: Iterable[str], row_of: Mapping[str, int]) -> NDArray[np.int32]:
        """See `ChangePlan.moved`."""
        for path in paths:
            for row in self._old.rows(path):
                self._moved[row] = row_of.get(self._old.chunks[row].id, -1)
        return self._moved

    def _copy(self, end: int) -> None:
        first, count = self._done, len(self.chunks)
        self.chunks.extend(self._old.chunks[first:end])
        self.keys.extend(self._old.keys[first:end])
        self._source.append(np.arange(first, end, dtype=np.int64))
        self._moved[first:end] = np.arange(count, count + end - first, dtype=np.int32)

    def _rows_with(self, keys: Sequence[str], rows: range) -> NDArray[np.int64]:
        """Return the one of the old `rows` with each of `keys`; -1 if none."""
        row_of = {self._old.keys[row]: row for row in rows}
        return np.array([row_of.get(key, -1) for key in keys], np.int64)


_id = attrgetter("id")


def _path(chunk: Chunk) -> str:
    return chunk.path


def _document_changes(
    generation: Generation, changes: Mapping[str, NoteChange]
) -> tuple[list[Document], list[Chunk], list[Chunk]]:
    """Return `documents`, `added` and `removed` of the plan."""
    documents: list[Document] = []
    added: list[Chunk] = []
    removed: list[Chunk] = []
    for path, change in changes.items():
        old_note = generation.notes.get(path)
        before = {}
        if old_note is not None:
            for row in generation.rows(path):
                chunk = generation.chunks[row]
                before[chunk.id] = chunk, document(chunk, old_note)
        for chunk in change.chunks:
            if change.note is None:
                break
            new = document(chunk, change.note)
            old = before.pop(chunk.id, None)
            if old is not None and old[1] == new:
                continue
            documents.append(new)
            added.append(chunk)
            if old is not None:
                removed.append(old[0])
        removed.extend(chunk for chunk, _ in before.values())
    return documents, added, removed
