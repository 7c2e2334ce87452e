"""BM25 over all chunks, with numpy, from the postings of the keyword index.

A chunk's score is the sum over fields and terms of weight · BM25 (the formula is `index.bm25`'s).
This is a weighted sum of each field's BM25, not BM25F, which adds up the fields' frequencies before
saturation. A term has one idf, from the chunks that hold it in any field, so that a name that
stands in every title is common in every field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from membrowse.index import bm25
from membrowse.index.keyword_reader import FIELDS
from membrowse.ranking.query_parser import Constraint
from membrowse.ranking.ranked_query import Mask, Rows, Scores
from membrowse.settings import KeywordSettings

if TYPE_CHECKING:
    from membrowse.index.keyword_reader import KeywordReader


class Postings:
    """The postings of a query's terms, read once: by term, field, and over all fields."""

    def __init__(self, reader: KeywordReader, terms: Iterable[str]) -> None:
        self._reader = reader
        self.rows = reader.rows
        self.by_term = {
            term: {field: reader.postings(field, term) for field in FIELDS} for term in terms
        }
        self.df = {term: self._df(term) for term in self.by_term}
        """Live chunks that hold the term in any field."""
        self.idf = {term: bm25.idf(self.rows, df) for term, df in self.df.items()}

    def _df(self, term: str) -> int:
        held = np.zeros(self.rows, dtype=np.bool_)
        for rows, _ in self.by_term[term].values():
            held[rows] = True
        return int(np.count_nonzero(held))

    def any_idf(self, seen: dict[str, float]) -> Callable[[str], float]:
        """The idf of any term: of those that were read, as it is; of others (stop words), from the
        chunks that hold it in their body. `seen` remembers these."""
        reader = self._reader

        def of(term: str) -> float:
            if term in self.idf:
                return self.idf[term]
            if term not in seen:
                seen[term] = bm25.idf(reader.rows, len(reader.postings("body", term)[0]))
            return seen[term]

        return of

    def frequency(self, term: str, field: str, row: int) -> float:
        """How often `term` stands in `field` of the chunk at `row`."""
        rows, frequencies = self.by_term[term][field]
        place = int(np.searchsorted(rows, row))
        return float(frequencies[place]) if place < len(rows) and rows[place] == row else 0.0

    def in_body(self) -> Mask:
        """The rows whose body holds any of the terms."""
        held = np.zeros(self.rows, dtype=np.bool_)
        for by_field in self.by_term.values():
            held[by_field["body"][0]] = True
        return held

    def scores(self, settings: KeywordSettings) -> tuple[Scores, Mask]:
        """Scores [rows], and which rows hold any of the terms in a field that counts.

        Terms are added up in the order of the query, so that equal chunks get equal scores to the
        last bit.
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


def satisfying(reader: KeywordReader, constraints: Iterable[Constraint]) -> Mask:
    """The rows that hold every phrase, word and field asked for, and none that is excluded."""
    result = np.ones(reader.rows, dtype=np.bool_)
    for constraint in constraints:
        held = np.zeros(reader.rows, dtype=np.bool_)
        for field in (constraint.field,) if constraint.field else FIELDS:
            held[_holding(reader, field, constraint.terms)] = True
        result &= ~held if constraint.excluded else held
    return result


def _holding(reader: KeywordReader, field: str, terms: tuple[str, ...]) -> Rows:
    return reader.postings(field, terms[0])[0] if len(terms) == 1 else reader.phrase(field, terms)
