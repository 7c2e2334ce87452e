"""BM25 over all chunks, computed with numpy from the postings of the keyword index.

A chunk's score is the sum over fields and terms of weight · BM25 (see `index.bm25`). This is a
weighted sum of BM25 per field, not BM25F, which adds up frequencies across fields before
saturation. A term has one idf, based on the chunks that contain it in any field, so a name in every
title counts as common in every field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import numpy as np

from membrowse.index import bm25
from membrowse.index.generation import Generation
from membrowse.index.keyword_reader import FIELDS, embedded_reader
from membrowse.index.protocols import BestChunks, KeywordIndex
from membrowse.index.store_errors import StoreUnavailable
from membrowse.ranking.chunk_ranking import Mask, Rows, Scores
from membrowse.ranking.query_parser import Constraint
from membrowse.settings import KeywordSettings


class Postings:
    """The postings of a query's terms, read once: by term, by field, and over all fields."""

    failure: StoreUnavailable | None = None

    def __init__(self, keyword: KeywordIndex, terms: Iterable[str]) -> None:
        reader = self._reader = embedded_reader(keyword)
        self.rows = reader.rows
        self.by_term = {
            term: {field: reader.postings(field, term) for field in FIELDS} for term in terms
        }
        self.df = {term: self._df(term) for term in self.by_term}
        """Number of live chunks that contain the term in any field."""
        self.idf = {term: bm25.idf(self.rows, df) for term, df in self.df.items()}

    def _df(self, term: str) -> int:
        matched = np.zeros(self.rows, dtype=np.bool_)
        for rows, _ in self.by_term[term].values():
            matched[rows] = True
        return int(np.count_nonzero(matched))

    def idf_lookup(self, cache: dict[str, float]) -> Callable[[str], float]:
        """Return a function from any term to its idf.

        For terms outside the query (stop words), it counts chunks with the term in their body;
        `cache` remembers these.
        """
        reader = self._reader

        def lookup(term: str) -> float:
            if term in self.idf:
                return self.idf[term]
            if term not in cache:
                cache[term] = bm25.idf(reader.rows, len(reader.postings("body", term)[0]))
            return cache[term]

        return lookup

    def frequency(self, term: str, field: str, row: int) -> float:
        """Return how often `term` occurs in `field` of the chunk at `row`."""
        rows, frequencies = self.by_term[term][field]
        index = int(np.searchsorted(rows, row))
        return float(frequencies[index]) if index < len(rows) and rows[index] == row else 0.0

    def contained(self, term: str, rows: Rows) -> Mask:
        """Return which of `rows` contain `term` in any field."""
        contained = np.zeros(len(rows), dtype=np.bool_)
        for found, _ in self.by_term[term].values():
            contained |= np.isin(rows, found)
        return contained

    def body_matches(self) -> Mask:
        """Return the rows whose body contains any of the terms."""
        matched = np.zeros(self.rows, dtype=np.bool_)
        for by_field in self.by_term.values():
            matched[by_field["body"][0]] = True
        return matched

    def scores(self, settings: KeywordSettings) -> tuple[Scores, Mask]:
        """Return scores [rows], and which rows contain a term in a field with weight.

        Terms are summed in the order of the query, so equal chunks get equal scores to the last
        bit.
        """
        scores = np.zeros(self.rows)
        matched = np.zeros(self.rows, dtype=np.bool_)
        weights: dict[str, float] = msgspec.structs.asdict(settings.weights)
        for term, by_field in self.by_term.items():
            for field, (rows, frequencies) in by_field.items():
                weight = weights.get(field, 0.0)
                if not weight or not len(rows):
                    continue
                scores[rows] += weight * bm25.bm25(
                    self.idf[term],
                    frequencies.astype(np.float64),
                    self._reader.lengths(field)[rows].astype(np.float64),
                    self._reader.mean_length(field),
                    k1=settings.k1,
                    b=settings.b,
                )
                matched[rows] = True
        return scores, matched


class StoredTermMatches:
    """A query's terms in the chunks of a store: counts, and what single chunks say."""

    def __init__(self, store: BestChunks, terms: Iterable[str]) -> None:
        self.store = store
        self.failure: StoreUnavailable | None = None
        """Why there are no counts."""
        self.df: dict[str, int] = {}
        try:
            self.df = {term: store.df(term) for term in terms}
        except StoreUnavailable as error:
            self.failure = error
        self.idf = {term: bm25.idf(store.rows, df) for term, df in self.df.items()}

    def idf_lookup(self, cache: dict[str, float]) -> Callable[[str], float]:
        def lookup(term: str) -> float:
            if term in self.idf:
                return self.idf[term]
            if term not in cache:
                cache[term] = bm25.idf(self.store.rows, self.store.df(term))
            return cache[term]

        return lookup

    def frequency(self, term: str, field: str, row: int) -> float:
        return float(self.store.frequency(field, term, row))

    def contained(self, term: str, rows: Rows) -> Mask:
        return np.array(
            [any(self.store.frequency(field, term, row) for field in FIELDS) for row in rows],
            np.bool_,
        )

    def body_matches(self) -> Mask:
        return np.ones(self.store.rows, np.bool_)


TermMatches = Postings | StoredTermMatches


def term_matches(generation: Generation, terms: Iterable[str]) -> TermMatches:
    """The matches of `terms` in the chunks of `generation`."""
    if generation.best_chunks is not None:
        return StoredTermMatches(generation.best_chunks, terms)
    return Postings(generation.keyword, terms)


def satisfying_rows(reader: KeywordIndex, constraints: Iterable[Constraint]) -> Mask:
    """Return the rows that satisfy every phrase, word and field constraint."""
    result = np.ones(reader.rows, dtype=np.bool_)
    for constraint in constraints:
        matched = np.zeros(reader.rows, dtype=np.bool_)
        for field in (constraint.field,) if constraint.field else FIELDS:
            matched[_rows_with(reader, field, constraint.terms)] = True
        result &= ~matched if constraint.excluded else matched
    return result


def _rows_with(reader: KeywordIndex, field: str, terms: tuple[str, ...]) -> Rows:
    return reader.rows_with(field, terms[0]) if len(terms) == 1 else reader.phrase(field, terms)
