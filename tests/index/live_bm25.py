"""Our BM25 as a Whoosh weighting model, to compare scores with Whoosh's own searcher."""

from __future__ import annotations

from typing import Any

from whoosh.scoring import BaseScorer, WeightingModel

from membrowse.index.bm25 import bm25, idf
from membrowse.index.keyword_reader import KeywordReader


class LiveBM25(WeightingModel):  # type: ignore[misc]
    """BM25 whose N, df and mean length count live chunks only.

    As in our own scoring, df is the number of chunks with the term in any field.
    """

    def __init__(self, reader: KeywordReader, *, k1: float, b: float) -> None:
        """`reader` must belong to the same generation as the searcher that uses this model."""
        self._reader = reader
        self._k1 = k1
        self._b = b

    def scorer(self, searcher: Any, fieldname: str, text: bytes, qf: int = 1) -> BaseScorer:
        term = text.decode()
        return LiveBM25Scorer(
            searcher,
            fieldname,
            idf(self._reader.rows, self._reader.df(term)),
            self._reader.mean_length(fieldname),
            k1=self._k1,
            b=self._b,
        )


class LiveBM25Scorer(BaseScorer):  # type: ignore[misc]
    """Scores the document at which a matcher is positioned."""

    def __init__(
        self,
        searcher: Any,
        field: str,
        inverse_df: float,
        mean_length: float,
        *,
        k1: float,
        b: float,
    ) -> None:
        self._searcher = searcher
        self._field = field
        self._idf = inverse_df
        self._mean_length = mean_length
        self._k1 = k1
        self._b = b

    def score(self, matcher: Any) -> float:
        length = self._searcher.doc_field_length(matcher.id(), self._field) or 0
        return bm25(
            self._idf,
            float(matcher.weight()),
            float(length),
            self._mean_length,
            k1=self._k1,
            b=self._b,
        )

    def max_quality(self) -> float:
        return self._idf * (self._k1 + 1.0)
