"""Chunks and queries as sparse vectors whose inner product is a sum of BM25.

A dimension is a term in a field. A chunk's weight in it is the BM25 of the term without the idf; a
query's is the field's weight times the idf. So field weights and document frequencies count as they
are when the query is asked, while k1, b and the lengths are those of the time of indexing. Lengths
are compared with `MEAN_LENGTHS`, because the mean of a growing folder is never final.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from membrowse.index import bm25
from membrowse.index.analyser import Token, analyse
from membrowse.index.day_terms import day_tokens
from membrowse.index.keyword_document import Document
from membrowse.index.keyword_reader import FIELDS
from membrowse.index.protocols import TermWeights

MEAN_LENGTHS = {
    "title": 6.0,
    "headings": 6.0,
    "body": 60.0,
    "path": 10.0,
    "tags": 2.0,
    "date": 12.0,
}
"""Terms per field, near the means of several folders."""
EVERY_CHUNK = 0
"""A dimension of every chunk: Milvus refuses a vector without any."""
_HIGHEST = (1 << 32) - 2

SparseVector = dict[int, float]


@lru_cache(maxsize=100_000)
def dimension(field: str, term: str) -> int:
    """The dimension of `term` in `field`: a hash, so that two may collide (one in four billion)."""
    digest = hashlib.blake2b(f"{field}\0{term}".encode(errors="surrogatepass"), digest_size=4)
    return max(EVERY_CHUNK + 1, min(_HIGHEST, int.from_bytes(digest.digest(), "big")))


class AnalysedChunk:
    """The terms of a chunk by field."""

    def __init__(self, document: Document) -> None:
        self.tokens = {field: _tokens(field, document[field]) for field in FIELDS}
        self.frequencies = {
            field: Counter(token.term for token in tokens) for field, tokens in self.tokens.items()
        }

    @property
    def counted(self) -> set[str]:
        """Its terms in any field, and those of its date once more as keys of the date."""
        return set().union(*self.frequencies.values(), map(date_key, self.frequencies["date"]))

    def vector(self, k1: float, b: float) -> SparseVector:
        """The chunk as a sparse vector."""
        weights: SparseVector = {EVERY_CHUNK: 1.0}
        for field, term, frequency in self._postings():
            place = dimension(field, term)
            length = float(len(self.tokens[field]))
            weight = bm25.bm25(1.0, float(frequency), length, MEAN_LENGTHS[field], k1=k1, b=b)
            weights[place] = weights.get(place, 0.0) + weight
        return weights

    def _postings(self) -> Iterator[tuple[str, str, int]]:
        for field, frequencies in self.frequencies.items():
            for term, frequency in frequencies.items():
                yield field, term, frequency


def date_key(term: str) -> str:
    """What `term` is counted by in dates alone; no text has such a term."""
    return f"date\0{term}"


def query_vector(weights: TermWeights) -> SparseVector:
    """A query as a sparse vector."""
    vector: SparseVector = {}
    for (field, term), weight in weights.items():
        place = dimension(field, term)
        vector[place] = vector.get(place, 0.0) + weight
    return vector


def _tokens(field: str, text: str) -> list[Token]:
    if field == "date":
        return day_tokens(text) if text else []
    return analyse(text)
