"""Whole evaluations for inspection: of the present generation, the last few kept alive."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from membrowse.encoding.served import Encoder
from membrowse.encoding.values import Encoded, EncodedQuery, ToEncode
from membrowse.engine.configuration import Configuration
from membrowse.engine.models import Models
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.ranking.evaluation import Evaluation, Maxima
from membrowse.ranking.late_interaction import TokenVectors
from membrowse.ranking.pipeline import Ranker
from membrowse.recall import KEYWORD, VECTOR
from membrowse.settings import Settings

KEPT = 4
"""Evaluations of the present generation that are kept, the least recently used goes first."""
QUERIES_KEPT = 256
"""Encoded queries that are kept (some 20 KB each), likewise."""

_Key = tuple[int, str, str, str]


class Evaluations:
    """Evaluates queries with all that explaining needs (they are never `finish`ed).

    Safe to use from several threads. A returned evaluation is to be read, not changed; what it
    remembers of its chunks (token vectors, similarities) may grow, always by the same values.
    """

    def __init__(self, configuration: Configuration, index: Index, models: Models) -> None:
        self.configuration = configuration
        self._index = index
        self._models = models
        self._kept: OrderedDict[_Key, Evaluation] = OrderedDict()
        self._queries: _QueriesOnce | None = None
        self._lock = threading.Lock()

    def of(self, text: str, syntax: str, ranker: Ranker | None = None) -> Evaluation:
        """The query over the present generation, by `ranker`, which is that of the settings in
        force if none is given."""
        generation, ranker = self._index.generation, ranker or self.configuration.ranker
        key = (generation.number, text, syntax, ranker.settings.digest + self._models.state)
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        found = self.fresh(generation, text, syntax, ranker)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self.forget_old()
        return found

    def forget_old(self) -> None:
        """Let go of evaluations of generations that are gone, and so of their matrices."""
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
        tokens_at_hand: Mapping[str, TokenVectors] | None = None,
        maxima: dict[bool, Maxima] | None = None,
    ) -> Evaluation:
        """The query over any generation, by any ranker; not kept.

        `tokens_at_hand` are token vectors, by content key, that the store does not have; `maxima`
        are those of an earlier evaluation of the same query, and are added to.
        """
        models, tokens = self._models, self._index.tokens
        evaluation = ranker.analyse(generation, text, syntax, models.pieces)
        evaluation.tokens.update(tokens_at_hand or {})
        evaluation.maxima = {} if maxima is None else maxima
        ranker.keyword(evaluation)
        loaded = models.loaded
        ranker.vector(evaluation, self._once(loaded.encoder), loaded.state, loaded.message)
        ranker.fuse(evaluation)
        ranker.gather(evaluation, tokens)
        ranker.rerank(evaluation, tokens, models.encoder, models.cross)
        return evaluation

    def again(self, evaluation: Evaluation, settings: Settings) -> Evaluation:
        """The same query by other settings of fusion and reranking; costs a millisecond or two.

        Other settings of keyword or vector need `fresh`.
        """
        return self.by(evaluation, self.configuration.ranker.by(settings))

    def by(self, evaluation: Evaluation, ranker: Ranker) -> Evaluation:
        """As `again`, by a ranker that is used for several queries."""
        kept = {name: evaluation.rankings[name] for name in (KEYWORD, VECTOR)}
        other = replace(evaluation, rankings=kept)
        models, tokens = self._models, self._index.tokens
        ranker.fuse(other)
        ranker.gather(other, tokens)
        ranker.rerank(other, tokens, models.encoder, models.cross)
        return other

    def _once(self, encoder: Encoder | None) -> Encoder | None:
        if encoder is None:
            return None
        with self._lock:
            if self._queries is None or self._queries.inner is not encoder:
                self._queries = _QueriesOnce(encoder)
            return self._queries


class _QueriesOnce:
    """An encoder that encodes the same query once. Safe to share between threads."""

    def __init__(self, inner: Encoder) -> None:
        self.inner = inner
        self.identity = inner.identity
        self.pieces = inner.pieces
        self._kept: OrderedDict[str, EncodedQuery] = OrderedDict()
        self._lock = threading.Lock()

    def encode(self, items: Sequence[ToEncode]) -> list[Encoded]:
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
