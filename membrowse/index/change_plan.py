"""Work out, chunk by chunk, the generation that follows a change of notes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from membrowse.index.chunk_table import ChunkTable, ContentKeys, NoteChunks, pack
from membrowse.index.generation import Generation, IndexedNote, content_key
from membrowse.index.keyword_document import Document, document
from membrowse.index.vector_table import StoredVectors
from membrowse.notes.chunk import Chunk
from membrowse.notes.chunk_lineage import successors


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
    chunks: ChunkTable
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

    replaced: list[Chunk]
    """All chunks of the changed notes, before the change."""

    @property
    def successors(self) -> dict[str, str]:
        """Id of each removed chunk to that of the chunk that took its place, if any did."""
        after = [chunk for change in self.changes.values() for chunk in change.chunks]
        return successors(self.replaced, after)

    @property
    def ids(self) -> set[str]:
        """Ids of all chunks whose keyword document changes."""
        return {chunk.id for chunk in (*self.added, *self.removed)}

    @property
    def changed_ids(self) -> set[str]:
        """Ids of all chunks of the changed notes, before and after."""
        return self.ids | {chunk.id for change in self.changes.values() for chunk in change.chunks}

    @property
    def packed(self) -> dict[str, NoteChunks]:
        """By path, the chunks of the changed notes that have any."""
        found = {path: self.chunks.note(path) for path in self.changes}
        return {path: note for path, note in found.items() if note is not None}

    def changed_rows(self) -> list[int]:
        """The new rows of the changed notes."""
        return [row for path in self.changes for row in self.chunks.rows(path)]


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
    chunks = rows.finish()
    documents, added, removed = _document_changes(generation, effective)
    return ChangePlan(
        notes,
        chunks,
        rows.source(),
        rows.moved(effective, chunks),
        effective,
        documents,
        added,
        removed,
        [generation.chunks[row] for path in effective for row in generation.rows(path)],
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
    keys = ContentKeys(plan.chunks)
    has_vectors = plan.source >= 0
    has_vectors[has_vectors] = generation.encoded[plan.source[has_vectors]]
    vectors: dict[int, StoredVectors] = {}
    if encoded:
        rows = np.flatnonzero(~has_vectors).tolist()
        vectors = {row: encoded[key] for row in rows if (key := keys[row]) in encoded}
    missing: dict[str, list[int]] = {}
    for row in plan.changed_rows():
        if row not in vectors and not has_vectors[row]:
            missing.setdefault(keys[row], []).append(row)
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
    """Assembles the next generation's rows from runs of old notes and new ones."""

    def __init__(self, generation: Generation) -> None:
        self._old = generation.chunks
        self._done = 0
        """Old notes so far."""
        self._notes: list[NoteChunks] = []
        self._counts: list[NDArray[np.int64]] = []
        self._old_counts = np.diff(self._old.starts)
        self._count = 0
        """New rows so far."""
        self._source: list[NDArray[np.int64]] = []
        self._moved = np.full(len(self._old), -1, np.int32)

    def replace(self, path: str, chunks: Sequence[Chunk], encoder_key: str) -> None:
        """Replace the chunks of the note at `path`; paths must come in order."""
        number, old = self._old.number(path), self._old.note(path)
        self._copy(number)
        self._done = number + (old is not None)
        if not chunks:
            return
        new = pack(chunks, [content_key(chunk, encoder_key) for chunk in chunks], encoder_key)
        self._source.append(_rows_with(new.keys, old, int(self._old.starts[number])))
        self._notes.append(new)
        self._counts.append(np.array([len(chunks)], np.int64))
        self._count += len(chunks)
        self._old.path_of.update(dict.fromkeys(new.ids, path))

    def finish(self) -> ChunkTable:
        """Copy the remaining old rows, and return all."""
        self._copy(len(self._old.notes))
        return ChunkTable(self._notes, np.concatenate(self._counts), self._old.path_of)

    def source(self) -> NDArray[np.int64]:
        """See `ChangePlan.source`."""
        return np.concatenate(self._source)

    def moved(self, paths: Iterable[str], chunks: ChunkTable) -> NDArray[np.int32]:
        """See `ChangePlan.moved`."""
        for path in paths:
            for row in self._old.rows(path):
                self._moved[row] = chunks.row(self._old.id(row))
        return self._moved

    def _copy(self, end: int) -> None:
        """Copy the old notes up to number `end`."""
        first, last = self._old.starts[[self._done, end]].tolist()
        self._notes.extend(self._old.notes[self._done : end])
        self._counts.append(self._old_counts[self._done : end])
        self._source.append(np.arange(first, last, dtype=np.int64))
        self._moved[first:last] = np.arange(self._count, self._count + last - first, dtype=np.int32)
        self._count += last - first


def _rows_with(keys: Iterable[str], note: NoteChunks | None, start: int) -> NDArray[np.int64]:
    """Return the row in `note`, whose rows begin at `start`, with each of `keys`; -1 if none."""
    row_of = {key: start + n for n, key in enumerate(note.keys)} if note is not None else {}
    return np.array([row_of.get(key, -1) for key in keys], np.int64)


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
