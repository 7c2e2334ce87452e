"""Where a recall's hits are in the index today."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from membrowse.index.generation import Generation
from membrowse.index.journal import JournalEntry, RemovedChunk
from membrowse.index.protocols import SearchIndex
from membrowse.notes.chunk import Chunk
from membrowse.ranking.targets import rows_containing
from membrowse.roots import Roots
from membrowse.wire.recalls import Recall, RecallHit

_ENDINGS = (".md", ".markdown", ".txt")
"""Endings that foreign logs leave out."""


@dataclass(frozen=True, slots=True)
class Place:
    """The chunk that a hit means today."""

    row: int | None
    edited: bool = False
    gone_since: int | None = None
    gone_at: str = ""


@dataclass(slots=True)
class Places:
    """Finds hits in one generation; the journal of a note is read once."""

    roots: Roots
    index: SearchIndex
    note_path: Callable[[Generation, str], str]
    generation: Generation = field(init=False)
    _journals: dict[str, list[JournalEntry]] = field(init=False, default_factory=dict)
    _mapped: dict[str, str] = field(init=False, default_factory=dict)
    _names: dict[str, list[str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.generation = self.index.generation

    def today(self, hit: RecallHit) -> Place:
        """Where a hit is now: its chunk, or that chunk's successor."""
        row_of = self.generation.row_of
        if hit.chunk in row_of:
            return Place(row_of[hit.chunk])
        live = (self.index.successor(hit.chunk) if hit.chunk else None) or ""
        if live in row_of:
            return Place(row_of[live], edited=True)
        return self._gone(hit)

    def imported(self, recall: Recall) -> Recall:
        """`recall` with its hits' paths mapped to the folder, and their chunks."""
        given = tuple(self._located(recall, hit) for hit in recall.given)
        return msgspec.structs.replace(recall, given=given)

    def is_outside(self, path: str) -> bool:
        """Whether a mapped path leaves the folder."""
        return path.startswith(("/", "../")) or path in ("", "..")

    def _located(self, recall: Recall, hit: RecallHit) -> RecallHit:
        if hit.chunk and self._is_known(hit):
            return hit
        path = self.mapped(hit.path)
        chunk = "" if self.is_outside(path) and path else self._chunk(recall.at, path, hit)
        if chunk and not path:
            path = self.generation.chunks[self.generation.row_of[chunk]].path
        return msgspec.structs.replace(hit, path=path, chunk=chunk or hit.chunk, text="")

    def _is_known(self, hit: RecallHit) -> bool:
        """Whether the index has, or had, the chunk of a hit that was exported."""
        place = self.today(hit)
        return place.row is not None or place.gone_since is not None

    def mapped(self, path: str) -> str:
        """The note that a path of a foreign log means; a path outside the folder stays as it is."""
        if path not in self._mapped:
            self._mapped[path] = self._note_or_path(path)
        return self._mapped[path]

    def _note_or_path(self, path: str) -> str:
        if not path or "\0" in path:
            return ""
        normal = posixpath.normpath(path.removeprefix("file://"))
        if normal.startswith("/"):
            inside = self.roots.path_of(Path(normal))
            return normal if inside is None else self._named(inside)
        return normal if normal.startswith("../") or normal == ".." else self._named(normal)

    def _named(self, path: str) -> str:
        """The note with this path: as it is, below the name of a root's directory, without an
        ending, or the only one whose path ends so."""
        notes = self.generation.notes
        below = path
        for root in self.roots:
            if path.startswith(f"{root.path.name}/"):
                below = root.prefix + path.removeprefix(f"{root.path.name}/")
        for candidate in (path, below, *(path + end for end in _ENDINGS)):
            found = self.note_path(self.generation, candidate)
            if found in notes:
                return found
        if not self._names:
            for note in notes:
                self._names.setdefault(posixpath.basename(note), []).append(note)
        alike = [
            note
            for note in self._names.get(posixpath.basename(path), ())
            if note.endswith(f"/{path}")
        ]
        return alike[0] if len(alike) == 1 else below

    def _chunk(self, at: str, path: str, hit: RecallHit) -> str:
        """Id of the chunk that the hit meant at the time `at`; empty if that is not known."""
        rows = self.generation.rows(path) if path else range(len(self.generation.chunks))
        if hit.text:
            found = rows_containing(self.generation.chunks, rows, hit.text)
            if found:
                return self.generation.chunks[found[0]].id
        if not path or not hit.start_line:
            return ""
        then = _as_of(at, [self.generation.chunks[row] for row in rows], self._journal(path))
        best = max(then, key=lambda chunk: _shared_lines(chunk, hit), default=None)
        return best.id if best is not None and _shared_lines(best, hit) > 0 else ""

    def _gone(self, hit: RecallHit) -> Place:
        """When the hit's chunk, or its whole note, left the index."""
        if not hit.path or (not hit.chunk and hit.path in self.generation.notes):
            return Place(None)
        for entry in reversed(self._journal(hit.path)):
            removed = {chunk.id for chunk in entry.removed}
            if hit.chunk in removed or (not hit.chunk and removed):
                return Place(None, gone_since=entry.generation, gone_at=entry.at)
        return Place(None)

    def _journal(self, path: str) -> list[JournalEntry]:
        if path not in self._journals:
            self._journals[path] = self.index.journal(path)
        return self._journals[path]


def _as_of(
    at: str, chunks: Iterable[Chunk], journal: Sequence[JournalEntry]
) -> list[Chunk | RemovedChunk]:
    """The chunks of a note at the time `at`, as far back as the journal goes."""
    then: dict[str, Chunk | RemovedChunk] = {chunk.id: chunk for chunk in chunks}
    for entry in reversed(journal):
        added = {chunk.id for chunk in entry.added}
        before = {key: chunk for key, chunk in then.items() if key not in added}
        before |= {chunk.id: chunk for chunk in entry.removed}
        if entry.at <= at or not before:  # nothing older is known
            break
        then = before
    return list(then.values())


def _shared_lines(chunk: Chunk | RemovedChunk, hit: RecallHit) -> int:
    """Lines that chunk and hit have in common; of equals, the chunk with the first line wins."""
    first = max(chunk.start_line, hit.start_line)
    return min(chunk.end_line, hit.end_line or hit.start_line) - first + 1
