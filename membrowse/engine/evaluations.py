"""Whole evaluations for inspection: of the present generation, the last few kept alive."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace

from membrowse.engine.configuration import Configuration
from membrowse.engine.models import Models
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.pipeline import Ranker
from membrowse.recall import KEYWORD, VECTOR
from membrowse.settings import Settings

KEPT = 4
"""Evaluations of the present generation that are kept, the least recently used goes first."""

_Key = tuple[int, str, str, str]


class Evaluations:
    """Evaluates queries with all that explaining needs (they are never `finish`ed).

    Safe to use from several threads; a returned evaluation is to be read, not changed.
    """

    def __init__(self, configuration: Configuration, index: Index, models: Models) -> None:
        self.configuration = configuration
        self._index = index
        self._models = models
        self._kept: OrderedDict[_Key, Evaluation] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, text: str, syntax: str) -> Evaluation:
        """The query over the present generation, by the settings in force."""
        generation, settings = self._index.generation, self.configuration.settings
        key = (generation.number, text, syntax, settings.digest + self._models.state)
        with self._lock:
            for old in [old for old in self._kept if old[0] != generation.number]:
                del self._kept[old]
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        found = self.fresh(generation, text, syntax, self.configuration.ranker)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def fresh(self, generation: Generation, text: str, syntax: str, ranker: Ranker) -> Evaluation:
        """The query over any generation, by any ranker; not kept."""
        models, tokens = self._models, self._index.tokens
        evaluation = ranker.analyse(generation, text, syntax, models.pieces)
        ranker.keyword(evaluation)
        ranker.vector(evaluation, models.encoder, models.state, models.message)
        ranker.fuse(evaluation)
        ranker.gather(evaluation, tokens)
        ranker.rerank(evaluation, tokens, models.encoder, models.cross)
        return evaluation

    def again(self, evaluation: Evaluation, settings: Settings) -> Evaluation:
        """The same query by other settings of fusion and reranking; costs a millisecond or two.

        Other settings of keyword or vector need `fresh`.
        """
        kept = {name: evaluation.rankings[name] for name in (KEYWORD, VECTOR)}
        other = replace(evaluation, rankings=kept)
        ranker, models, tokens = Ranker(settings), self._models, self._index.tokens
        ranker.fuse(other)
        ranker.gather(other, tokens)
        ranker.rerank(other, tokens, models.encoder, models.cross)
        return other
