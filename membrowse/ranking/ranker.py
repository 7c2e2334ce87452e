"""The stages of a query, called one by one, each a plain blocking function.

    ranker = Ranker(settings)
    ranked_query = ranker.analyse(generation, text, syntax, pieces)
    ranker.keyword(ranked_query)                       # ranked_query.rankings["keyword"] is there
    ranker.vector(ranked_query, encoder, state, message)
    ranker.fuse(ranked_query)
    missing = ranker.gather(ranked_query, tokens)      # where > 0: worth showing before the next
    ranker.rerank(ranked_query, tokens, encoder, cross)
    beside = ranker.approximate(ranked_query, index.approximate)  # optional, on any thread
    ranker.set_beside(ranked_query, beside)
    ranked_query.finish()

After each, `results.recall` makes the answer so far. A ranking never fails the others: a stage that
cannot do its work leaves a ranking whose state and message say so. The same generation, settings
and query give the same order every time.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from membrowse.ranking import fusion, reranker
from membrowse.ranking.keyword import satisfying
from membrowse.ranking.prepare import prepare
from membrowse.ranking.ranked_query import ChunkRanking, RankedQuery, Scores, nothing, ranked
from membrowse.ranking.stages import NO_WORDS, finished, milliseconds, put, stage
from membrowse.ranking.vector import Twins, cosines, known_share, missed
from membrowse.settings import FusionMethod, Settings
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, Approximate, RankingState

if TYPE_CHECKING:
    from membrowse.encoding.cross_encoder import CrossEncoder
    from membrowse.encoding.encoder import Encoder, Piece
    from membrowse.encoding.word_pieces import WordPieces
    from membrowse.index.generation import Generation
    from membrowse.index.token_store import TokenStore

Nearest = Callable[[NDArray[np.float32], int], Sequence[str] | None]
"""A vector [d] and a number n → the ids of the n nearest chunks, or None where that is unknown."""

log = logging.getLogger(__name__)

READY = RankingState.READY
APPROXIMATE = 10
"""Best chunks of the exact vector ranking that HNSW is compared on."""
LONG = "longer than the encoder's window: only its beginning is encoded"


class Ranker:
    """Makes rankings by `settings`.

    Safe to use from any thread; an ranked_query belongs to one at a time.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        """By which it ranks."""
        self._of_generation: _OfGeneration | None = None

    def by(self, settings: Settings) -> Ranker:
        """A ranker by other settings, which need not work out again what a generation has."""
        other = Ranker(settings)
        other._of_generation = self._of_generation
        return other

    def analyse(
        self, generation: Generation, text: str, syntax: str, pieces: WordPieces | None = None
    ) -> RankedQuery:
        """Understand the query and set the scope; `pieces` tells early what the encoder knows."""
        ranked_query = prepare(generation, text, syntax)
        if pieces is not None:
            words = ranked_query.parsed.words
            found = pieces.tokenise(words).pieces
            _tell_pieces(ranked_query, found, known_share(words, found))
        return ranked_query

    def keyword(self, ranked_query: RankedQuery) -> None:
        """BM25 of all chunks in scope that hold a word of the query."""
        with stage(ranked_query, KEYWORD, spent_ms=ranked_query.lookup_ms):
            postings = ranked_query.terms()
            scores, matched = postings.scores(self.settings.keyword)
            constraints = ranked_query.parsed.constraints
            if constraints:
                matched &= satisfying(ranked_query.at().keyword, constraints)
            message = "" if postings.by_term else NO_WORDS
            put(ranked_query, KEYWORD, ranked(scores, matched & ranked_query.scope, READY, message))

    def vector(
        self,
        ranked_query: RankedQuery,
        encoder: Encoder | None,
        state: RankingState = RankingState.READY,
        message: str = "",
    ) -> None:
        """Exact cosine of all encoded chunks in scope; includes encoding the query.

        Without an `encoder` the ranking is empty, with `state` and `message` as given. With one, a
        `state` other than READY is kept (stale vectors are ranked, and said to be stale).
        """
        with stage(ranked_query, VECTOR):
            if encoder is None or not ranked_query.parsed.words:
                reason = message if encoder is None else NO_WORDS
                put(ranked_query, VECTOR, nothing(len(ranked_query.chunks), state, reason))
                return
            encoded = encoder.query(ranked_query.parsed.words)
            ranked_query.encoded = encoded
            ranked_query.known = known_share(encoded.text, encoded.pieces)
            _tell_pieces(ranked_query, encoded.pieces, ranked_query.known)
            generation = ranked_query.at()
            scores = cosines(generation, encoded.vector, self.settings.vector.passage_weight)
            self._twins(ranked_query).level(scores)
            state, message = _vector_state(ranked_query, state, message)
            mask = generation.encoded & ranked_query.scope
            put(ranked_query, VECTOR, ranked(scores, mask, state, message))

    def approximate(self, ranked_query: RankedQuery, ask: Nearest) -> Approximate | None:
        """What `ask` (HNSW) misses of the chunks nearest to the query; only reads `ranked_query`.

        HNSW knows one vector of each chunk and no filters: None where filters are in force, or
        where it cannot answer.
        """
        exact, encoded = ranked_query.rankings.get(VECTOR), ranked_query.encoded
        if exact is None or encoded is None or not exact.total or ranked_query.parsed.filters:
            return None
        started = time.perf_counter()
        asked = min(APPROXIMATE, exact.total)
        answer = ask(encoded.vector, asked)
        if answer is None:
            return None
        rows = [ranked_query.row_of[chunk] for chunk in answer if chunk in ranked_query.row_of]
        lost = missed(ranked_query.at(), encoded.vector, rows, asked)
        ranks = tuple(sorted(exact.ranks[lost].tolist()))
        return Approximate(asked=asked, missed=ranks, took_ms=milliseconds(started))

    def set_beside(self, ranked_query: RankedQuery, found: Approximate | None) -> None:
        """Note in the vector ranking what `approximate` found."""
        exact = ranked_query.rankings[VECTOR]
        ranked_query.rankings[VECTOR] = replace(exact, approximate=found)

    def fuse(self, ranked_query: RankedQuery) -> None:
        """Keyword and vector as one ranking of all chunks in scope.

        The vector's weight is scaled by what the encoder knows of the query. Without a vector
        ranking, keyword's order, and the message says why.
        """
        with stage(ranked_query, FUSED):
            keyword, vector = (finished(ranked_query, name) for name in (KEYWORD, VECTOR))
            set_weight = self.settings.fusion.weight
            weight = fusion.vector_weight(set_weight, ranked_query.known, vector.total)
            scores = self._fused(ranked_query, keyword, vector, weight)
            state, message = READY, ""
            if vector.state is not READY:
                state = vector.state
                message = vector.message if vector.total else f"keyword only: {vector.message}"
            elif keyword.state is not READY:
                state, message = keyword.state, f"vector only: {keyword.message}"
            put(ranked_query, FUSED, ranked(scores, ranked_query.scope, state, message))

    def _fused(
        self, ranked_query: RankedQuery, keyword: ChunkRanking, vector: ChunkRanking, weight: float
    ) -> Scores:
        if self.settings.fusion.method is FusionMethod.RRF:
            k = self.settings.fusion.rrf_k
            return fusion.reciprocal_rank(keyword.ranks, vector.ranks, weight, k)
        encoded = vector.ranks > 0
        return fusion.convex(
            fusion.minmax(keyword.scores, ranked_query.scope),
            fusion.minmax(vector.scores, encoded),
            weight,
        )

    def gather(self, ranked_query: RankedQuery, tokens: TokenStore) -> int:
        """Fetch the pool's stored token vectors; how many are missing, so that `rerank` will take
        a second or two to encode them.

        Where any is missing, the reranked ranking is the fused one for now, in state LOADING, with
        `cached`. This step can be left out.
        """
        try:
            return reranker.gather(ranked_query, self.settings.rerank, tokens)
        except (OSError, sqlite3.Error):
            log.warning("no stored token vectors", exc_info=True)
            return 0

    def rerank(
        self,
        ranked_query: RankedQuery,
        tokens: TokenStore,
        encoder: Encoder | None,
        cross: CrossEncoder | None = None,
    ) -> None:
        """Order the first of the fused ranking anew; beyond that pool, and where reranking is
        impossible, it stays in fused order, and the message says why.
        """
        with stage(ranked_query, RERANKED):
            idf = self._idf(ranked_query)
            reranker.rerank(ranked_query, self.settings.rerank, tokens, encoder, cross, idf)

    def _idf(self, ranked_query: RankedQuery) -> Callable[[str], float]:
        """The idf of any term of the query; of stop words, which keyword did not read, too."""
        return ranked_query.terms().any_idf(self._for_generation(ranked_query).idf)

    def _twins(self, ranked_query: RankedQuery) -> Twins:
        of_generation = self._for_generation(ranked_query)
        if of_generation.twins is None:
            of_generation.twins = Twins(ranked_query.at().keys)
        return of_generation.twins

    def _for_generation(self, ranked_query: RankedQuery) -> _OfGeneration:
        """What is worked out once for a generation (two threads may both do it: same result)."""
        known = self._of_generation
        generation = ranked_query.at()
        if known is None or known.number != generation.number:
            known = _OfGeneration(generation.number)
            self._of_generation = known
        return known


@dataclass(slots=True)
class _OfGeneration:
    number: int
    twins: Twins | None = None
    idf: dict[str, float] = field(default_factory=dict)
    """Of stop words, in the body."""


def _tell_pieces(ranked_query: RankedQuery, pieces: Sequence[Piece], known: float) -> None:
    """Say in the query what the encoder made of it."""
    ranked_query.query = msgspec.structs.replace(
        ranked_query.query, pieces=len(pieces), unknown=1.0 - known
    )


def _vector_state(
    ranked_query: RankedQuery, state: RankingState, message: str
) -> tuple[RankingState, str]:
    """Indexing while vectors are missing; and what else is to be said."""
    said = [message] if message else []
    encoded, total = int(np.count_nonzero(ranked_query.at().encoded)), len(ranked_query.chunks)
    if encoded < total:
        said.append(f"{encoded:,} of {total:,} chunks encoded")
        state = RankingState.INDEXING if state is READY else state
    if ranked_query.known < 1.0:
        said.append(f"{1.0 - ranked_query.known:.0%} unknown to the encoder".replace("%", " %"))
    if ranked_query.encoded is not None and ranked_query.encoded.cut:
        said.append(LONG)
    return state, "; ".join(said)
