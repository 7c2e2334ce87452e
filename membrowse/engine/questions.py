"""Questions put to the index, stage by stage, and the evaluations kept for their pages."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol

from membrowse.engine import clock
from membrowse.engine.configuration import Configuration
from membrowse.engine.freshness import FreshnessOf
from membrowse.engine.models import Models
from membrowse.engine.protocol import PageRequest, RecallRequest
from membrowse.engine.refusals import Unknown
from membrowse.engine.targets import Targets
from membrowse.index.index import Index
from membrowse.ranking import results
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.pipeline import Ranker
from membrowse.ranking.targets import Sought, expected
from membrowse.recall import Approximate, Ranking, Recall

REMEMBERED = 16
"""Evaluations kept for pages, the least recently asked for goes first."""

_BESIDE_THREADS = 2

Step = Callable[[], Recall | None]
"""One stage of a question; what is worth sending of it, if anything."""


class Answer(Protocol):
    def __call__(self, *, complete: bool) -> Recall:
        """The recall with the rankings that are there."""


class _Question:
    """One question, stage by stage; HNSW is asked beside reranking, on a thread of `beside`."""

    def __init__(
        self,
        evaluation: Evaluation,
        ranker: Ranker,
        index: Index,
        models: Models,
        answer: Answer,
        beside: ThreadPoolExecutor,
        remember: Callable[[Evaluation], None],
        *,
        progressive: bool,
    ) -> None:
        self._evaluation = evaluation
        self._ranker = ranker
        self._index = index
        self._models = models
        self._answer = answer
        self._beside = beside
        self._remember = remember
        self._progressive = progressive
        self._hnsw: Future[Approximate | None] = Future()

    def keyword(self) -> Recall | None:
        self._ranker.keyword(self._evaluation)
        return self._so_far()

    def vector(self) -> Recall | None:
        ranker, evaluation, loaded = self._ranker, self._evaluation, self._models.loaded
        ranker.vector(evaluation, loaded.encoder, loaded.state, loaded.message)
        look = partial(ranker.approximate, evaluation, self._index.approximate)
        self._hnsw = self._beside.submit(look)
        ranker.fuse(evaluation)
        missing = ranker.gather(evaluation, self._index.tokens)
        return self._so_far() if missing else None

    def rerank(self) -> Recall | None:
        models = self._models
        self._ranker.rerank(self._evaluation, self._index.tokens, models.encoder, models.cross)
        return None if self._hnsw.done() else self._so_far()

    def finish(self) -> Recall:
        self._ranker.set_beside(self._evaluation, self._hnsw.result())
        self._evaluation.finish()
        self._remember(self._evaluation)
        return self._answer(complete=True)

    def _so_far(self) -> Recall | None:
        return self._answer(complete=False) if self._progressive else None


class Questions:
    """Asks the index of `folder`; safe to use from several threads."""

    def __init__(
        self,
        folder: Path,
        configuration: Configuration,
        index: Index,
        models: Models,
        pending: Callable[[], int],
        targets: Targets,
    ) -> None:
        self._folder = folder
        self._configuration = configuration
        self._index = index
        self._models = models
        self._pending = pending
        self._targets = targets
        self._remembered: OrderedDict[str, Evaluation] = OrderedDict()
        self._lock = threading.Lock()
        self._beside = ThreadPoolExecutor(_BESIDE_THREADS, thread_name_prefix="hnsw")

    def close(self) -> None:
        """Let go of the threads; nothing is asked any more."""
        self._beside.shutdown(wait=False, cancel_futures=True)

    def steps(self, request: RecallRequest) -> tuple[Step, ...]:
        """The stages of a question, to be run one after another, each on any thread.

        Only the last returns the complete recall; with `progressive`, those before it return what
        is there by then, keyword first.
        """
        question = self._begun(request)
        return (question.keyword, question.vector, question.rerank, question.finish)

    def _begun(self, request: RecallRequest) -> _Question:
        ranker = self._configuration.ranker
        settings = ranker.settings
        generation, models = self._index.generation, self._models
        evaluation = ranker.analyse(generation, request.text, request.syntax, models.pieces)
        sought: Sought | None = None
        if request.target is not None:
            sought = self._targets.sought(generation, request.target, settings.agent)
        asked = results.Asked(
            recall=secrets.token_hex(8),
            asked_at=clock.now(),
            client=request.client,
            folder=str(self._folder),
            settings_digest=settings.digest,
            limit=request.limit,
            track=request.track,
            number=request.number,
        )

        def answer(*, complete: bool) -> Recall:
            freshness = FreshnessOf(self._folder, evaluation.notes)
            return results.recall(
                evaluation,
                asked,
                pending=self._pending(),
                complete=complete,
                freshness_of=freshness,
                successor=self._index.successor,
                target=expected(evaluation, sought, freshness) if sought else None,
            )

        return _Question(
            evaluation,
            ranker,
            self._index,
            models,
            answer,
            self._beside,
            partial(self.remember, asked.recall),
            progressive=request.progressive,
        )

    def page(self, request: PageRequest) -> Ranking:
        """Later hits of a ranking of a recall that is remembered; else `Unknown`."""
        with self._lock:
            evaluation = self._remembered.get(request.recall)
            if evaluation is not None:
                self._remembered.move_to_end(request.recall)
        if evaluation is None:
            raise Unknown("this recall is no longer remembered: ask again")
        if request.ranking not in evaluation.rankings:
            raise Unknown(f"this recall has no ranking called {request.ranking}")
        freshness = FreshnessOf(self._folder, evaluation.notes)
        return results.page(evaluation, request.ranking, request.offset, request.limit, freshness)

    def remember(self, recall: str, evaluation: Evaluation) -> None:
        """Keep a finished evaluation for pages of its recall."""
        with self._lock:
            self._remembered[recall] = evaluation
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
