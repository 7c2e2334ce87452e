"""One generation of an index in Milvus: what its chunks say, and which are best for a query.

Milvus returns ids. Those of another generation, which has just been written or is about to be
removed, are left out, so that a query sees one generation.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from membrowse.index.chunk_table import ChunkTable, ContentKeys
from membrowse.index.generation import IndexedNote
from membrowse.index.keyword_document import document
from membrowse.index.milvus.collections import (
    COUNTED,
    LISTED,
    LISTED_PASSAGES,
    MilvusCollections,
    Scored,
    in_filter,
    note_key,
)
from membrowse.index.milvus.term_counts import TermCounts
from membrowse.index.milvus.term_weights import (
    MEAN_LENGTHS,
    AnalysedChunk,
    date_key,
    dimension,
    query_vector,
)
from membrowse.index.protocols import Best, Mask, Rows, TermWeights
from membrowse.index.store_errors import StoreUnavailable
from membrowse.index.vector_store import VectorStore
from membrowse.index.vector_table import StoredVectors

_KEPT_ANALYSES = 500
_CHUNKS_IN_A_FILTER = 2000
"""More are named by their notes."""
_MARGIN = 1e-5
"""Relative: sums in float32 differ by less."""


@dataclass(frozen=True, slots=True)
class Bm25Constants:
    """The constants that the chunks in Milvus were weighted with."""

    k1: float
    b: float


@dataclass(eq=False, slots=True)
class MilvusReader:
    """Answers for the chunks of one generation. See `protocols.BestChunks`."""

    collections: MilvusCollections
    counts: TermCounts
    stored: VectorStore
    """Every vector by content key, on this machine."""
    notes: Mapping[str, IndexedNote]
    chunks: ChunkTable
    encoded: Mask
    """[rows]: Milvus may still have other passages of the other rows."""
    constants: Bm25Constants
    exact: bool
    _analysed: OrderedDict[int, AnalysedChunk] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def rows(self) -> int:
        return len(self.chunks)

    @property
    def k1(self) -> float:
        return self.constants.k1

    @property
    def b(self) -> float:
        return self.constants.b

    def df(self, term: str) -> int:
        return self.counts.df(term)

    def is_date(self, term: str) -> bool:
        """False until the terms are counted: the query is ranked by its vector meanwhile."""
        try:
            return self.counts.df(date_key(term)) > 0
        except StoreUnavailable:
            return False

    def mean_length(self, field: str) -> float:
        return MEAN_LENGTHS[field]

    def length(self, field: str, row: int) -> float:
        return float(len(self._analysis(row).tokens[field]))

    def frequency(self, field: str, term: str, row: int) -> int:
        return self._analysis(row).frequencies[field][term]

    def positions(self, field: str, term: str, row: int) -> list[int]:
        tokens = self._analysis(row).tokens[field]
        return [token.position for token in tokens if token.term == term]

    def _search_terms(
        self, weights: TermWeights, condition: str, limit: int, above: float | None = None
    ) -> Scored:
        return self.collections.search_terms(query_vector(weights), condition, limit, above)

    def rows_with(self, field: str, term: str) -> Rows:
        """Up to `COUNTED` of them."""
        if not self.counts.df(term):
            return np.empty(0, np.int32)
        found = self.collections.search_terms({dimension(field, term): 1.0}, "", COUNTED)
        rows = [self.chunks.row(chunk) for chunk, _ in found]
        return np.array(sorted(row for row in rows if row >= 0), np.int32)

    def phrase(self, field: str, terms: Sequence[str]) -> Rows:
        common: Rows | None = None
        for term in dict.fromkeys(terms):
            rows = self.rows_with(field, term)
            common = rows if common is None else np.intersect1d(common, rows)
        found = [] if common is None else common.tolist()
        return np.array([row for row in found if self._in_sequence(field, terms, row)], np.int32)

    def _in_sequence(self, field: str, terms: Sequence[str], row: int) -> bool:
        starts = (
            {position - step for position in self.positions(field, term, row)}
            for step, term in enumerate(terms)
        )
        return bool(set.intersection(*starts))

    def best_by_words(self, weights: TermWeights, scope: Mask | None) -> Best:
        found = self._search_terms(weights, self._filter(scope), LISTED)
        return self._best(found, scope, complete=len(found) < LISTED)

    def scores_by_words(self, weights: TermWeights, rows: Sequence[int]) -> Best:
        if not len(rows):
            return _NONE
        condition = in_filter("chunk", (self.chunks.id(row) for row in rows))
        found = self._search_terms(weights, condition, len(rows))
        return self._best(found, None, complete=True)

    def above_by_words(self, weights: TermWeights, score: float, scope: Mask | None) -> Best:
        above = score * (1.0 - _MARGIN)
        found = self._search_terms(weights, self._filter(scope), COUNTED, above)
        return self._best(found, scope, complete=len(found) < COUNTED)

    def nearest(self, vector: NDArray[np.float32], scope: Mask | None) -> Best:
        found = self.collections.search_passages(vector, self._filter(scope), LISTED_PASSAGES)
        return self._nearest(found, scope, complete=len(found) < LISTED_PASSAGES)

    def nearer(self, vector: NDArray[np.float32], cosine: float, scope: Mask | None) -> Best:
        above = cosine - _MARGIN
        found = self.collections.search_passages(vector, self._filter(scope), COUNTED, above)
        return self._nearest(found, scope, complete=len(found) < COUNTED)

    def _nearest(self, found: Scored, scope: Mask | None, *, complete: bool) -> Best:
        inside = self.encoded if scope is None else self.encoded & scope
        return self._best(found, inside, complete=complete, exact=self.exact)

    def vectors(self, rows: Sequence[int]) -> Mapping[int, StoredVectors]:
        by_row = ContentKeys(self.chunks)
        keys = {row: by_row[row] for row in rows}
        stored = self.stored.get(set(keys.values()))
        return {row: stored[key] for row, key in keys.items() if key in stored}

    def _analysis(self, row: int) -> AnalysedChunk:
        with self._lock:
            known = self._analysed.get(row)
            if known is not None:
                self._analysed.move_to_end(row)
                return known
        chunk = self.chunks[row]
        analysed = AnalysedChunk(document(chunk, self.notes[chunk.path]))
        with self._lock:
            self._analysed[row] = analysed
            while len(self._analysed) > _KEPT_ANALYSES:
                self._analysed.popitem(last=False)
        return analysed

    def _best(
        self, found: Scored, scope: Mask | None, *, complete: bool, exact: bool = True
    ) -> Best:
        """`found` by row, each once, in canonical order among equals."""
        scores: dict[int, float] = {}
        for chunk, score in found:
            row = self.chunks.row(chunk)
            if row >= 0 and (scope is None or scope[row]):
                scores.setdefault(row, score)
        order = sorted(scores, key=lambda row: (-scores[row], row))
        values = np.array([scores[row] for row in order], np.float64)
        return Best(np.array(order, np.int32), values, complete and exact, exact)

    def _filter(self, scope: Mask | None) -> str:
        """A condition that holds for all rows of `scope`, and for few others."""
        if scope is None:
            return ""
        rows = np.flatnonzero(scope).tolist()
        if len(rows) <= _CHUNKS_IN_A_FILTER:
            return in_filter("chunk", (self.chunks.id(row) for row in rows))
        inside = {self.chunks.place(row)[0].path for row in rows}
        outside = self.notes.keys() - inside
        negated = len(outside) < len(inside)
        return in_filter("note", map(note_key, outside if negated else inside), negated=negated)


_NONE = Best(np.empty(0, np.int32), np.empty(0, np.float64), True)
