"""What is asked of the index, and what that means chunk by chunk."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from membrowse.index.generation import Generation, IndexedNote, StoredVectors
from membrowse.index.keyword_document import Document, document
from membrowse.notes.chunk import Chunk


@dataclass(frozen=True, slots=True)
class NoteChange:
    """A note as it is to be indexed from now on."""

    path: str
    note: IndexedNote | None
    """None: the note is removed."""
    chunks: tuple[Chunk, ...]
    """All chunks of the note, by position."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What shaped the index; another recipe makes another index."""

    chunker: str
    analyser: str
    encoder: str
    """`EncoderIdentity.key`."""

    def difference(self, made_with: Recipe) -> str:
        """Which parts differ from the recipe that the index was made with; empty if none."""
        parts = (
            f"{name} {theirs or 'none'} → {ours or 'none'}"
            for name, ours, theirs in (
                ("chunker", self.chunker, made_with.chunker),
                ("analyser", self.analyser, made_with.analyser),
                ("encoder", self.encoder, made_with.encoder),
            )
            if ours != theirs
        )
        return ", ".join(parts)


def content_key(chunk: Chunk, encoder_key: str) -> str:
    """Addresses what an encoder makes of a chunk: hash of header, text and encoder (hex).

    Raises `UnicodeEncodeError` for text that is not Unicode (lone surrogates).
    """
    return hashlib.sha256(f"{encoder_key}\0{chunk.header}\0{chunk.text}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Plan:
    """The next generation's chunks, and how it differs from the one before."""

    notes: dict[str, IndexedNote]
    chunks: list[Chunk]
    keys: list[str]
    row_of: dict[str, int]
    source: NDArray[np.int64]
    """For each new row the old row with the same content key, or -1."""
    moved: NDArray[np.int32]
    """For each old row the new row of the chunk with the same id, or -1."""
    changes: dict[str, NoteChange]
    """By path; removals of unknown notes left out."""
    documents: list[Document]
    """Of `added`: what the keyword store is to hold."""
    added: list[Chunk]
    """Chunks that are new, or under whose id something that is indexed changed."""
    removed: list[Chunk]
    """Chunks whose id is gone, and the former state of those that changed."""

    @property
    def ids(self) -> set[str]:
        """Every chunk id that the keyword store holds differently before and after."""
        return {chunk.id for chunk in (*self.added, *self.removed)}

    @property
    def changed_ids(self) -> set[str]:
        """Every chunk id of the notes that change, before and after."""
        return self.ids | {chunk.id for change in self.changes.values() for chunk in change.chunks}

    def changed_rows(self) -> list[int]:
        """The new rows of the notes that change."""
        rows: list[int] = []
        for path, change in self.changes.items():
            first = bisect_left(self.chunks, path, key=_path)
            rows.extend(range(first, first + len(change.chunks)))
        return rows


def plan(generation: Generation, changes: Iterable[NoteChange], encoder_key: str) -> Plan:
    """Work out the generation that follows `generation` after `changes` (the last one counts where
    a path comes twice)."""
    wanted = _wanted(generation, changes)
    notes = dict(generation.notes)
    rows = _Rows(generation)
    for path, change in wanted.items():
        rows.replace(path, change.chunks, encoder_key)
        if change.note is None:
            del notes[path]
        else:
            notes[path] = replace(change.note, chunks=len(change.chunks))
    rows.finish()
    row_of = dict(zip(map(_id, rows.chunks), range(len(rows.chunks)), strict=True))
    documents, added, removed = _difference(generation, wanted)
    return Plan(
        notes,
        rows.chunks,
        rows.keys,
        row_of,
        rows.source(),
        rows.moved(wanted, row_of),
        wanted,
        documents,
        added,
        removed,
    )


def vectors_for(
    generation: Generation,
    planned: Plan,
    came: Mapping[str, StoredVectors],
    stored: Callable[[Collection[str]], Mapping[str, StoredVectors]],
) -> dict[int, StoredVectors]:
    """By new row: vectors that `generation`, which `planned` follows, does not have.

    `came` holds those just made, by content key; `stored` finds those made earlier.
    """
    found: dict[int, StoredVectors] = {}
    if came:
        found = {row: came[key] for row, key in enumerate(planned.keys) if key in came}
    before = generation.encoded
    missing: dict[str, list[int]] = {}
    for row in planned.changed_rows():
        source = planned.source[row]
        if row not in found and not (source >= 0 and before[source]):
            missing.setdefault(planned.keys[row], []).append(row)
    for key, vectors in stored(missing.keys()).items():
        found.update(dict.fromkeys(missing[key], vectors))
    return found


def _wanted(generation: Generation, changes: Iterable[NoteChange]) -> dict[str, NoteChange]:
    wanted: dict[str, NoteChange] = {}
    for change in sorted(changes, key=lambda change: change.path):
        if change.note is not None:
            wanted[change.path] = change
        elif change.path in generation.notes:
            wanted[change.path] = NoteChange(change.path, None, ())
        else:
            wanted.pop(change.path, None)
    return wanted


class _Rows:
    """Puts the next generation's rows together: stretches of the old ones, and new chunks."""

    def __init__(self, generation: Generation) -> None:
        self._old = generation
        self._done = 0
        self._source: list[NDArray[np.int64]] = []
        self._moved = np.full(len(generation.chunks), -1, np.int32)
        self._row_by_key: dict[str, int] | None = None
        self.chunks: list[Chunk] = []
        self.keys: list[str] = []

    def replace(self, path: str, chunks: Sequence[Chunk], encoder_key: str) -> None:
        """Take `chunks` for those of the note at `path`; paths must come in order."""
        rows = self._old.rows(path)
        self._copy(rows.start)
        keys = [content_key(chunk, encoder_key) for chunk in chunks]
        self.chunks.extend(chunks)
        self.keys.extend(keys)
        self._source.append(self._same_keys(keys, rows))
        self._done = rows.stop

    def finish(self) -> None:
        """Take the rest as it is."""
        self._copy(len(self._old.chunks))

    def source(self) -> NDArray[np.int64]:
        """See `Plan.source`."""
        return np.concatenate(self._source)

    def moved(self, paths: Iterable[str], row_of: Mapping[str, int]) -> NDArray[np.int32]:
        """See `Plan.moved`."""
        for path in paths:
            for row in self._old.rows(path):
                self._moved[row] = row_of.get(self._old.chunks[row].id, -1)
        return self._moved

    def _copy(self, last: int) -> None:
        first, count = self._done, len(self.chunks)
        self.chunks.extend(self._old.chunks[first:last])
        self.keys.extend(self._old.keys[first:last])
        self._source.append(np.arange(first, last, dtype=np.int64))
        self._moved[first:last] = np.arange(count, count + last - first, dtype=np.int32)

    def _same_keys(self, keys: Sequence[str], likely: range) -> NDArray[np.int64]:
        """The old row of each of `keys`, rather one of `likely`; -1 where there is none."""
        near = {self._old.keys[row]: row for row in likely}
        if self._row_by_key is None and any(key not in near for key in keys):
            self._row_by_key = {key: row for row, key in enumerate(self._old.keys)}
        anywhere = self._row_by_key or {}
        return np.array([near.get(key, anywhere.get(key, -1)) for key in keys], np.int64)


def _id(chunk: Chunk) -> str:
    return chunk.id


def _path(chunk: Chunk) -> str:
    return chunk.path


def _difference(
    generation: Generation, changes: Mapping[str, NoteChange]
) -> tuple[list[Document], list[Chunk], list[Chunk]]:
    """Documents to write, chunks that came (or changed under their id), chunks that went (or were
    otherwise)."""
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
            now = document(chunk, change.note)
            old = before.pop(chunk.id, None)
            if old is not None and old[1] == now:
                continue
            documents.append(now)
            added.append(chunk)
            if old is not None:
                removed.append(old[0])
        removed.extend(chunk for chunk, _ in before.values())
    return documents, added, removed
