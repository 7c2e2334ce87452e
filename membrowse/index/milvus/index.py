"""The index of one folder with its chunks in Milvus.

The manifest on this machine is the truth, as for the embedded stores: it records the intent, Milvus
is written, and one transaction confirms the generation. Rows that are no longer in it are removed
after that. What a kill or a lost connection leaves undone is repaired in the background, again and
again until it succeeds: notes come from the manifest, vectors from the store beside it, so that
nothing is read or encoded twice.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from membrowse import paths
from membrowse.encoding.encoder import EncodedText, EncoderInput
from membrowse.index.change_plan import ChangePlan, NoteChange, plan_changes
from membrowse.index.chunk_table import ChunkTable, ContentKeys
from membrowse.index.encoder_inputs import missing_inputs, unencoded_inputs
from membrowse.index.generation import Generation, IndexedNote
from membrowse.index.index_directory import MANIFEST, check_format, write_format
from membrowse.index.journal import JournalEntry, Retention
from membrowse.index.keyword_document import document
from membrowse.index.manifest import FORMAT, IndexCorrupt, Manifest, Recipe
from membrowse.index.milvus.collections import CollectionRecord, MilvusCollections
from membrowse.index.milvus.connection import Address, MilvusConnection
from membrowse.index.milvus.reader import Bm25Constants, MilvusReader
from membrowse.index.milvus.term_counts import TermCounts
from membrowse.index.milvus.term_weights import AnalysedChunk
from membrowse.index.store_errors import StoreUnavailable
from membrowse.index.token_store import TokenStore
from membrowse.index.vector_store import VectorStore
from membrowse.index.vector_table import Mask, VectorTable
from membrowse.notes.chunk import Chunk
from membrowse.settings import StoreSettings, VectorIndex
from membrowse.wire.health import Discrepancy

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_REPAIR_SECONDS = 3.0
"""Between two attempts."""
_REPAIR_BATCH = 1000
_UNCOUNTED = -1


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
        check_format(directory)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_format(directory)
        self.directory = directory
        self._constants = constants
        self._exact = store.vector_index is VectorIndex.FLAT
        self._writing = threading.RLock()
        self._closing = threading.Event()
        self._repair_wanted = threading.Event()
        self._check_mark = directory / "checked"
        for embedded in ("keyword", "chroma"):  # they would be outdated if used again
            shutil.rmtree(directory / embedded, ignore_errors=True)
        with ExitStack() as opened:
            self._manifest = Manifest(directory / MANIFEST, retention)
            opened.callback(self._manifest.close)
            self.vectors = VectorStore(directory / "vectors.sqlite", dimension)
            opened.callback(self.vectors.close)
            self.tokens = TokenStore(directory / "tokens.sqlite", token_budget)
            opened.callback(self.tokens.close)
            self._counts = TermCounts(directory / "terms.sqlite")
            opened.callback(self._counts.close)
            self._connection = MilvusConnection(Address.of(store.uri, directory), directory)
            opened.callback(self._connection.close)
            self._record = CollectionRecord(directory / "milvus", dimension, store.vector_index)
            self._collections = MilvusCollections(self._connection, self._record)
            made_with = self._manifest.recipe
            self.recipe = made_with if made_with and not recipe.encoder else recipe
            self.stale = self._difference()
            self._made_with = made_with or self.recipe
            self.generation = self._load()
            self._opened = opened.pop_all()
        self._needs_repair = True
        """Milvus may differ from the manifest; it is compared before the next change."""
        self._repair_wanted.set()
        self._repairs = threading.Thread(target=self._keep_repaired, name="milvus", daemon=True)
        self._repairs.start()

    def _difference(self) -> str:
        """How the recipe differs from the one the index was made with; an empty index adopts it."""
        made_with = self._manifest.recipe
        if made_with is None:
            self._manifest.begin(self.recipe)
            return ""
        if self._manifest.format != FORMAT:
            return f"manifest {self._manifest.format} → {FORMAT}"
        return self.recipe.difference(made_with)

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
        return self._connection.problem

    @property
    def hnsw_problem(self) -> str:
        return ""

    @contextmanager
    def _exclusive_change(self) -> Iterator[None]:
        """Allow one change at a time; repair Milvus first if it may differ."""
        with self._writing:
            if self._needs_repair:
                self._repair()
            try:
                yield
            except BaseException:
                self._want_repair()
                raise

    def _want_repair(self) -> None:
        self._needs_repair = True
        self._repair_wanted.set()

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
        with self._writing:
            self._keep_vectors(encoded, precision)
        with self._exclusive_change():
            plan = plan_changes(self.generation, changes, self.recipe.encoder)
            if not plan.changes:
                return self.generation if not encoded else self._add_stored(encoded)
            number = self.generation.number + 1
            self._manifest.intend(plan.changed_ids)
            self._fault_point("intent recorded")
            mask = self._encoded_mask(plan)
            self._write_rows(plan.added, plan.notes)
            self._write_passages(plan.chunks, self._new_passage_rows(plan, mask))
            self._fault_point("milvus written")
            generation = self._generation(number, plan.notes, plan.chunks, mask)
            self._counts.change(number, self._term_changes(plan))
            self._fault_point("terms counted")
            self._manifest.confirm(number, plan)
            self._fault_point("confirmed")
            self.generation = generation
            if published is not None:
                published(generation)
            self._remove({chunk.id for chunk in plan.removed} - generation.row_of.keys())
            removed = self.vectors.prune(generation.keys)
            self.tokens.delete(removed)
            return generation

    def add_vectors(self, encoded: Sequence[EncodedText], precision: str) -> Generation:
        """Store vectors and token vectors; makes a new generation if a chunk needs them."""
        with self._writing:
            self._keep_vectors(encoded, precision)
            chunks, new = self.generation.chunks, {text.key for text in encoded}
            rows = [row for row, key in enumerate(self.generation.keys) if key in new]
            self._manifest.intend(chunks.id(row) for row in rows)
        with self._exclusive_change():
            return self._add_stored(encoded)

    def _add_stored(self, encoded: Sequence[EncodedText]) -> Generation:
        """Bring vectors that are in the local store to Milvus."""
        before = self.generation
        new = {text.key for text in encoded}
        rows = [row for row, key in enumerate(before.keys) if key in new]
        if not rows or before.encoded[rows].all():
            self._manifest.repaired()
            return before
        self._write_passages(before.chunks, rows)
        self._fault_point("milvus written")
        mask = before.encoded.copy()
        mask[rows] = True
        number = before.number + 1
        self._counts.change(number, {})
        self._manifest.raise_generation(number)
        self._manifest.repaired()
        self._fault_point("confirmed")
        self.generation = self._generation(number, before.notes, before.chunks, mask)
        return self.generation

    def _keep_vectors(self, encoded: Sequence[EncodedText], precision: str) -> None:
        if encoded:
            self.vectors.put(encoded, precision)
            self.tokens.put(encoded)
            self._fault_point("vectors stored")

    def _encoded_mask(self, plan: ChangePlan) -> Mask:
        """Which of the new rows have vectors in the local store."""
        keys = ContentKeys(plan.chunks)
        mask = np.zeros(len(keys), np.bool_)
        kept = plan.source >= 0
        mask[kept] = self.generation.encoded[plan.source[kept]]
        changed = plan.changed_rows()
        stored = self.vectors.has({keys[row] for row in changed})
        for row in changed:
            mask[row] = keys[row] in stored
        return mask

    def _new_passage_rows(self, plan: ChangePlan, mask: Mask) -> list[int]:
        """Rows with vectors whose passages Milvus does not have under their ids."""
        before, keys = self.generation, ContentKeys(plan.chunks)
        return [
            row
            for row in plan.changed_rows()
            if mask[row]
            and not (
                (old := before.chunks.row(plan.chunks.id(row))) >= 0
                and before.encoded[old]
                and before.keys[old] == keys[row]
            )
        ]

    def _write_rows(self, chunks: Sequence[Chunk], notes: Mapping[str, IndexedNote]) -> None:
        for first in range(0, len(chunks), _REPAIR_BATCH):
            batch = chunks[first : first + _REPAIR_BATCH]
            vectors = [
                AnalysedChunk(document(chunk, notes[chunk.path])).vector(
                    self._constants.k1, self._constants.b
                )
                for chunk in batch
            ]
            self._collections.write_chunks(batch, vectors)

    def _write_passages(self, chunks: ChunkTable, rows: Sequence[int]) -> None:
        keys = ContentKeys(chunks)
        for first in range(0, len(rows), _REPAIR_BATCH):
            batch = rows[first : first + _REPAIR_BATCH]
            stored = self.vectors.get({keys[row] for row in batch})
            self._collections.write_passages(
                {
                    chunks.id(row): (chunks[row].path, stored[keys[row]].passage_vectors)
                    for row in batch
                    if keys[row] in stored
                }
            )

    def _remove(self, ids: Collection[str]) -> None:
        """Remove rows that the confirmed generation does not have; no note depends on it."""
        if not ids:
            return
        try:
            self._collections.delete_passages(ids)
            self._fault_point("passages removed")
            self._collections.delete_chunks(ids)
        except StoreUnavailable:
            self._want_repair()

    def _term_changes(self, plan: ChangePlan) -> dict[str, int]:
        change: Counter[str] = Counter()
        for chunk in plan.added:
            change.update(AnalysedChunk(document(chunk, plan.notes[chunk.path])).counted)
        for chunk in plan.removed:
            note = self.generation.notes[chunk.path]
            change.subtract(AnalysedChunk(document(chunk, note)).counted)
        return {term: count for term, count in change.items() if count}

    def _keep_repaired(self) -> None:
        """Connect again after an outage, and repair whenever it is wanted, until it succeeds."""
        while not self._closing.is_set():
            self._repair_wanted.wait(_REPAIR_SECONDS)
            if self._closing.is_set():
                return
            try:
                if self._connection.problem:
                    self._connection.reconnect()
                with self._writing:
                    if self._needs_repair:
                        self._repair()
                    self._collections.settle()
                    self._repair_wanted.clear()
            except StoreUnavailable:
                self._closing.wait(_REPAIR_SECONDS)
            except Exception:  # a thread's boundary
                if not self._closing.is_set():
                    log.exception("Milvus cannot be compared: `membrowse doctor` checks it")
                self._closing.wait(_REPAIR_SECONDS)

    def _repair(self) -> None:
        """Make Milvus equal to the manifest. Raises `StoreUnavailable`."""
        generation = self._load()
        intended = self._manifest.intent()
        if self._mend_counts() or intended is None:
            repaired = self._repair_all(generation, generation.row_of.keys())
        elif intended:
            repaired = self._repair_rows(generation, intended)
        elif self._collections.count() != len(generation.chunks):
            repaired = self._repair_all(generation, ())
        else:
            repaired = 0
        self._manifest.repaired()
        self._adopt(generation)
        self._needs_repair = False
        if repaired:
            log.warning("generation %d: %d rows of Milvus repaired", generation.number, repaired)

    def _adopt(self, loaded: Generation) -> None:
        """Make `loaded` current, as another generation if it has more vectors or notes."""
        before = self.generation
        same = np.array_equal(before.encoded, loaded.encoded) and before.row_of == loaded.row_of
        if not same and loaded.number == before.number:
            number = loaded.number + 1
            self._counts.change(number, {})
            self._manifest.raise_generation(number)
            loaded = replace(loaded, number=number)
        self.generation = loaded

    def _repair_rows(self, generation: Generation, ids: Collection[str]) -> int:
        rows = sorted(generation.row_of[chunk] for chunk in ids if chunk in generation.row_of)
        self._collections.delete([chunk for chunk in ids if chunk not in generation.row_of])
        self._write_rows([generation.chunks[row] for row in rows], generation.notes)
        encoded = [row for row in rows if generation.encoded[row]]
        self._write_passages(generation.chunks, encoded)
        return len(ids)

    def _repair_all(self, generation: Generation, outdated: Collection[str]) -> int:
        """Compare every id, and write or remove what differs or is `outdated`."""
        present, passages = set(self._collections.chunk_ids()), self._passages_by_chunk()
        live = generation.row_of.keys()
        self._collections.delete(present - live)
        self._collections.delete_passages(passages.keys() - live - present)
        doubtful = (live - present) | (live & set(outdated))
        self._write_rows(
            [chunk for chunk in generation.chunks if chunk.id in doubtful], generation.notes
        )
        wrong = [
            row
            for row, expected in self._expected_passages(generation).items()
            if passages.get(generation.chunks.id(row), 0) != expected
            or generation.chunks.id(row) in outdated
        ]
        ids = (generation.chunks.id(row) for row in wrong)
        self._collections.delete_passages([chunk for chunk in ids if passages[chunk]])
        self._write_passages(generation.chunks, wrong)
        return len(present - live) + len(doubtful) + len(wrong)

    def _passages_by_chunk(self) -> Counter[str]:
        """Number of passages in Milvus by chunk id."""
        return Counter(passage.partition(":")[0] for passage in self._collections.passage_ids())

    def _expected_passages(self, generation: Generation) -> dict[int, int]:
        """Number of passages of every encoded row."""
        rows = np.flatnonzero(generation.encoded).tolist()
        expected: dict[int, int] = {}
        for first in range(0, len(rows), _REPAIR_BATCH):
            batch = rows[first : first + _REPAIR_BATCH]
            stored = self.vectors.get({generation.keys[row] for row in batch})
            for row in batch:
                if generation.keys[row] in stored:
                    expected[row] = stored[generation.keys[row]].passages
        return expected

    def _mend_counts(self) -> bool:
        """Make the counts those of the manifest's generation.

        Returns whether all terms were counted: other stores wrote the last generations.
        """
        counted, confirmed = self._counts.generation, self._manifest.generation
        if counted == confirmed:
            return False
        if counted == confirmed + 1:
            self._counts.undo(confirmed)
            return False
        log.info("counting the terms of all chunks")
        content = self._manifest.content()
        counts: Counter[str] = Counter()
        for path, note in content.chunks.items():
            for chunk in note.chunks:
                counts.update(AnalysedChunk(document(chunk, content.notes[path])).counted)
        self._counts.replace(confirmed, counts)
        return True

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
                generation = self.generation
                self._write_rows(generation.chunks, generation.notes)
                self._manifest.raise_generation(generation.number + 1)
                self._counts.replace(_UNCOUNTED, {})
                self._mend_counts()
                self.generation = replace(generation, number=generation.number + 1)
            self._manifest.begin(self.recipe)
            self._made_with, self.stale = self.recipe, ""

    def clear(self, recipe: Recipe) -> Generation:
        """Remove all notes and chunks, to rebuild the index with `recipe`."""
        with self._writing:
            self.vectors.renew(self.generation.keys)
            number = self._manifest.generation + 1
            self._manifest.clear(recipe, number)
            self._counts.replace(number, {})
            self.recipe = self._made_with = recipe
            self.stale = ""
            self._record.renew()
            self._collections = MilvusCollections(self._connection, self._record)
            self.generation = self._empty(number)
            self._want_repair()
            return self.generation

    def purge(self, condition: Callable[[JournalEntry], bool]) -> int:
        """Remove the history that satisfies `condition` from all stores of this machine.

        Milvus has removed rows already, and overwrites them when it compacts its segments.
        """
        with self._exclusive_change():
            purged = self._manifest.purge(condition)
            live = frozenset(self.generation.keys)
            self.vectors.purge(live)
            self.tokens.purge(live)
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
        row_of = self.generation.row_of
        if chunk in row_of:
            return chunk
        successor = self._from_manifest(lambda manifest: manifest.successor(chunk), None)
        return successor if successor in row_of else None

    def journal(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]:
        """What generations from `since` on added and removed (of the note at `path`)."""
        return self._from_manifest(lambda manifest: manifest.history(path, since=since), [])

    def _from_manifest(self, read: Callable[[Manifest], _T], otherwise: _T) -> _T:
        try:
            return read(self._manifest)
        except IndexCorrupt as error:
            log.warning("%s", error)
            return otherwise

    def check(self) -> list[Discrepancy]:
        """Compare the manifest, the vectors beside it, the counts and Milvus, id by id."""
        with self._writing:
            if self._needs_repair:
                self._repair()
            found = [
                *self._damaged(),
                *_differences("milvus", set(self.generation.row_of), self._collections.chunk_ids()),
                *self._wrong_passages(),
            ]
            self._check_mark.touch(mode=0o600)
            return found

    def _damaged(self) -> Iterator[Discrepancy]:
        generation = self.generation
        damaged = {
            "manifest": self._manifest.check(),
            "vectors": self.vectors.check(
                generation.keys, _without_vectors(np.zeros(len(generation.keys), np.bool_))
            ),
            "tokens": self.tokens.check(),
        }
        for store, count in damaged.items():
            if count:
                yield Discrepancy(store=store, kind="damaged", count=count)

    def _wrong_passages(self) -> Iterator[Discrepancy]:
        present = self._passages_by_chunk()
        chunks = self.generation.chunks
        expected = {
            chunks.id(row): n for row, n in self._expected_passages(self.generation).items() if n
        }
        missing = {chunk for chunk, n in expected.items() if present[chunk] < n}
        surplus = {chunk for chunk, n in present.items() if expected.get(chunk, 0) < n}
        yield from _report("milvus vectors", "missing", missing)
        yield from _report("milvus vectors", "orphaned", surplus)

    def repair(self) -> None:
        """Make Milvus equal to the manifest again, id by id."""
        with self._writing:
            generation = self._load()
            self._repair_all(generation, ())
            self._adopt(generation)
            self._manifest.repaired()
            self.tokens.delete(self.tokens.keys() - self.vectors.keys())

    @property
    def last_check(self) -> float:
        """When (seconds since the epoch) `check` last read everything; 0 if never."""
        try:
            return self._check_mark.stat().st_mtime
        except OSError:
            return 0.0

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
        """Finish the current change and close everything."""
        self._closing.set()
        self._repair_wanted.set()
        with self._writing:
            self.generation = self._empty(self.generation.number)
            self._opened.close()
        self._repairs.join(5.0)


def _without_vectors(encoded: Mask) -> VectorTable:
    """A table that says which rows have vectors, and has none itself."""
    return VectorTable(0, (), np.where(encoded, 0, -1))


def _differences(store: str, expected: set[str], ids: Sequence[str]) -> Iterator[Discrepancy]:
    actual = set(ids)
    yield from _report(store, "missing", expected - actual)
    yield from _report(store, "orphaned", actual - expected)
    repeated = {chunk for chunk, count in Counter(ids).items() if count > 1}
    yield from _report(store, "repeated", repeated)


def _report(store: str, kind: str, ids: set[str]) -> Iterator[Discrepancy]:
    if ids:
        yield Discrepancy(store=store, kind=kind, count=len(ids), example=min(ids))
