"""Rank one query in stages, each a plain blocking function that the caller runs when it suits.

    ranker = Ranker(settings)
    ranked_query = ranker.prepare(generation, text, syntax, pieces)
    ranker.keyword(ranked_query)                       # puts ranked_query.rankings["keyword"]
    ranker.vector(ranked_query, encoder, state, message)
    ranker.fuse(ranked_query)
    missing = ranker.gather(ranked_query, tokens)      # if > 0, show the result so far
    missing = ranker.encode_some(ranked_query, tokens, encoder)  # while > 0; or leave it to rerank
    ranker.rerank(ranked_query, tokens, encoder, cross)
    approximate = ranker.approximate(ranked_query, index.approximate_nearest)  # any thread
    ranker.set_approximate(ranked_query, approximate)
    ranked_query.finish()

After each stage, `search_response` returns the result so far. Rankings fail independently: a stage
that cannot work leaves a ranking whose state and message say so. The same generation, settings and
query always give the same order.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from membrowse.counts import counted
from membrowse.encoding.cross_encoder import CrossEncoder
from membrowse.encoding.encoder import Encoder, Piece
from membrowse.encoding.word_pieces import WordPieces
from membrowse.index.generation import Generation
from membrowse.index.store_errors import StoreUnavailable
from membrowse.index.token_store import TokenStore
from membrowse.ranking import best_chunks, fusion, reranker
from membrowse.ranking.chunk_ranking import ChunkRanking, Scores, empty_ranking, rank_by_score
from membrowse.ranking.elapsed import elapsed_ms
from membrowse.ranking.keyword import StoredTermMatches, satisfying_rows
from membrowse.ranking.like import chunk_at, no_words
from membrowse.ranking.match_strength import match_strength
from membrowse.ranking.query_dates import DateReader
from membrowse.ranking.ranked_query import NO_WORDS, RankedQuery, prepare
from membrowse.ranking.vector import known_share, missed_rows, vector_scores
from membrowse.settings import DateReading, FusionMethod, Settings
from membrowse.text import shown
from membrowse.wire.search import (
    FUSED,
    KEYWORD,
    NO_FILTERS,
    RERANKED,
    VECTOR,
    Approximate,
    Filters,
    RankingState,
)

Nearest = Callable[[NDArray[np.float32], int], Sequence[str] | None]
"""A vector [d] and a number n → the ids of the n nearest chunks, or None if unknown."""

log = logging.getLogger(__name__)

READY = RankingState.READY
APPROXIMATE_DEPTH = 10
"""Number of top chunks of the exact vector ranking on which HNSW is compared."""
_NOT_ENCODED = "the query is longer than the encoder's window"
_SHOWN_CHARACTERS = 40
QUERY_TOO_LONG = "longer than the encoder's window: only its end is encoded"


class Ranker:
    """Ranks by `settings`.

    Safe to use from any thread; a ranked query belongs to one thread at a time.
    """

    def __init__(self, settings: Settings, today: Callable[[], date] = date.today) -> None:
        """`today` is what the dates of a query are relative to."""
        self.settings = settings
        self.today = today
        self._cached: _GenerationCache | None = None

    def with_settings(self, settings: Settings) -> Ranker:
        """Return a ranker with other settings that shares what is cached per generation."""
        other = Ranker(settings, self.today)
        other._cached = self._cached
        return other

    def prepare(
        self,
        generation: Generation,
        text: str,
        syntax: str,
        pieces: WordPieces | None = None,
        filters: Filters = NO_FILTERS,
    ) -> RankedQuery:
        """Parse the query and set its scope; `pieces` reports early what the encoder knows.

        Raises `InvalidFilter`.
        """
        ranked_query = prepare(generation, text, syntax, self.date_reader(generation), filters)
        if pieces is not None:
            words, dates = ranked_query.parsed.words, ranked_query.parsed.date_spans
            query_pieces = pieces.tokenise_query(words).pieces
            _report_pieces(ranked_query, query_pieces, known_share(words, query_pieces, dates))
        return ranked_query

    def date_reader(self, generation: Generation) -> DateReader | None:
        """Return what reads the dates of queries; None if that is switched off."""
        dates = self.settings.keyword.dates
        if dates is DateReading.OFF:
            return None
        day_first = dates is DateReading.DAY_FIRST
        return DateReader(self.today(), day_first, generation.keyword.is_date)

    def keyword(self, ranked_query: RankedQuery) -> None:
        """Rank all chunks in scope that contain a word of the query, by BM25."""
        with ranked_query.stage(KEYWORD, spent_ms=ranked_query.lookup_ms):
            postings = ranked_query.postings
            message = "" if postings.df else NO_WORDS
            if isinstance(postings, StoredTermMatches):
                ranked_query.put(
                    KEYWORD,
                    best_chunks.rank_by_words(
                        ranked_query, postings, self.settings.keyword, message
                    ),
                )
                return
            scores, matched = postings.scores(self.settings.keyword)
            constraints = ranked_query.parsed.constraints
            if constraints:
                matched &= satisfying_rows(ranked_query.generation.keyword, constraints)
            ranking = rank_by_score(scores, matched & ranked_query.scope, READY, message)
            ranked_query.put(KEYWORD, ranking)

    def vector(
        self,
        ranked_query: RankedQuery,
        encoder: Encoder | None,
        state: RankingState = RankingState.READY,
        message: str = "",
    ) -> None:
        """Rank all encoded chunks in scope by exact cosine; encodes the query.

        Without an `encoder` the ranking is empty, with `state` and `message`. With one, a `state`
        other than READY is kept: stale vectors are ranked and reported as stale.
        """
        with ranked_query.stage(VECTOR):
            if ranked_query.parsed.like:
                self._vector_like(ranked_query, encoder)
                return
            if encoder is None or not ranked_query.parsed.words:
                reason = message if encoder is None else NO_WORDS
                ranked_query.put(VECTOR, empty_ranking(len(ranked_query.chunks), state, reason))
                return
            encoded = encoder.query(ranked_query.parsed.words)
            ranked_query.encoded = encoded
            dates = ranked_query.parsed.date_spans
            ranked_query.known_share = known_share(encoded.text, encoded.pieces, dates)
            _report_pieces(ranked_query, encoded.pieces, ranked_query.known_share)
            if encoded.incomparable:
                empty = empty_ranking(
                    len(ranked_query.chunks), RankingState.OFF, encoded.incomparable
                )
                ranked_query.put(VECTOR, empty)
                return
            state, message = _vector_state(ranked_query, state, message)
            ranking = self._by_vector(ranked_query, encoded.vector, state, message)
            ranked_query.put(VECTOR, ranking)

    def _by_vector(
        self,
        ranked_query: RankedQuery,
        vector: NDArray[np.float32],
        state: RankingState,
        message: str,
    ) -> ChunkRanking:
        """The chunks in scope by their cosine to `vector`."""
        generation, settings = ranked_query.generation, self.settings.vector
        if (store := generation.best_chunks) is not None:
            return best_chunks.rank_by_vector(ranked_query, store, vector, settings, state, message)
        scores = vector_scores(generation.vectors, vector, settings.passage_weight)
        return rank_by_score(scores, generation.encoded & ranked_query.scope, state, message)

    def locate(self, ranked_query: RankedQuery, rows: Sequence[int]) -> None:
        """Find where `rows` rank by words and vector, before `fuse`, if the store does not list
        them; over embedded stores every rank is known."""
        store, encoded = ranked_query.generation.best_chunks, ranked_query.encoded
        if store is None:
            return
        query = encoded.vector if encoded is not None else None
        try:
            best_chunks.locate(ranked_query, store, rows, query, self.settings.vector)
        except StoreUnavailable as error:
            log.warning("a target's rank is not known: %s", error)

    def _vector_like(self, ranked_query: RankedQuery, encoder: Encoder | None) -> None:
        """Rank by the vector of the chunk that the query names, which needs no encoder.

        With an encoder, its words are encoded for the reranker.
        """
        generation, place = ranked_query.generation, ranked_query.parsed.like
        row = chunk_at(generation, place)
        vectors = generation.vectors_of(row) if row is not None else None
        if vectors is None:
            what = "no such chunk" if row is None else "it has no vector"
            message = f"like:{shown(place)}: {what}"
            failed = empty_ranking(len(ranked_query.chunks), RankingState.FAILED, message)
            ranked_query.put(VECTOR, failed)
            return
        words = ranked_query.parsed.words
        encoded = encoder.query(words) if encoder is not None and words else no_words()
        vector = vectors.vector
        ranked_query.encoded = replace(encoded, vector=vector, incomparable="")
        ranked_query.known_share = 1.0
        message = f"by the vector of {shown(place)}, not by words"
        ranked_query.put(VECTOR, self._by_vector(ranked_query, vector, READY, message))

    def approximate(self, ranked_query: RankedQuery, nearest: Nearest) -> Approximate | None:
        """Compare `nearest` (HNSW) with the exact ranking; only reads `ranked_query`.

        HNSW has one vector per chunk and knows no filters. None if filters apply, or if it cannot
        answer.
        """
        exact, encoded = ranked_query.rankings.get(VECTOR), ranked_query.encoded
        if exact is None or encoded is None or not exact.total or ranked_query.parsed.filters:
            return None
        started, generation = time.perf_counter(), ranked_query.generation
        asked = min(APPROXIMATE_DEPTH, exact.total)
        answer = nearest(encoded.vector, asked)
        if answer is None:
            return None
        rows = [ranked_query.row_of[chunk] for chunk in answer if chunk in ranked_query.row_of]
        cosines = generation.vectors.cosines(encoded.vector)
        missed = missed_rows(cosines, generation.encoded, rows, asked)
        ranks = tuple(sorted(exact.ranks[missed].tolist()))
        return Approximate(asked=asked, missed=ranks, took_ms=elapsed_ms(started))

    def set_approximate(self, ranked_query: RankedQuery, approximate: Approximate | None) -> None:
        """Record the result of `approximate` in the vector ranking."""
        exact = ranked_query.rankings[VECTOR]
        ranked_query.rankings[VECTOR] = replace(exact, approximate=approximate)

    def fuse(self, ranked_query: RankedQuery) -> None:
        """Fuse keyword and vector into one ranking of all chunks in scope.

        The vector's weight is scaled by what the encoder knows of the query, and by the share of
        chunks that are encoded. Without a vector ranking the keyword order remains, and the message
        says why.
        """
        with ranked_query.stage(FUSED):
            keyword, vector = ranked_query.ranking(KEYWORD), ranked_query.ranking(VECTOR)
            weight = fusion.vector_weight(
                self.settings.fusion.weight,
                ranked_query.known_share,
                vector.ranked,
                ranked_query.scope,
            )
            scores = self._fused_scores(ranked_query, keyword, vector, weight)
            state, message = READY, ""
            if vector.state is not READY:
                state = vector.state
                message = vector.message if vector.total else f"keyword only: {vector.message}"
            elif keyword.state is not READY:
                state, message = keyword.state, f"vector only: {keyword.message}"
            scope = ranked_query.scope
            if ranked_query.generation.best_chunks is not None:
                scope = best_chunks.union(ranked_query)
            fused = rank_by_score(scores, scope, state, message)
            fused = best_chunks.bound_fused(fused, keyword, vector, weight, self.settings.fusion)
            ranked_query.put(FUSED, fused)

    def _fused_scores(
        self, ranked_query: RankedQuery, keyword: ChunkRanking, vector: ChunkRanking, weight: float
    ) -> Scores:
        if self.settings.fusion.method is FusionMethod.RRF:
            k = self.settings.fusion.rrf_k
            return fusion.reciprocal_rank(keyword.ranks, vector.ranks, weight, k)
        return fusion.convex(
            fusion.minmax(keyword.scores, ranked_query.scope),
            fusion.minmax(vector.scores, vector.ranks > 0, fusion.floor(vector)),
            weight,
        )

    def gather(self, ranked_query: RankedQuery, tokens: TokenStore) -> int:
        """Fetch the pool's stored token vectors; return how many `rerank` will have to encode.

        Encoding takes a second or two, so if any are missing, the reranked ranking is the fused one
        for now, in state LOADING with `cached`. This stage and `encode_some` are optional.
        """
        try:
            return reranker.gather(ranked_query, self.settings.rerank, tokens)
        except (OSError, sqlite3.Error):
            log.warning("stored token vectors cannot be read", exc_info=True)
            return 0

    def encode_some(
        self, ranked_query: RankedQuery, tokens: TokenStore, encoder: Encoder | None
    ) -> int:
        """Encode some of the token vectors that `gather` missed; return how many are still missing.

        Returns 0 if it fails: `rerank` tries again.
        """
        missing = 0
        with ranked_query.stage(RERANKED, ranked_query.ranking(RERANKED).took_ms):
            if encoder is not None:
                settings = self.settings.rerank
                missing = reranker.encode_some(ranked_query, settings, tokens, encoder)
        return missing

    def rerank(
        self,
        ranked_query: RankedQuery,
        tokens: TokenStore,
        encoder: Encoder | None,
        cross: CrossEncoder | None = None,
    ) -> None:
        """Rerank the top of the fused ranking.

        Beyond that pool, and if reranking is impossible, the fused order remains, and the message
        says why.
        """
        with ranked_query.stage(RERANKED, ranked_query.ranking(RERANKED).took_ms):
            idf = ranked_query.postings.idf_lookup(self._cache(ranked_query.generation).idf)
            reranker.rerank(ranked_query, self.settings.rerank, tokens, encoder, cross, idf)
            strength = match_strength(ranked_query, self.settings.encoder.model)
            reranked, fused = ranked_query.rankings[RERANKED], ranked_query.ranking(FUSED)
            reranked = best_chunks.bound_reranked(reranked, fused)
            ranked_query.rankings[RERANKED] = replace(reranked, strength=strength)

    def _cache(self, generation: Generation) -> _GenerationCache:
        """Return the cache of `generation`; two threads may both fill it, with equal results."""
        cached = self._cached
        if cached is None or cached.number != generation.number:
            cached = self._cached = _GenerationCache(generation.number)
        return cached


@dataclass(slots=True)
class _GenerationCache:
    """What is computed once per generation."""

    number: int
    idf: dict[str, float] = field(default_factory=dict)
    """Of stop words, in the body."""


def _report_pieces(ranked_query: RankedQuery, pieces: Sequence[Piece], known: float) -> None:
    start = pieces[0].start if pieces else 0
    words = ranked_query.parsed.words
    warnings = ranked_query.parsed.warnings
    if words[:start].strip():
        read = " ".join(words[start : start + _SHOWN_CHARACTERS].split())
        warnings = (*warnings, f"{_NOT_ENCODED}: it reads from “{read}…” on")
    ranked_query.query = msgspec.structs.replace(
        ranked_query.query, pieces=len(pieces), unknown=1.0 - known, warnings=warnings
    )


def _vector_state(
    ranked_query: RankedQuery, state: RankingState, message: str
) -> tuple[RankingState, str]:
    """Return state (INDEXING while vectors are missing) and message of the vector ranking."""
    messages = [message] if message else []
    encoded = int(np.count_nonzero(ranked_query.generation.encoded))
    total = len(ranked_query.chunks)
    query = ranked_query.encoded
    if encoded < total and query is not None and query.foreign:
        missing = f"{total - encoded:,} of {counted(total, 'record')}"
        messages.append(f"{missing} without a vector in the store")
    elif encoded < total:
        messages.append(f"{encoded:,} of {counted(total, 'chunk')} encoded")
        state = RankingState.INDEXING if state is READY else state
    if ranked_query.known_share < 1.0:
        messages.append(f"{1.0 - ranked_query.known_share:.0%} unknown to the encoder")
    if query is not None and query.cut:
        messages.append(QUERY_TOO_LONG)
    return state, "; ".join(messages)
