"""The index: four stores that hold one generation, changed by one writer.

A change is applied so that a kill at any instant leaves what the next start repairs by itself:
the intent is noted in the manifest, the stores are written, and one transaction of the manifest
makes it all true. What the stores hold beyond or short of the manifest is put right when the index
is opened, or before the next change where one failed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoded import Encoded, ToEncode
from membrowse.index.change_plan import NoteChange, Plan, Recipe, content_key, plan, vectors_for
from membrowse.index.chroma_store import ChromaStore
from membrowse.index.generation import Generation, IndexedNote, StoredVectors, rearranged
from membrowse.index.journal import JournalEntry
from membrowse.index.repair import discrepancies
from membrowse.index.sqlite import IndexCorrupt
from membrowse.index.stores import Stores, discard
from membrowse.index.token_store import TokenStore
from membrowse.index.vector_store import VectorStore, as_stored
from membrowse.notes.chunk import Chunk
from membrowse.notes.chunk_lineage import successors
from membrowse.wire.health import Discrepancy

_CHROMA_PATIENCE_SECONDS = 0.05

__all__ = [
    "Index",
    "IndexCorrupt",
    "NoteChange",
    "Recipe",
    "content_key",
    "discard",
]

log = logging.getLogger(__name__)


class Index:
    """The index of one folder, in a directory of its own.

    One thread at a time changes it (calls that change it take turns); any thread may read
    `generation`, which is replaced as a whole, and the stores.
    """

    def __init__(
        self, directory: Path, recipe: Recipe, *, token_budget: int, dimension: int
    ) -> None:
        self.directory = directory
        self._writing = threading.RLock()
        self._chroma_follows = threading.Event()
        self._chroma_follows.set()
        self._chroma_whole = False
        self._broken = False
        self._stores = Stores(directory, token_budget=token_budget, dimension=dimension)
        try:
            made_with = self._stores.manifest.recipe
            self.recipe = made_with if made_with and not recipe.encoder else recipe
            self.stale = self._stores.difference(self.recipe)
            """Which parts of the recipe differ from the one that the index was made with, or
            empty."""
            self.generation = self._stores.load(self.recipe)
            """The index as it is now; take it once and use it for a whole answer."""
        except BaseException:
            self._stores.close()
            raise

    @property
    def vectors(self) -> VectorStore:
        return self._stores.vectors

    @property
    def tokens(self) -> TokenStore:
        return self._stores.tokens

    @property
    def chroma(self) -> ChromaStore:
        return self._stores.chroma

    @property
    def notices(self) -> Sequence[str]:
        """What had to be repaired, in words, oldest first."""
        return self._stores.notices

    @classmethod
    def open(cls, directory: Path, recipe: Recipe, *, token_budget: int, dimension: int) -> Index:
        """Open the index in `directory`, or make an empty one; repairs what a killed process left.

        `token_budget` is in bytes, `dimension` the encoder's. A recipe without an encoder
        (it cannot be loaded) and a dimension of 0 stand for those that the index was made with.
        Raises `IndexCorrupt` where the manifest cannot be read (see `discard`); the other stores
        are made anew from it.
        """
        return cls(directory, recipe, token_budget=token_budget, dimension=dimension)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time; after one that failed half-way, the stores are repaired first."""
        with self._writing:
            if self._broken:
                self.generation = self._stores.load(self.recipe)
                self._broken = False
                while self._stores.write_chroma(self.generation):
                    pass
            try:
                yield
            except BaseException:
                self._broken = True
                raise

    def apply(
        self,
        changes: Sequence[NoteChange],
        encoded: Sequence[Encoded] = (),
        precision: str = "",
        published: Callable[[Generation], None] | None = None,
    ) -> Generation:
        """Index notes as they are now: one new generation, which is returned.

        It can be asked, and `published` is called, before Chroma has been brought up to it: no
        ranking waits for HNSW, which may take a second to move an entry.

        Chunks whose content key has a vector, in `encoded` or cached, have it at once; the others
        stay without. Raises `OSError` or `sqlite3.Error` where a store cannot be written (a full
        disk); the generation is then the one before, and the next change repairs the stores.
        """
        with self._changing():
            planned = plan(self.generation, changes, self.recipe.encoder)
            if not planned.changes:
                return self.generation if not encoded else self.add_vectors(encoded, precision)
            number = self.generation.number + 1
            self._stores.manifest.intend(planned.ids)
            self._reached("intent noted")
            self._store(encoded, precision)
            vectors = self._vectors_for(planned, encoded)
            self._write_keyword(planned)
            self._reached("keyword written")
            before = self.generation
            generation = Generation(
                number,
                planned.notes,
                planned.chunks,
                planned.keys,
                planned.row_of,
                self._stores.keyword.reader(planned.row_of, (before.keyword, planned.moved)),
                rearranged(before.vectors, planned.source, vectors),
            )
            self._confirm(planned, number)
            self._reached("confirmed")
            changed = planned.changed_ids
            changed.update(planned.chunks[row].id for row in vectors)
            self._publish(generation, changed, published)
            return generation

    def add_vectors(self, encoded: Sequence[Encoded], precision: str) -> Generation:
        """Store vectors and token vectors; one new generation if a chunk has use for them."""
        with self._changing():
            self._store(encoded, precision)
            came = {one.key: as_stored(one) for one in encoded}
            before = self.generation
            added = {row: came[key] for row, key in enumerate(before.keys) if key in came}
            if not added:
                return before
            source = np.arange(len(before.keys), dtype=np.int64)
            table = rearranged(before.vectors, source, added)
            generation = replace(before, number=before.number + 1, vectors=table)
            self._stores.manifest.raise_generation(generation.number)
            self._reached("confirmed")
            self._publish(generation, {before.chunks[row].id for row in added}, None)
            return generation

    def _publish(
        self,
        generation: Generation,
        changed: Collection[str],
        published: Callable[[Generation], None] | None,
    ) -> None:
        """Let `generation` be read; then Chroma follows, for the chunk ids `changed`."""
        self._chroma_follows.clear()
        try:
            self.generation = generation
            if published is not None:
                published(generation)
        finally:
            try:
                self._stores.write_chroma(generation, changed)
                self._reached("chroma written")
            finally:
                self._chroma_follows.set()
        self._prune()

    def touch(self, notes: Sequence[IndexedNote]) -> Generation:
        """Note other sizes and times of notes whose content did not change; the generation's number
        stays."""
        with self._changing():
            known = {note.path: note for note in notes if note.path in self.generation.notes}
            self._stores.manifest.touch(known.values())
            self.generation = replace(self.generation, notes={**self.generation.notes, **known})
            return self.generation

    def clear(self, recipe: Recipe) -> Generation:
        """Forget notes and chunks, to build the index again with `recipe`.

        Cached vectors and the history (journal, successors) stay.
        """
        with self._changing():
            self.vectors.keep_for_now(self.generation.keys)
            number = self._stores.manifest.generation + 1
            self._stores.manifest.clear(recipe, number)
            self._reached("manifest cleared")
            self._stores.keyword.clear()
            self._reached("keyword cleared")
            self.chroma.clear()
            self.recipe = recipe
            self.stale = ""
            self.generation = self._stores.empty(number)
            return self.generation

    def open_chroma(self) -> None:
        """Open Chroma (slow: call it on a thread of its own) and bring it up to date, in steps
        between which changes may be applied."""
        self.chroma.open()
        self._stores.note_remade()
        self._fill_chroma()
        with self._writing:
            self.tokens.delete(self.tokens.keys() - self.vectors.keys())

    def renew_chroma(self) -> None:
        """Make Chroma's collection anew if it holds little but deleted entries, in such steps."""
        with self._writing:
            if not self.chroma.opened or not self.chroma.wasteful:
                return
            self._chroma_whole = False
            self.chroma.clear()
        self._fill_chroma()

    def _fill_chroma(self) -> None:
        while True:
            with self._writing:
                if not self._stores.write_chroma(self.generation):
                    self._chroma_whole = True
                    break

    def _reached(self, step: str) -> None:
        """Called between any two writes: an instant at which the process may die."""
        log.debug("%s", step)

    def _store(self, encoded: Sequence[Encoded], precision: str) -> None:
        if encoded:
            self.vectors.put(encoded, precision)
            self._reached("vectors stored")
            self.tokens.put(encoded)
            self._reached("token vectors stored")

    def _vectors_for(self, planned: Plan, encoded: Sequence[Encoded]) -> dict[int, StoredVectors]:
        """By new row: vectors that the generation before did not have."""
        came = {one.key: as_stored(one) for one in encoded}
        return vectors_for(self.generation, planned, came, self.vectors.get)

    def _write_keyword(self, planned: Plan) -> None:
        reader = self.generation.keyword
        row_of = self.generation.row_of
        dead = [reader.number(row_of[chunk.id]) for chunk in planned.removed]
        if not dead and not planned.documents:
            return
        try:
            self._stores.keyword.commit(
                (number for number in dead if number >= 0), planned.documents
            )
        except OSError:
            raise
        except Exception as error:  # Whoosh's parsers raise anything on damaged files
            self._stores.write_keyword_anew(planned.chunks, planned.notes, error)

    def _confirm(self, planned: Plan, number: int) -> None:
        before = [
            self.generation.chunks[row]
            for path in planned.changes
            for row in self.generation.rows(path)
        ]
        after = [chunk for change in planned.changes.values() for chunk in change.chunks]
        self._stores.manifest.confirm(
            number,
            planned.changes,
            planned.notes,
            planned.added,
            planned.removed,
            successors(before, after),
        )

    def _prune(self) -> None:
        removed = self.vectors.prune(frozenset(self.generation.keys))
        if removed:
            self.tokens.delete(removed)

    def to_encode(self, chunks: Sequence[Chunk]) -> list[ToEncode]:
        """`chunks` as an encoder wants them, under their content keys."""
        return [
            ToEncode(content_key(chunk, self.recipe.encoder), chunk.header, chunk.text)
            for chunk in chunks
        ]

    def unencoded(self) -> list[ToEncode]:
        """What has no vector yet, in canonical order, each content once."""
        generation = self.generation
        wanted: dict[str, ToEncode] = {}
        for row in np.flatnonzero(~generation.encoded).tolist():
            chunk, key = generation.chunks[row], generation.keys[row]
            wanted.setdefault(key, ToEncode(key, chunk.header, chunk.text))
        return list(wanted.values())

    def cached(self, keys: Collection[str]) -> set[str]:
        """Those of the content `keys` that have vectors."""
        return self.vectors.has(keys)

    def approximate(self, vector: NDArray[np.float32], n: int) -> list[str] | None:
        """What Chroma's HNSW finds: see `ChromaStore.approximate`. None, too, where Chroma lacks
        something after a short wait: it has been opened just now, or a change is on its way."""
        if not self._chroma_whole or not self._chroma_follows.wait(_CHROMA_PATIENCE_SECONDS):
            return None
        return self.chroma.approximate(vector, n)

    def successor(self, chunk: str) -> str | None:
        """The live chunk that took the place of `chunk` (itself, if it lives), or None."""
        row_of = self.generation.row_of
        if chunk in row_of:
            return chunk
        found = self._stores.manifest.successor(chunk)
        return found if found in row_of else None

    def journal(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]:
        """What generations from `since` on added and removed (of the note at `path`)."""
        return self._stores.manifest.history(path, since=since)

    def check(self) -> list[Discrepancy]:
        """All stores against each other; Chroma is opened and brought up to date before if that has
        not happened yet."""
        if not self._chroma_whole and not self.chroma.problem:
            self.open_chroma()
        with self._writing:
            return discrepancies(
                self.generation,
                self._stores.manifest.content(),
                self._stores.keyword,
                self.vectors,
                self.chroma,
                self.tokens,
            )

    def sizes(self) -> dict[str, int]:
        """Bytes on disk of each store."""
        return self._stores.sizes()

    def close(self) -> None:
        """Finish the change at hand and close all files.

        Who still holds a generation can read it to the end; `generation` is empty from now on.
        """
        with self._writing:
            self.generation = self._stores.empty(self.generation.number)
            self._stores.close()
