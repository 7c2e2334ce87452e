"""The index: stores that together hold one generation, changed by one writer.

A change is applied so that a kill at any instant leaves a state that the next start repairs: the
manifest records the intent, the stores are written, and one transaction of the manifest confirms
the change. Differences between the stores and the manifest are repaired when the index is opened,
or before the next change if one failed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoder import EncodedText, EncoderInput
from membrowse.index.batches import batched
from membrowse.index.change_plan import ChangePlan, NoteChange, new_vectors, plan_changes
from membrowse.index.chunk_table import ChunkRows
from membrowse.index.discrepancies import find_discrepancies
from membrowse.index.encoder_inputs import missing_inputs, unencoded_inputs
from membrowse.index.generation import EmbeddedGeneration, Generation, IndexedNote
from membrowse.index.history import History
from membrowse.index.index_directory import IndexDirectory
from membrowse.index.journal import DEFAULT_RETENTION, JournalEntry, Retention
from membrowse.index.keyword_store import failed_access
from membrowse.index.manifest import Recipe
from membrowse.index.vector_table import empty_vector_table, rearrange, vectors_by_key
from membrowse.wire.health import DAMAGED, Discrepancy

_CHROMA_WAIT_SECONDS = 0.05
_CHROMA_AT_ONCE = 200
"""Chunks of a change with which Chroma follows at once; HNSW takes a millisecond or two for each,
so that more are left to `fill_chroma`."""
_CHROMA_STEP = 100
_CHECKED_AT_ONCE = 500
"""Entries of Chroma, between which changes may be applied."""
_BETWEEN_STEPS_SECONDS = 0.005
"""Shortest pause between two steps, in which a waiting change gets its turn. It lasts as long as a
step if that took longer: Chroma stops all threads meanwhile (it keeps Python's global lock)."""

log = logging.getLogger(__name__)


class Index:
    """The index of one folder, in its own directory.

    Calls that change it take turns; any thread may read the stores and `generation`, which is
    replaced as a whole.
    """

    def __init__(
        self,
        directory: Path,
        recipe: Recipe,
        *,
        token_budget: int,
        dimension: int,
        retention: Retention = DEFAULT_RETENTION,
        hnsw: bool = True,
    ) -> None:
        """Open the index in `directory`, or create an empty one; repairs what a kill left behind.

        `token_budget` is in bytes, `dimension` is the encoder's. A recipe without an encoder (which
        cannot be loaded) and a dimension of 0 stand for those of the existing index. Without
        `hnsw`, Chroma is never opened. Raises `IndexTooNew` if a later version made it, and
        `IndexCorrupt` if the manifest cannot be read (see `discard`); the other stores are
        recreated from it.
        """
        self.directory = directory
        self._writing = threading.RLock()
        self._chroma_in_step = threading.Event()
        self._chroma_in_step.set()
        self._hnsw = hnsw
        self._chroma_filled = False
        self._needs_repair = False
        self._closing = threading.Event()
        self._stores = IndexDirectory(
            directory, token_budget=token_budget, dimension=dimension, retention=retention
        )
        self._local = self._stores.local
        self.vectors = self._stores.vectors
        self.tokens = self._stores.tokens
        self.chroma = self._stores.chroma
        self._history = History(self._stores.manifest, self._mend_manifest)
        try:
            made_with = self._stores.manifest.recipe
            self.recipe = made_with if made_with and not recipe.encoder else recipe
            self.stale = self._local.difference(self.recipe)
            """How the recipe differs from the one the index was made with, or empty."""
            self._made_with = made_with or self.recipe
            self.generation = self._stores.load(self.recipe)
            """The current state; read it once and use it for a whole answer."""
        except BaseException:
            self._stores.close()
            raise

    @contextmanager
    def _exclusive_change(self) -> Iterator[None]:
        """Allow one change at a time; after a failed change, repair the stores first."""
        with self._writing:
            if self._needs_repair:
                self._mend_manifest()
                self.generation = self._stores.load(self.recipe)
                self._needs_repair = False
                self._chroma_filled = False
                self.fill_chroma()
            try:
                yield
            except BaseException:
                self._needs_repair = True
                raise

    def apply(
        self,
        changes: Sequence[NoteChange],
        encoded: Sequence[EncodedText] = (),
        precision: str = "",
        published: Callable[[Generation], None] | None = None,
    ) -> EmbeddedGeneration:
        """Index changed notes and return the new generation.

        The generation can be queried, and `published` is called, before Chroma follows: no ranking
        waits for HNSW, which may take a second to move an entry.

        Chunks whose content key has vectors, in `encoded` or stored, are encoded at once; the
        others stay without vectors. Raises `OSError` or `sqlite3.Error` if a store cannot be
        written (a full disk); the generation is then unchanged, and the next change repairs the
        stores.
        """
        with self._exclusive_change():
            plan = plan_changes(self.generation, changes, self.recipe.encoder)
            if not plan.changes:
                return self.generation if not encoded else self.add_vectors(encoded, precision)
            number = self.generation.number + 1
            intended = plan.ids
            self._stores.manifest.intend(intended)
            self._fault_point("intent recorded")
            self._local.store_vectors(encoded, precision, evict=True, fault_point=self._fault_point)
            before = self.generation
            vectors = new_vectors(before, plan, vectors_by_key(encoded), self.vectors.get)
            self._write_keyword(plan)
            self._fault_point("keyword written")
            generation = EmbeddedGeneration(
                number,
                plan.notes,
                plan.chunks,
                self._stores.keyword.reader(ChunkRows(plan.chunks), (before.keyword, plan.moved)),
                rearrange(before.vectors, plan.source, vectors),
            )
            self._stores.manifest.confirm(number, plan, intended)
            self._fault_point("confirmed")
            changed = plan.changed_ids
            changed.update(plan.chunks.id(row) for row in vectors)
            self._publish(generation, changed, published)
            return generation

    def add_vectors(self, encoded: Sequence[EncodedText], precision: str) -> EmbeddedGeneration:
        """Store vectors and token vectors; makes a new generation if a chunk needs them.

        Token vectors fill the budget and evict none: those that came first are of notes changed
        last.
        """
        with self._exclusive_change():
            self._local.store_vectors(
                encoded, precision, evict=False, fault_point=self._fault_point
            )
            by_key = vectors_by_key(encoded)
            before = self.generation
            added = {row: by_key[key] for row, key in before.chunks.rows_with(by_key).items()}
            if not added:
                return before
            source = np.arange(len(before.keys), dtype=np.int64)
            table = rearrange(before.vectors, source, added)
            generation = replace(before, number=before.number + 1, vectors=table)
            self._stores.manifest.raise_generation(generation.number)
            self._fault_point("confirmed")
            self._publish(generation, {before.chunks.id(row) for row in added}, None)
            return generation

    def _publish(
        self,
        generation: EmbeddedGeneration,
        changed: Collection[str],
        published: Callable[[Generation], None] | None,
    ) -> None:
        """Make `generation` current, then let Chroma follow for the chunk ids `changed`."""
        self._chroma_in_step.clear()
        try:
            self.generation = generation
            if published is not None:
                published(generation)
        finally:
            try:
                if len(changed) > _CHROMA_AT_ONCE:
                    self._chroma_filled = False  # see `fill_chroma`
                else:
                    self._stores.sync_chroma(generation, changed)
                    self._fault_point("chroma written")
            finally:
                self._chroma_in_step.set()
        self._local.prune(generation)

    def touch(self, notes: Sequence[IndexedNote]) -> Generation:
        """Record new sizes and times of notes whose content is unchanged.

        The generation's number stays the same.
        """
        with self._exclusive_change():
            known = {note.path: note for note in notes if note.path in self.generation.notes}
            self._stores.manifest.touch(known.values())
            self.generation = replace(self.generation, notes={**self.generation.notes, **known})
            return self.generation

    def adopt_recipe(self) -> None:
        """Let all notes count as indexed with `recipe`, which the caller has seen to.

        If the analyser is another one, the keyword index is written again.
        """
        with self._exclusive_change():
            if self._made_with.analyser != self.recipe.analyser:
                generation = self.generation
                self._stores.keyword.rewrite(generation.chunks, generation.notes)
                reader = self._stores.keyword.reader(generation.row_of)
                number = generation.number + 1
                self._stores.manifest.raise_generation(number)
                self.generation = replace(generation, number=number, keyword=reader)
            self._stores.manifest.begin(self.recipe)
            self._made_with, self.stale = self.recipe, ""

    def clear(self, recipe: Recipe) -> Generation:
        """Remove all notes and chunks, to rebuild the index with `recipe`.

        Stored vectors and the history (journal, successors) stay.
        """
        with self._exclusive_change():
            self.vectors.renew(self.generation.keys)
            number = self._stores.manifest.generation + 1
            self._stores.manifest.clear(recipe, number)
            self._fault_point("manifest cleared")
            self._stores.keyword.clear()
            self._fault_point("keyword cleared")
            self.chroma.clear()
            self.recipe = self._made_with = recipe
            self.stale = ""
            self.generation = self._stores.empty(number)
            return self.generation

    def change_dimension(self, dimension: int) -> None:
        """Expect vectors of `dimension` from now on; no chunk has one until they come."""
        with self._exclusive_change():
            generation = self.generation
            if dimension == generation.vectors.dimension:
                return
            self._stores.change_dimension(dimension)
            self._empty_chroma()
            table = empty_vector_table(len(generation.chunks), dimension)
            number = generation.number + 1
            self._stores.manifest.raise_generation(number)
            self.generation = replace(generation, number=number, vectors=table)

    def purge(self, condition: Callable[[JournalEntry], bool]) -> int:
        """Remove the history that satisfies `condition` from all stores, to the last byte.

        So is every trace of removed chunks, such as vectors kept for their return. Returns the
        number of journal entries removed.
        """
        with self._exclusive_change():
            self._chroma_filled = False
            purged = self._stores.purge(self.generation, condition)
            reader = self._stores.keyword.reader(self.generation.row_of)
            self.generation = replace(self.generation, keyword=reader)
        self.fill_chroma()
        return purged

    def trim_history(self) -> None:
        """Delete history that is older than the retention allows."""
        with self._exclusive_change():
            self._stores.manifest.trim()

    def open_chroma(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Open Chroma, if there is one (slow: use a separate thread), and bring it up to date; see
        `fill_chroma`."""
        if self._hnsw:
            self._chroma_filled = False
            self.chroma.open()
            self.fill_chroma(wanted)
        with self._writing:
            self._local.delete_orphaned_tokens()

    def compact_chroma(self) -> None:
        """Recreate Chroma's collection if it consists mostly of deleted entries.

        Changes may be applied between the steps.
        """
        with self._writing:
            if not self.chroma.opened or not self.chroma.wasteful:
                return
            self._empty_chroma()
        self.fill_chroma()

    def _empty_chroma(self) -> None:
        self._chroma_filled = False
        self.chroma.clear()

    def fill_chroma(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Bring Chroma, if it is open, up to date, as long as it is `wanted`.

        Changes may be applied between the steps.
        """
        while not self._chroma_filled and wanted():
            with self._writing:
                missing = self._stores.chroma_differences(self.generation)
                if not missing:
                    self._chroma_filled = True
                    return
            took = 0.0
            for step in batched(missing, _CHROMA_STEP):
                if self._closing.wait(max(took, _BETWEEN_STEPS_SECONDS)) or not wanted():
                    return
                with self._writing:
                    started = time.monotonic()
                    self._stores.sync_chroma(self.generation, step)
                    took = time.monotonic() - started

    def _fault_point(self, step: str) -> None:
        """Called between any two writes: an instant at which the process may die."""
        log.debug("%s", step)

    def _write_keyword(self, plan: ChangePlan) -> None:
        reader = self.generation.keyword
        row_of = self.generation.row_of
        numbers = [reader.document_number(row_of[chunk.id]) for chunk in plan.removed]
        if not numbers and not plan.documents:
            return
        try:
            self._stores.keyword.commit(
                (number for number in numbers if number >= 0), plan.documents
            )
        except Exception as error:  # Whoosh's parsers raise anything on damaged files
            if failed_access(error):
                raise
            self._stores.rewrite_keyword(plan.chunks, plan.notes, error)

    def missing_inputs(self, changes: Iterable[NoteChange]) -> list[EncoderInput]:
        """Encoder inputs of changed chunks without stored vectors, each once, sorted by key."""
        return missing_inputs(changes, self.recipe.encoder, self.vectors)

    def unencoded(self) -> list[EncoderInput]:
        """Encoder inputs of all chunks without vectors, each once, notes changed last first."""
        return list(unencoded_inputs(self.generation))

    def approximate_nearest(self, vector: NDArray[np.float32], n: int) -> list[str] | None:
        """Return the ids of the `n` chunks nearest to `vector` [d] according to Chroma's HNSW.

        None if Chroma is not open, or still lacks entries after a short wait.
        """
        if not self._chroma_filled or not self._chroma_in_step.wait(_CHROMA_WAIT_SECONDS):
            return None
        try:
            return self.chroma.approximate_nearest(vector, n)
        except Exception as error:  # keyword and vectors work without Chroma
            with self._writing:
                self.chroma.fail(error)
            return None

    def successor(self, chunk: str) -> str | None:
        """Return the id of the live chunk that replaced `chunk` (itself if live), or None."""
        return self._history.successor(chunk, self.generation.row_of)

    def journal(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]:
        """What generations from `since` on added and removed (of the note at `path`)."""
        return self._history.entries(path, since=since)

    def _mend_manifest(self) -> None:
        with self._writing:
            self._local.mend_manifest(self.generation, self._made_with)

    def check(self) -> list[Discrepancy]:
        """Check every byte of the stores and compare them with each other.

        Damaged entries are listed, and made again from the current generation. Opens Chroma, if
        there is one, and brings it up to date first if necessary.
        """
        if not (self._chroma_filled and self.chroma.opened):
            try:
                self.open_chroma()
            except Exception as error:  # the other stores are checked without Chroma
                self.chroma.fail(error)
        replaced = self._mend_chroma()
        replaced |= self._local.mend_vectors(self.generation, self.generation.vectors)
        with self._writing:
            mended = self._stores.mend(self.generation, self._made_with)
            if "keyword" in mended:
                reader = self._stores.keyword.reader(self.generation.row_of)
                self.generation = replace(self.generation, keyword=reader)
            damaged = [
                Discrepancy(store=store, kind=DAMAGED, count=count)
                for store, count in (mended | replaced).items()
            ]
            found = damaged + find_discrepancies(
                self.generation,
                self._stores.manifest.content(),
                self._stores.keyword,
                self.vectors,
                self.chroma,
                self.tokens,
            )
            self._local.note_check()
            return found

    def repair(self) -> None:
        """Make the stores equal to the current generation again, entry by entry."""
        with self._writing:
            self._needs_repair = True
            with self._exclusive_change():
                self._local.delete_orphaned_tokens()

    def _mend_chroma(self) -> dict[str, int]:
        """Check Chroma, and fill it again if it is damaged; damaged entries by store."""
        damaged = self._damaged_in_chroma()
        if not damaged:
            return {}
        with self._writing:
            self._empty_chroma()
        self.fill_chroma()
        return {"chroma": damaged}

    def _damaged_in_chroma(self) -> int:
        with self._writing:
            ids = list(self.chroma.keys)
            if self._stores.chroma_decayed():
                return max(1, len(ids))
        damaged = 0
        for batch in batched(ids, _CHECKED_AT_ONCE):
            with self._writing:
                damaged += self._stores.check_chroma(self.generation, batch)
        return damaged

    @property
    def last_check(self) -> float:
        """When (seconds since the epoch) `check` last read everything; 0 if never."""
        return self._local.last_check

    @property
    def store(self) -> str:
        """Chunks and vectors are kept in files beside the index."""
        return ""

    @property
    def problem(self) -> str:
        """The stores are files of this machine: if one fails, so does the call."""
        return ""

    @property
    def unstored(self) -> int:
        """Every change is in the stores when the generation is."""
        return 0

    def listen(self, changed: Callable[[], None]) -> None:
        """Nothing changes by itself."""

    @property
    def hnsw_problem(self) -> str:
        """Why Chroma cannot be used, or empty."""
        return self.chroma.problem

    def sizes(self) -> dict[str, int]:
        """Bytes on disk of each store."""
        return self._stores.sizes()

    def close(self) -> None:
        """Finish the current change and close all files.

        A generation that a reader still holds stays readable; `generation` becomes empty.
        """
        self._closing.set()
        with self._writing:
            self.generation = self._stores.empty(self.generation.number)
            self._stores.close()
