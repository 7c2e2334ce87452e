"""Complete ranked queries over the present generation; the last few are kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from membrowse.encoding.encoder import EncodedQuery, EncodedText, Encoder, EncoderInput
from membrowse.engine.models import Models
from membrowse.engine.querying.configuration import ActiveConfiguration
from membrowse.index.generation import Generation
from membrowse.index.protocols import SearchIndex
from membrowse.ranking import best_chunks
from membrowse.ranking.late_interaction import HasTokenVectors
from membrowse.ranking.ranked_query import Maxima, RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.settings import Settings
from membrowse.wire.search import KEYWORD, NO_FILTERS, VECTOR, Filters, RankingState

KEPT = 4
"""Ranked queries of the present generation that are kept; the least recently used goes first."""
QUERIES_KEPT = 256
"""Encoded queries that are kept (about 20 KB each); the least recently used goes first."""

_Key = tuple[int, str, str, Filters, str]


class RankedQueries:
    """Ranks queries and keeps everything that explanations need (they are never `finish`ed).

    Thread-safe. Treat a returned ranked query as read-only; only its caches (token vectors,
    similarities) may grow, always by the same values.
    """

    def __init__(
        self, configuration: ActiveConfiguration, index: SearchIndex, models: Models
    ) -> None:
        self.configuration = configuration
        self._index = index
        self._models = models
        self._kept: OrderedDict[_Key, RankedQuery] = OrderedDict()
        self._queries: _QueriesOnce | None = None
        self._lock = threading.Lock()

    def of(
        self, text: str, syntax: str, ranker: Ranker, filters: Filters = NO_FILTERS
    ) -> RankedQuery:
        """The query over the present generation. Raises what `fresh` raises.

        A failed ranking is not kept: the next call tries again.
        """
        generation = self._index.generation
        ranked_by = f"{ranker.settings.digest}{self._models.basis}{ranker.today()}"
        key = (generation.number, text, syntax, filters, ranked_by)
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        found = self.fresh(generation, text, syntax, ranker, filters=filters)
        if any(found.rankings[name].state is RankingState.FAILED for name in (KEYWORD, VECTOR)):
            return found
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self.forget_old()
        return found

    def forget_old(self) -> None:
        """Release ranked queries of past generations, and with them their matrices."""
        present = self._index.generation.number
        with self._lock:
            for old in [key for key in self._kept if key[0] != present]:
                del self._kept[old]

    def fresh(
        self,
        generation: Generation,
        text: str,
        syntax: str,
        ranker: Ranker,
        extra_tokens: Mapping[str, HasTokenVectors] | None = None,
        maxima: dict[bool, Maxima] | None = None,
        filters: Filters = NO_FILTERS,
    ) -> RankedQuery:
        """The query over any generation, with any ranker; not kept.

        Raises `InvalidFilter`, and `StoreUnavailable` if the store does not answer: what is
        computed from rankings would be wrong without one of them.

        `extra_tokens` are token vectors, by content key, that the store does not have; `maxima` are
        those of an earlier ranking of the same query, and are added to.
        """
        ranked_query = ranker.prepare(generation, text, syntax, self._models.pieces, filters)
        ranked_query.token_vectors.update(extra_tokens or {})
        ranked_query.maxima = {} if maxima is None else maxima
        return self._ranked(ranked_query, ranker)

    def unfiltered(self, ranked_query: RankedQuery, settings: Settings) -> RankedQuery:
        """The same query, ranked by `settings`, as if it had no filters, typed ones included."""
        other = replace(
            ranked_query,
            parsed=replace(ranked_query.parsed, filters=()),
            filters=NO_FILTERS,
            scope=np.ones(len(ranked_query.chunks), dtype=np.bool_),
            rankings={},
        )
        return self._ranked(other, self.configuration.ranker.with_settings(settings))

    def _ranked(self, ranked_query: RankedQuery, ranker: Ranker) -> RankedQuery:
        models = self._models
        ranker.keyword(ranked_query)
        loaded = models.loaded
        ranker.vector(ranked_query, self._once(loaded.encoder), loaded.state, loaded.message)
        if ranked_query.unavailable is not None:
            raise ranked_query.unavailable
        self._fuse_and_rerank(ranked_query, ranker)
        return ranked_query

    def located(
        self, ranked_query: RankedQuery, rows: Sequence[int], ranker: Ranker | None = None
    ) -> RankedQuery:
        """The same query with the ranks of `rows` in it, which a store may not have listed."""
        if best_chunks.is_located(ranked_query, rows):
            return ranked_query
        ranker = ranker or self.configuration.ranker
        kept = {name: ranked_query.rankings[name] for name in (KEYWORD, VECTOR)}
        other = replace(ranked_query, rankings=kept)
        ranker.locate(other, rows)
        self._fuse_and_rerank(other, ranker)
        return other

    def with_settings(self, ranked_query: RankedQuery, settings: Settings) -> RankedQuery:
        """The same query with other settings of fusion and reranking; takes 1–2 ms.

        Other settings of keyword or vector need `fresh`.
        """
        return self.rerank_with(ranked_query, self.configuration.ranker.with_settings(settings))

    def rerank_with(self, ranked_query: RankedQuery, ranker: Ranker) -> RankedQuery:
        """Like `with_settings`, with a ranker that is used for several queries."""
        kept = {name: ranked_query.rankings[name] for name in (KEYWORD, VECTOR)}
        other = replace(ranked_query, rankings=kept)
        self._fuse_and_rerank(other, ranker)
        return other

    def _fuse_and_rerank(self, ranked_query: RankedQuery, ranker: Ranker) -> None:
        models, tokens = self._models, self._index.tokens
        ranker.fuse(ranked_query)
        ranker.gather(ranked_query, tokens)
        ranker.rerank(ranked_query, tokens, models.encoder, models.cross)

    def _once(self, encoder: Encoder | None) -> Encoder | None:
        if encoder is None:
            return None
        with self._lock:
            if self._queries is None or self._queries.inner is not encoder:
                self._queries = _QueriesOnce(encoder)
            return self._queries


class _QueriesOnce:
    """An encoder that encodes the same query only once. Thread-safe."""

    def __init__(self, inner: Encoder) -> None:
        self.inner = inner
        self._kept: OrderedDict[str, EncodedQuery] = OrderedDict()
        self._lock = threading.Lock()

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        return self.inner.encode(items)

    def query(self, text: str) -> EncodedQuery:
        with self._lock:
            known = self._kept.get(text)
            if known is not None:
                self._kept.move_to_end(text)
                return known
        found = self.inner.query(text)
        with self._lock:
            self._kept[text] = found
            while len(self._kept) > QUERIES_KEPT:
                self._kept.popitem(last=False)
        return found
