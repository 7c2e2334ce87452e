"""The index of one folder with its chunks in Milvus.

The manifest on this machine is the truth, as for the embedded stores: it records the intent, Milvus
is written, and one transaction confirms the generation. Rows that are no longer in it are removed
after that. Whatever a kill or a lost connection leaves undone stays recorded as an intent. It is
repaired in the background, a batch at a time between changes, until it succeeds: notes come from
the manifest, vectors from the store beside it, so that nothing is read or encoded twice.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import compress, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from membrowse import paths
from membrowse.counts import counted
from membrowse.encoding.encoder import EncodedText, EncoderInput
from membrowse.index.batches import batched
from membrowse.index.change_plan import ChangePlan, NoteChange, plan_changes
from membrowse.index.chunk_table import ChunkTable, ContentKeys
from membrowse.index.encoder_inputs import missing_inputs, unencoded_inputs
from membrowse.index.generation import Generation, IndexedNote
from membrowse.index.history import History
from membrowse.index.journal import JournalEntry, Retention
from membrowse.index.keyword_document import document
from membrowse.index.local_stores import TERMS, LocalStores
from membrowse.index.manifest import ANY_CHUNK, FORMAT, IndexCorrupt, Recipe
from membrowse.index.milvus.collections import CollectionRecord, MilvusCollections
from membrowse.index.milvus.comparison import Comparison, compared
from membrowse.index.milvus.connection import Address, MilvusConnection
from membrowse.index.milvus.reader import Bm25Constants, MilvusReader
from membrowse.index.milvus.term_counts import COUNTING, UNCOUNTED, TermCounts
from membrowse.index.milvus.term_weights import AnalysedChunk
from membrowse.index.store_errors import StoreUnavailable
from membrowse.index.vector_table import Mask, VectorTable
from membrowse.notes.chunk import Chunk
from membrowse.settings import StoreSettings, VectorIndex
from membrowse.wire.health import DAMAGED, Discrepancy

log = logging.getLogger(__name__)

_REPAIR_SECONDS = 3.0
"""Time between two attempts."""
_WRITTEN_AT_ONCE = 1000
"""Chunks whose terms or vectors are in memory together."""
_REPAIRED_AT_ONCE = 200
"""Chunks, between which changes may be applied."""
_BETWEEN_BATCHES_SECONDS = 0.005
"""Pause in which a waiting change gets its turn."""
_NEVER = -1
_CLOSE_SECONDS = 5.0
"""Time that the current change gets before the connection is closed."""


class MilvusIndex:
    """See `protocols.SearchIndex`.

    Calls that change it take turns; any thread may read the stores and `generation`, which is
    replaced as a whole.
    """

    def __init__(
        self,
        directory: Path,
        recipe: Recipe,
        store: StoreSettings,
        constants: Bm25Constants,
        *,
        token_budget: int,
        dimension: int,
        retention: Retention,
    ) -> None:
        """Open the index in `directory`, or create an empty one, without waiting for Milvus.

        Raises `IndexTooNew` and `IndexCorrupt` like `index.Index`.
        """
        self.directory = directory
        self._constants = constants
        self._exact = store.vector_index is VectorIndex.FLAT
        self._writing = threading.RLock()
        self._repairing = threading.Lock()
        self._closing = threading.Event()
        self._repair_wanted = threading.Event()
        self._announce: Callable[[], None] = lambda: None
        with ExitStack() as opened:
            self._local = LocalStores(
                directory, token_budget=token_budget, dimension=dimension, retention=retention
            )
            opened.callback(self._local.close)
            for embedded in ("keyword", "chroma"):  # they would be outdated if used again
                shutil.rmtree(directory / embedded, ignore_errors=True)
            self._manifest = self._local.manifest
            self._history = History(self._manifest, self._mend_manifest)
            self.vectors, self.tokens = self._local.vectors, self._local.tokens
            self._counts = TermCounts(directory / TERMS, self._repair_wanted.set)
            opened.callback(self._counts.close)
            self._connection = MilvusConnection(Address.of(store.uri, directory), directory)
            opened.callback(self._connection.close)
            self._record = CollectionRecord(directory / "milvus", dimension, store.vector_index)
            self._collections = MilvusCollections(self._connection, self._record)
            made_with = self._manifest.recipe
            self.recipe = made_with if made_with and not recipe.encoder else recipe
            self.stale = self._local.difference(self.recipe)
            self._made_with = made_with or self.recipe
            self.generation = self._load()
            self._failed = False
            """Whether the last change failed, so that the manifest is read again."""
            self._doubtful: dict[str, bool] = {}
            """Chunks whose rows may differ from the manifest; whether Milvus may have any rows."""
            self._any_doubtful = False
            """Whether the rows of any other chunk may differ."""
            self._changed: set[str] | None = None
            """Ids of chunks that changed since a comparison began; None if there is none."""
            self._counted_on = _NEVER
            """Number of the connection on which Milvus had as many chunks as the manifest."""
            self._mend_counts(self.generation)
            self._read_intent()
            self._opened = opened.pop_all()
        self._repair_wanted.set()
        self._repairs = threading.Thread(target=self._keep_repaired, name="milvus", daemon=True)
        self._repairs.start()

    def _load(self) -> Generation:
        """The generation that the manifest describes."""
        if self._manifest.format != FORMAT:
            return self._empty(self._manifest.generation)
        content = self._manifest.content()
        chunks = content.table(self.recipe.encoder)
        stored = self.vectors.keys()
        encoded = np.array([key in stored for key in ContentKeys(chunks)], np.bool_)
        return self._generation(self._manifest.generation, content.notes, chunks, encoded)

    def _generation(
        self,
        number: int,
        notes: Mapping[str, IndexedNote],
        chunks: ChunkTable,
        encoded: Mask,
    ) -> Generation:
        reader = MilvusReader(
            self._collections,
            self._counts,
            self.vectors,
            notes,
            chunks,
            encoded,
            self._constants,
            self._exact,
        )
        table = _without_vectors(encoded)
        return Generation(number, notes, chunks, reader, table, best_chunks=reader)

    def _empty(self, number: int) -> Generation:
        return self._generation(number, {}, ChunkTable([]), np.zeros(0, np.bool_))

    @property
    def store(self) -> str:
        return str(self._connection.address)

    @property
    def problem(self) -> str:
        return self._connection.problem or ("" if self._counts.complete else COUNTING)

    @property
    def unstored(self) -> int:
        """Chunks whose rows may differ: all before Milvus has been compared."""
        known = self._doubtful or self._counted_on != _NEVER
        return len(self._doubtful if known and not self._any_doubtful else self.generation.chunks)

    def listen(self, changed: Callable[[], None]) -> None:
        self._announce = changed

    @property
    def hnsw_problem(self) -> str:
        return ""

    @contextmanager
    def _exclusive_change(self) -> Iterator[None]:
        """Allow one change at a time; after a failed one, go back to what the manifest says."""
        with self._writing:
            if self._failed:
                self._recover()
            with self._noting_failure():
                yield

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._failed = True
            self._repair_wanted.set()
            raise

    def apply(
        self,
        changes: Sequence[NoteChange],
        encoded: Sequence[EncodedText] = (),
        precision: str = "",
        published: Callable[[Generation], None] | None = None,
    ) -> Generation:
        """Index changed notes and return the new generation. See `index.Index.apply`.

        Raises `StoreUnavailable` as well; vectors are kept for the next attempt.
        """
        with self._exclusive_change():
            plan = plan_changes(self.generation, changes, self.recipe.encoder)
            if not plan.changes and not encoded:
                return self.generation
            changed = plan.changed_ids | self._ids_of(encoded)
            self._intend(changed)
            self._fault_point("intent recorded")
            self._local.store_vectors(encoded, precision, evict=True, fault_point=self._fault_point)
            if not plan.changes:
                return self._add_stored(encoded)
            number = self.generation.number + 1
            kept = self._kept_vectors(plan)
            mask = self._encoded_mask(plan, kept, encoded)
            self._write_rows(plan.added, plan.notes)
            new_rows = self._new_passage_rows(plan, mask, mask & ~kept)
            self._write_passages(plan.chunks, new_rows, self._outdated_passages(plan))
            self._fault_point("milvus written")
            generation = self._generation(number, plan.notes, plan.chunks, mask)
            removed = {chunk.id for chunk in plan.removed} - generation.row_of.keys()
            self._counts.change(number, self._term_changes(plan))
            self._fault_point("terms counted")
            self._manifest.confirm(number, plan, self._settled_ids(changed - removed))
            self._fault_point("confirmed")
            self.generation = generation
            if published is not None:
                published(generation)
            self._remove(removed)
            self._local.prune(generation)
            return generation

    def add_vectors(self, encoded: Sequence[EncodedText], precision: str) -> Generation:
        """Store vectors and token vectors; makes a new generation if a chunk needs them.

        They are stored before this waits for its turn.
        """
        with self._noting_failure():
            self._manifest.intend(self._ids_of(encoded))
            self._local.store_vectors(
                encoded, precision, evict=False, fault_point=self._fault_point
            )
        with self._exclusive_change():
            return self._add_stored(encoded)

    def _ids_of(self, encoded: Sequence[EncodedText]) -> set[str]:
        """Ids of the chunks without vectors that get them."""
        generation = self.generation
        return {generation.chunks.id(row) for row in _rows_for(generation, encoded)}

    def _add_stored(self, encoded: Sequence[EncodedText]) -> Generation:
        """Bring vectors that are in the local store to Milvus."""
        before = self.generation
        rows = _rows_for(before, encoded)
        if not rows:
            return before
        changed = {before.chunks.id(row) for row in rows}
        self._intend(changed)
        self._write_passages(before.chunks, rows)
        self._fault_point("milvus written")
        mask = before.encoded.copy()
        mask[rows] = True
        number = before.number + 1
        self._counts.change(number, {})
        self._manifest.raise_generation(number)
        self._fault_point("confirmed")
        self.generation = self._generation(number, before.notes, before.chunks, mask)
        self._manifest.settle(self._settled_ids(changed))
        return self.generation

    def _intend(self, changed: set[str]) -> None:
        """Record that the rows of these chunks are about to change."""
        self._manifest.intend(changed)
        if self._changed is not None:
            self._changed |= changed

    def _settled_ids(self, changed: set[str]) -> set[str]:
        """Those of the `changed` chunks that need no repair; the others have rows now."""
        doubtful = changed & self._doubtful.keys()
        self._doubtful.update(dict.fromkeys(doubtful, True))
        return changed - doubtful

    def _kept_vectors(self, plan: ChangePlan) -> Mask:
        """Which of the new rows had vectors before, in the same note."""
        kept: Mask = plan.source >= 0
        kept[kept] = self.generation.encoded[plan.source[kept]]
        return kept

    def _encoded_mask(self, plan: ChangePlan, kept: Mask, encoded: Sequence[EncodedText]) -> Mask:
        """Which of the new rows have vectors in the local store."""
        keys, mask = ContentKeys(plan.chunks), kept.copy()
        changed = plan.changed_rows()
        stored = self.vectors.has({keys[row] for row in changed})
        for row in changed:
            mask[row] = keys[row] in stored
        new = {text.key for text in encoded}
        if new and not mask.all():
            mask |= np.fromiter((key in new for key in keys), np.bool_, len(keys))
        return mask

    def _new_passage_rows(self, plan: ChangePlan, mask: Mask, new: Mask) -> list[int]:
        """Rows with vectors whose passages Milvus does not have under their ids."""
        before, keys = self.generation, ContentKeys(plan.chunks)
        return [
            row
            for row in sorted({*plan.changed_rows(), *np.flatnonzero(new).tolist()})
            if mask[row]
            and not (
                (old := before.chunks.row(plan.chunks.id(row))) >= 0
                and before.encoded[old]
                and before.keys[old] == keys[row]
            )
        ]

    def _outdated_passages(self, plan: ChangePlan) -> set[str]:
        """Ids of chunks that stay, while what is encoded of them changes, as their title does."""
        before, keys, encoded = self.generation, ContentKeys(plan.chunks), self.generation.encoded
        return {
            plan.chunks.id(row)
            for row in plan.changed_rows()
            if (old := before.chunks.row(plan.chunks.id(row))) >= 0
            and encoded[old]
            and before.keys[old] != keys[row]
        }

    def _write_rows(self, chunks: Sequence[Chunk], notes: Mapping[str, IndexedNote]) -> None:
        for batch in batched(chunks, _WRITTEN_AT_ONCE):
            self._require_open()
            vectors = [
                AnalysedChunk(document(chunk, notes[chunk.path])).vector(
                    self._constants.k1, self._constants.b
                )
                for chunk in batch
            ]
            self._collections.write_chunks(batch, vectors)

    def _write_passages(
        self, chunks: ChunkTable, rows: Sequence[int], outdated: Collection[str] = ()
    ) -> None:
        """Write the passages of these rows, then remove others of the chunks `outdated`.

        In this order, no query finds a chunk without passages meanwhile.
        """
        keys, written = ContentKeys(chunks), dict[str, int]()
        for batch in batched(rows, _WRITTEN_AT_ONCE):
            self._require_open()
            stored = self.vectors.get({keys[row] for row in batch})
            passages = {
                chunks.id(row): (chunks[row].path, stored[keys[row]].passage_vectors)
                for row in batch
                if keys[row] in stored
            }
            self._collections.write_passages(passages)
            written |= {
                chunk: len(vectors) for chunk, (_, vectors) in passages.items() if chunk in outdated
            }
        self._collections.delete_passages(outdated, written)

    def _require_open(self) -> None:
        if self._closing.is_set():
            raise StoreUnavailable(f"{self.store} is closed")

    def _remove(self, ids: set[str]) -> None:
        """Remove rows that the confirmed generation does not have; no note depends on it."""
        if not ids:
            return
        try:
            self._collections.delete_passages(ids)
            self._fault_point("passages removed")
            self._collections.delete_chunks(ids)
        except StoreUnavailable:
            self._doubtful.update(dict.fromkeys(ids, True))
            self._repair_wanted.set()
        else:
            self._settle(ids)

    def _settle(self, ids: Iterable[str]) -> None:
        """The rows of these chunks are those of the manifest."""
        ids = list(ids)
        self._manifest.settle(ids)
        for chunk in ids:
            self._doubtful.pop(chunk, None)

    def _term_changes(self, plan: ChangePlan) -> dict[str, int]:
        change: Counter[str] = Counter()
        for chunk in plan.added:
            change.update(AnalysedChunk(document(chunk, plan.notes[chunk.path])).counted)
        for chunk in plan.removed:
            note = self.generation.notes[chunk.path]
            change.subtract(AnalysedChunk(document(chunk, note)).counted)
        return {term: count for term, count in change.items() if count}

    def _recover(self) -> None:
        """Go back to the generation of the manifest after a change that failed."""
        self._failed = False  # before all else: what fails meanwhile is seen to the next time
        with self._noting_failure():
            self._mend_manifest()
            before, loaded = self.generation, self._load()
            self._mend_counts(loaded)
            self._manifest.intend(_encoded_ids(before) - _encoded_ids(loaded))
            self.generation = loaded
            if loaded.number == before.number and _changed_ids(before, loaded):
                self._publish_anew(loaded)
            self._read_intent()

    def _mend_counts(self, loaded: Generation) -> None:
        """Make the counts those of the manifest's generation.

        If other stores wrote the last generations, or a backup was restored, all terms are to be
        counted, and all rows are to be written again: they are of another state. Counts that were
        dropped since say nothing about the rows.
        """
        counted, confirmed = self._counts.generation, self._manifest.generation
        if counted == confirmed + 1:
            self._counts.undo(confirmed)
        elif counted not in (confirmed, UNCOUNTED):
            self._manifest.intend([ANY_CHUNK, *loaded.chunks.ids])
            if len(loaded.chunks):
                self._counts.forget()
            else:
                self._counts.replace(confirmed, {})

    def _read_intent(self) -> None:
        intent = self._manifest.intent()
        self._doubtful = dict.fromkeys(intent.chunks, True)
        self._any_doubtful = intent.any

    def _keep_repaired(self) -> None:
        """Connect again after an outage, and repair whenever it is wanted, until it succeeds."""
        while not self._closing.is_set():
            self._repair_wanted.wait(_REPAIR_SECONDS)
            if self._closing.is_set():
                return
            try:
                if self._connection.problem:
                    self._announce()
                    self._end_outage()
                self._repair_wanted.clear()
                self._repair()
                with self._writing:
                    self._collections.settle()
            except StoreUnavailable:
                self._repair_wanted.set()
                self._closing.wait(_REPAIR_SECONDS)
            except Exception:  # a thread's boundary
                if not self._closing.is_set():
                    log.exception("Milvus cannot be compared: `membrowse doctor` checks it")
                self._failed = True
                self._repair_wanted.set()
                self._closing.wait(_REPAIR_SECONDS)

    def _end_outage(self) -> None:
        """Connect again, and have all queries ranked anew: rankings failed meanwhile.

        Raises `StoreUnavailable`.
        """
        self._connection.reconnect()
        with self._exclusive_change():
            self._publish_anew(self.generation)

    def _repair(self) -> None:
        """Make Milvus equal to the manifest while changes go on. Raises `StoreUnavailable`."""
        with self._repairing:
            try:
                self._make_equal()
            except IndexCorrupt:
                self._failed = True  # so that the manifest is mended
                self._make_equal()

    def _make_equal(self) -> None:
        with self._writing:
            if self._failed:
                self._recover()
        if not self._counts.complete:
            self._count_terms()
        repaired = self._repair_doubtful()
        if self._counted_on != self._connection.connections:
            self._count_rows()
            repaired += self._repair_doubtful()
        if repaired:
            rows = counted(repaired, "row")
            log.warning("generation %d: %s repaired", self.generation.number, rows)

    def _repair_doubtful(self) -> int:
        """Write or remove all rows that may differ, a batch at a time; returns how many."""
        if self._any_doubtful:
            self._record_differences()
        repaired = 0
        while batch := self._repair_batch():
            repaired += batch
            self._closing.wait(_BETWEEN_BATCHES_SECONDS)
        return repaired

    def _repair_batch(self) -> int:
        with self._writing:
            self._require_open()
            if self._failed:
                self._recover()
            batch = dict(islice(self._doubtful.items(), _REPAIRED_AT_ONCE))
            if batch:
                self._rewrite(batch)
                self._settle(batch)
            return len(batch)

    def _rewrite(self, outdated: Mapping[str, bool]) -> None:
        """Make the rows of these chunks those of the current generation.

        `outdated` are their ids, and whether Milvus may have rows of them.
        """
        generation = self.generation
        rows = sorted(row for chunk in outdated if (row := generation.chunks.row(chunk)) >= 0)
        live = {generation.chunks.id(row) for row in rows}
        self._collections.delete(outdated.keys() - live)
        self._write_rows([generation.chunks[row] for row in rows], generation.notes)
        encoded = [row for row in rows if generation.encoded[row]]
        present = {chunk for chunk in live if outdated[chunk]}
        self._write_passages(generation.chunks, encoded, present)

    def _count_rows(self) -> None:
        """Doubt all rows if Milvus has more or fewer chunks: its collections are others."""
        with self._writing:
            if self._doubtful:
                return
            if self._collections.count() != len(self.generation.chunks):
                self._manifest.intend([ANY_CHUNK])
                self._any_doubtful = True
            self._counted_on = self._connection.connections

    def _record_differences(self) -> None:
        """Compare every id while changes go on; what they change is right anyway."""
        found = self._compared()
        with self._writing:
            self._manifest.narrow_intent(found.differing)
            for chunk in found.differing - self._doubtful.keys():
                self._doubtful[chunk] = chunk in found.present
            self._any_doubtful = False

    def _compared(self) -> Comparison:
        """What differs in Milvus, apart from chunks that change meanwhile."""
        changed: set[str] = set()
        with self._writing:
            before, self._changed = self.generation, changed
        try:
            ids, passages = self._collections.chunk_ids(), self._collections.passage_ids()
            expected = self._expected_passages(before)
        finally:
            with self._writing:
                self._changed = None
        return compared(set(before.chunks.ids), expected, ids, passages, changed)

    def _expected_passages(self, generation: Generation) -> dict[str, int]:
        """Number of passages by id of the encoded chunks."""
        rows = np.flatnonzero(generation.encoded).tolist()
        expected: dict[str, int] = {}
        for batch in batched(rows, _WRITTEN_AT_ONCE):
            self._require_open()
            stored = self.vectors.get({generation.keys[row] for row in batch})
            for row in batch:
                if generation.keys[row] in stored:
                    passages = stored[generation.keys[row]].passages
                    expected[generation.chunks.id(row)] = passages
        return expected

    def _count_terms(self) -> None:
        """Count the terms of all chunks while changes go on; the rankings of words change."""
        log.info("counting the terms of all chunks")
        counts: Counter[str] = Counter()
        counted = self._empty(0)
        while not self._counts.complete:
            with self._writing:
                if self._failed:
                    self._recover()
                generation = self.generation
            for chunk, note, present in _chunk_changes(counted, generation):
                self._require_open()
                terms = AnalysedChunk(document(chunk, note)).counted
                if present:
                    counts.update(terms)
                else:
                    counts.subtract(terms)
            counted = generation
            with self._writing, self._noting_failure():
                if not self._failed and self.generation.number == generation.number:
                    self._counts.replace(generation.number, counts)
                    self._publish_anew(self.generation)

    def _publish_anew(self, generation: Generation) -> None:
        """Publish `generation` with a new number: nothing that was ranked before is used again."""
        number = generation.number + 1
        self._counts.change(number, {})
        self._manifest.raise_generation(number)
        self.generation = replace(generation, number=number)
        self._announce()

    def touch(self, notes: Sequence[IndexedNote]) -> Generation:
        """Record new sizes and times of notes whose content is unchanged."""
        with self._writing:
            known = {note.path: note for note in notes if note.path in self.generation.notes}
            self._manifest.touch(known.values())
            before = self.generation
            self.generation = self._generation(
                before.number,
                {**before.notes, **known},
                before.chunks,
                before.encoded,
            )
            return self.generation

    def adopt_recipe(self) -> None:
        """Let all notes count as indexed with `recipe`, which the caller has seen to."""
        with self._exclusive_change():
            if self._made_with.analyser != self.recipe.analyser:
                self._write_rows(self.generation.chunks, self.generation.notes)
                self._counts.forget()
                self._publish_anew(self.generation)
                self._repair_wanted.set()
            self._manifest.begin(self.recipe)
            self._made_with, self.stale = self.recipe, ""

    def clear(self, recipe: Recipe) -> Generation:
        """Remove all notes and chunks, to rebuild the index with `recipe`."""
        with self._writing, self._noting_failure():
            self._failed = False
            self.vectors.renew(self.generation.keys)
            number = self._manifest.generation + 1
            self._manifest.clear(recipe, number)
            self._counts.replace(number, {})
            self.recipe = self._made_with = recipe
            self.stale = ""
            self._renew_collections()
            self.generation = self._empty(number)
            self._read_intent()
            return self.generation

    def _renew_collections(self) -> None:
        """Begin with empty collections; the old ones are dropped when the new ones are made."""
        self._record.renew()
        self._collections = MilvusCollections(self._connection, self._record)
        self._counted_on = _NEVER
        self._repair_wanted.set()

    def purge(self, condition: Callable[[JournalEntry], bool]) -> int:
        """Remove the history that satisfies `condition` from all stores of this machine.

        Milvus Lite overwrites no removed row, so its collections are filled again. A server has
        removed the rows already, and overwrites them when it compacts its segments.
        """
        with self._exclusive_change():
            purged = self._local.purge(self.generation, condition)
            self._counts.purge()
            if self._connection.address.file is None:
                return purged
            before = self.generation
            self._renew_collections()
            self._intend(set(before.chunks.ids))
            self._doubtful = dict.fromkeys(before.chunks.ids, False)
            self._publish_anew(
                self._generation(before.number, before.notes, before.chunks, before.encoded)
            )
        self._repair()
        return purged

    def trim_history(self) -> None:
        """Delete history that is older than the retention allows."""
        with self._writing:
            self._manifest.trim()

    def open_chroma(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """There is no Chroma."""

    def fill_chroma(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """There is no Chroma."""

    def compact_chroma(self) -> None:
        """There is no Chroma."""

    def approximate_nearest(self, vector: NDArray[np.float32], n: int) -> list[str] | None:
        return None

    def missing_inputs(self, changes: Iterable[NoteChange]) -> list[EncoderInput]:
        """Encoder inputs of changed chunks without stored vectors, each once, sorted by key."""
        return missing_inputs(changes, self.recipe.encoder, self.vectors)

    def unencoded(self) -> list[EncoderInput]:
        """Encoder inputs of all chunks without vectors, each once, notes changed last first."""
        inputs = list(unencoded_inputs(self.generation))
        kept = self.vectors.has({text.key for text in inputs})  # they wait for Milvus in an outage
        return [text for text in inputs if text.key not in kept]

    def successor(self, chunk: str) -> str | None:
        """Return the id of the live chunk that replaced `chunk` (itself if live), or None."""
        return self._history.successor(chunk, self.generation.row_of)

    def journal(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]:
        """What generations from `since` on added and removed (of the note at `path`)."""
        return self._history.entries(path, since=since)

    def _mend_manifest(self) -> int:
        """Check every byte of the manifest and write again what is damaged; returns how much."""
        with self._writing:
            damaged = self._local.mend_manifest(self.generation, self._made_with)
            if damaged:  # its intents may be lost
                ids = self.generation.chunks.ids if self._failed else self._doubtful
                self._manifest.intend(ids)
                if self._failed or self._any_doubtful:
                    self._manifest.intend([ANY_CHUNK])
            return damaged

    def check(self) -> list[Discrepancy]:
        """Check every byte of the databases beside Milvus, and compare Milvus id by id.

        Milvus's own files, those of Milvus Lite included, are compared by ids and counts alone.
        Damaged entries are listed, and made again.
        """
        self._repair()
        generation = self.generation
        nothing = _without_vectors(np.zeros(len(generation.chunks), np.bool_))
        damaged = self._local.mend_vectors(generation, nothing)
        with self._exclusive_change():
            damaged |= {"manifest": self._mend_manifest(), "terms": self._counts.check()}
            if lost := self._lost_vectors():
                damaged["vectors"] = max(lost, damaged.get("vectors", 0))
                self._failed = True  # the generation is read again without them
        self._repair()
        with self._repairing:
            differences = self._compared()
        found = [
            Discrepancy(store=store, kind=DAMAGED, count=count)
            for store, count in damaged.items()
            if count
        ]
        found += differences.discrepancies()
        self._local.note_check()
        return found

    def _lost_vectors(self) -> int:
        """Number of encoded texts whose vectors are not stored, as after damage."""
        generation = self.generation
        encoded = compress(generation.keys, generation.encoded.tolist())
        return len(set(encoded) - self.vectors.keys())

    def repair(self) -> None:
        """Make Milvus equal to the manifest again, id by id."""
        with self._writing:
            self._recover()
            self._manifest.intend([ANY_CHUNK])
            self._any_doubtful = True
        self._repair()
        self._local.delete_orphaned_tokens()

    @property
    def last_check(self) -> float:
        """When (seconds since the epoch) `check` last read everything; 0 if never."""
        return self._local.last_check

    def sizes(self) -> dict[str, int]:
        """Bytes on the disk of this machine by store."""
        file = self._connection.address.file
        milvus = {"milvus": paths.tree_size(file)} if file is not None and file.exists() else {}
        return {
            "manifest": self._manifest.size(),
            "terms": self._counts.size(),
            "vectors": self.vectors.size(),
            "tokens": self.tokens.size(),
            **milvus,
        }

    def _fault_point(self, step: str) -> None:
        """Called between any two writes: an instant at which the process may die."""
        log.debug("%s", step)

    def close(self) -> None:
        """Finish the current change and close everything.

        A long change is given up between two batches, and one that waits for Milvus after some
        seconds; the next start repairs it.
        """
        self._closing.set()
        self._repair_wanted.set()
        if not self._writing.acquire(timeout=_CLOSE_SECONDS):
            self._connection.close()
            self._writing.acquire()
        try:
            self.generation = self._empty(self.generation.number)
            self._opened.close()
        finally:
            self._writing.release()
        self._repairs.join(_CLOSE_SECONDS)


def _without_vectors(encoded: Mask) -> VectorTable:
    """A table that says which rows have vectors, and has none itself."""
    return VectorTable(0, (), np.where(encoded, 0, -1))


def _rows_for(generation: Generation, encoded: Sequence[EncodedText]) -> list[int]:
    """Rows without vectors that have the text of any of `encoded`."""
    new, known = {text.key for text in encoded}, generation.encoded
    if not new or known.all():
        return []
    return sorted(row for row in generation.chunks.rows_with(new) if not known[row])


def _encoded_ids(generation: Generation) -> set[str]:
    encoded = zip(generation.chunks.ids, generation.encoded.tolist(), strict=True)
    return {chunk for chunk, known in encoded if known}


def _changed_ids(before: Generation, after: Generation) -> set[str]:
    """Ids of chunks that were added, removed or encoded between two generations."""
    if before is after:
        return set()
    states = (
        set(zip(each.chunks.ids, each.keys, each.encoded.tolist(), strict=True))
        for each in (before, after)
    )
    return {chunk for chunk, _, _ in set.symmetric_difference(*states)}


def _chunk_changes(
    before: Generation, after: Generation
) -> Iterator[tuple[Chunk, IndexedNote, bool]]:
    """Chunks of the notes that changed, with their note: first as they were, then as they are."""
    for path in sorted(before.notes.keys() | after.notes.keys()):
        states = [(each.notes.get(path), each.chunks.note(path)) for each in (before, after)]
        if states[0][0] == states[1][0] and states[0][1] is states[1][1]:
            continue
        for (note, chunks), present in zip(states, (False, True), strict=True):
            if note is not None and chunks is not None:
                yield from ((chunk, note, present) for chunk in chunks.chunks)
