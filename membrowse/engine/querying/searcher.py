"""Searches the index, stage by stage, and remembers the last ranked queries for their pages."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from membrowse.engine import clock
from membrowse.engine.errors import Unknown
from membrowse.engine.indexing.indexer_state import IndexerState
from membrowse.engine.models import Models
from membrowse.engine.querying.configuration import ActiveConfiguration
from membrowse.engine.querying.freshness import FreshnessOf
from membrowse.engine.querying.provisional import provisional, still_to_read
from membrowse.engine.querying.targets import Targets
from membrowse.index.protocols import SearchIndex
from membrowse.ranking import search_response
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Nearest, Ranker
from membrowse.ranking.search_response import SearchContext
from membrowse.ranking.targets import match_target
from membrowse.roots import Roots
from membrowse.settings import Settings
from membrowse.wire.search import (
    Approximate,
    PageRequest,
    Ranking,
    SearchRequest,
    SearchResponse,
)
from membrowse.wire.tuning import TuneRequest

REMEMBERED = 16
REMEMBERED_BYTES = 64 << 20
"""Ranked queries kept for pages, and their size; the least recently used goes first."""

_HNSW_THREADS = 2

Stage = Callable[[], SearchResponse | None]
"""One stage of a search; returns a response if there is one worth sending."""


Answered = Callable[[SearchRequest, SearchResponse, RankedQuery], None]
"""Called with every complete response to a search."""


class Searcher:
    """Searches the index of `roots`; safe to use from several threads."""

    def __init__(
        self,
        roots: Roots,
        configuration: ActiveConfiguration,
        index: SearchIndex,
        models: Models,
        state: Callable[[], IndexerState],
        targets: Targets,
        answered: Answered = lambda request, response, ranked_query: None,
        nearest: Nearest | None = None,
    ) -> None:
        """`nearest` is an HNSW index to compare with, by default that of `index`."""
        self._roots = roots
        self._configuration = configuration
        self._index = index
        self._models = models
        self._state = state
        self._targets = targets
        self._answered = answered
        self._nearest = nearest or index.approximate_nearest
        self._remembered: OrderedDict[str, RankedQuery] = OrderedDict()
        self._lock = threading.Lock()
        self._hnsw_threads = ThreadPoolExecutor(_HNSW_THREADS, thread_name_prefix="hnsw")

    def close(self) -> None:
        """Stop the threads; no search may follow."""
        self._hnsw_threads.shutdown(wait=False, cancel_futures=True)

    def stages(self, request: SearchRequest) -> Iterator[Stage]:
        """The stages of a search, each to be run on any thread before the next is asked for.

        Only the last returns the complete response; with `progressive`, those before it return what
        is finished, keyword first. Raises `InvalidFilter`, and `SettingsError` if the profile
        cannot be used.
        """
        ranker, models = self._configuration.ranker_with(request.profile), self._models
        state = self._state()  # before the generation, which may only be more complete
        generation = self._index.generation
        ranked_query = ranker.prepare(
            generation, request.text, request.syntax, models.pieces, request.filters
        )

        def finished(response: SearchResponse) -> None:
            self._remember(response.id, ranked_query)
            self._answered(request, response, ranked_query)

        search = _Search(
            ranked_query=ranked_query,
            ranker=ranker,
            index=self._index,
            nearest=self._nearest,
            models=models,
            hnsw_threads=self._hnsw_threads,
            respond=self._responder(ranked_query, request, ranker.settings, request.client, state),
            finished=finished,
            progressive=request.progressive,
            wanted=self._wanted(ranked_query, request, ranker.settings),
        )
        return search.stages()

    def _wanted(
        self, ranked_query: RankedQuery, request: SearchRequest, settings: Settings
    ) -> Sequence[int]:
        """Rows that the response reports wherever they rank, if the store may not list them."""
        generation = ranked_query.generation
        if generation.best_chunks is None:
            return ()
        live = [self._index.successor(chunk) for chunk in request.track]
        rows = [generation.row_of[chunk] for chunk in live if chunk and chunk in generation.row_of]
        if request.target is not None:
            target = self._targets.locate(generation, request.target, settings.agent)
            rows = [*target.chunks.rows, *rows]
        return rows

    def respond(
        self, ranked_query: RankedQuery, request: TuneRequest, settings: Settings, client: str
    ) -> SearchResponse:
        """The complete response to a query that was ranked by `settings`; remembered for pages."""
        respond = self._responder(ranked_query, request, settings, client, self._state())
        response = respond(complete=True)
        kept = replace(ranked_query)
        kept.finish()
        self._remember(response.id, kept)
        return response

    def page(self, request: PageRequest) -> Ranking:
        """More hits of a ranking. Raises `Unknown` if the response is no longer remembered."""
        with self._lock:
            ranked_query = self._remembered.get(request.response)
            if ranked_query is not None:
                self._remembered.move_to_end(request.response)
        if ranked_query is None:
            raise Unknown("this response is no longer remembered: ask again")
        if request.ranking not in ranked_query.rankings:
            raise Unknown(f"this response has no ranking called {request.ranking}")
        freshness = FreshnessOf(self._roots, ranked_query.notes)
        return search_response.page(
            ranked_query, request.ranking, request.offset, request.limit, freshness
        )

    def _responder(
        self,
        ranked_query: RankedQuery,
        request: SearchRequest | TuneRequest,
        settings: Settings,
        client: str,
        began: IndexerState,
    ) -> _Responder:
        """Makes the responses to `request`, all with the same id.

        `began` is the state of the indexer when the generation was taken, or before.
        """
        generation, target = ranked_query.generation, None
        if request.target is not None:
            target = self._targets.locate(generation, request.target, settings.agent)
        context = SearchContext(
            id=secrets.token_hex(8),
            asked_at=clock.now(),
            client=client,
            folder=str(self._roots.folder),
            settings_digest=settings.digest,
            limit=request.limit,
            track=request.track,
            number=request.number,
            texts=isinstance(request, SearchRequest) and request.texts,
        )

        def respond(*, complete: bool) -> SearchResponse:
            freshness = FreshnessOf(self._roots, ranked_query.notes)
            doubt = provisional(began, generation, self._models.state, self._index.unstored)
            return search_response.search_response(
                ranked_query,
                context,
                pending=self._state().pending.total,
                complete=complete,
                freshness_of=freshness,
                successor=self._index.successor,
                target=match_target(ranked_query, target, freshness, doubt) if target else None,
                still_to_read=still_to_read(began),
            )

        return respond

    def _remember(self, response: str, ranked_query: RankedQuery) -> None:
        """Keep a finished ranked query for the pages of a response."""
        with self._lock:
            self._remembered[response] = ranked_query
            rest = sum(each.bytes for each in self._remembered.values())
            while len(self._remembered) > (REMEMBERED if rest <= REMEMBERED_BYTES else 1):
                _, forgotten = self._remembered.popitem(last=False)
                rest -= forgotten.bytes


class _Responder(Protocol):
    def __call__(self, *, complete: bool) -> SearchResponse:
        """The response with the rankings that are finished."""


@dataclass(slots=True, kw_only=True)
class _Search:
    """One search, stage by stage; HNSW is asked on another thread while reranking runs."""

    ranked_query: RankedQuery
    ranker: Ranker
    index: SearchIndex
    nearest: Nearest
    models: Models
    hnsw_threads: ThreadPoolExecutor
    respond: _Responder
    finished: Callable[[SearchResponse], None]
    progressive: bool
    wanted: Sequence[int]
    """Rows whose ranks are asked for."""
    hnsw: Future[Approximate | None] = field(default_factory=Future)
    missing: int = 0
    """Token vectors of the pool that are to be encoded."""

    def stages(self) -> Iterator[Stage]:
        yield self.keyword
        yield self.vector
        while self.missing:
            yield self.encode
        yield self.rerank
        yield self.finish

    def keyword(self) -> SearchResponse | None:
        self.ranker.keyword(self.ranked_query)
        return self._so_far()

    def vector(self) -> SearchResponse | None:
        ranker, ranked_query, loaded = self.ranker, self.ranked_query, self.models.loaded
        ranker.vector(ranked_query, loaded.encoder, loaded.state, loaded.message)
        ask = partial(ranker.approximate, ranked_query, self.nearest)
        self.hnsw = self.hnsw_threads.submit(ask)
        ranker.locate(ranked_query, self.wanted)
        ranker.fuse(ranked_query)
        self.missing = ranker.gather(ranked_query, self.index.tokens)
        return self._so_far() if self.missing else None

    def encode(self) -> None:
        tokens, encoder = self.index.tokens, self.models.encoder
        self.missing = self.ranker.encode_some(self.ranked_query, tokens, encoder)

    def rerank(self) -> SearchResponse | None:
        models = self.models
        self.ranker.rerank(self.ranked_query, self.index.tokens, models.encoder, models.cross)
        return None if self.hnsw.done() else self._so_far()

    def finish(self) -> SearchResponse:
        self.ranker.set_approximate(self.ranked_query, self.hnsw.result())
        self.ranked_query.finish()
        response = self.respond(complete=True)
        self.finished(response)
        return response

    def _so_far(self) -> SearchResponse | None:
        return self.respond(complete=False) if self.progressive else None
