"""The stages of a query, called one by one, each a plain blocking function.

    ranker = Ranker(settings)
    evaluation = ranker.analyse(generation, text, syntax, pieces)
    ranker.keyword(evaluation)                       # evaluation.rankings["keyword"] is there
    ranker.vector(evaluation, encoder, state, message)
    ranker.fuse(evaluation)
    missing = ranker.gather(evaluation, tokens)      # where > 0: worth showing before the next
    ranker.rerank(evaluation, tokens, encoder, cross)
    beside = ranker.approximate(evaluation, index.approximate)  # optional, on any thread
    ranker.set_beside(evaluation, beside)
    evaluation.finish()

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

from membrowse.ranking import fusion, reranking
from membrowse.ranking.beginning import begin
from membrowse.ranking.evaluation import Evaluation, Ranked, Scores, nothing, ranked
from membrowse.ranking.keyword import satisfying
from membrowse.ranking.stages import NO_WORDS, finished, milliseconds, put, stage
from membrowse.ranking.vector import Twins, cosines, known_share, missed
from membrowse.recall import FUSED, KEYWORD, RERANKED, VECTOR, Approximate, RankingState
from membrowse.settings import FusionMethod, Settings

if TYPE_CHECKING:
    from membrowse.encoding.cross import CrossEncoderChild
    from membrowse.encoding.pieces import Pieces
    from membrowse.encoding.served import Encoder
    from membrowse.encoding.values import Piece
    from membrowse.index.generation import Generation
    from membrowse.index.tokens import TokenStore

Nearest = Callable[[NDArray[np.float32], int], Sequence[str] | None]
"""A vector [d] and a number n → the ids of the n nearest chunks, or None where that is unknown."""

log = logging.getLogger(__name__)

__all__ = ["Evaluation", "Ranker"]

READY = RankingState.READY
APPROXIMATE = 10
"""Best chunks of the exact vector ranking that HNSW is compared on."""
LONG = "longer than the encoder's window: only its beginning is encoded"


class Ranker:
    """Makes rankings by `settings`.

    Safe to use from any thread; an evaluation belongs to one at a time.
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
        self, generation: Generation, text: str, syntax: str, pieces: Pieces | None = None
    ) -> Evaluation:
        """Understand the query and set the scope; `pieces` tells early what the encoder knows."""
        evaluation = begin(generation, text, syntax)
        if pieces is not None:
            words = evaluation.parsed.words
            found = pieces.tokenise(words).pieces
            _tell_pieces(evaluation, found, known_share(words, found))
        return evaluation

    def keyword(self, evaluation: Evaluation) -> None:
        """BM25 of all chunks in scope that hold a word of the query."""
        with stage(evaluation, KEYWORD, spent_ms=evaluation.lookup_ms):
            postings = evaluation.terms()
            scores, matched = postings.scores(self.settings.keyword)
            constraints = evaluation.parsed.constraints
            if constraints:
                matched &= satisfying(evaluation.at().keyword, constraints)
            message = "" if postings.by_term else NO_WORDS
            put(evaluation, KEYWORD, ranked(scores, matched & evaluation.scope, READY, message))

    def vector(
        self,
        evaluation: Evaluation,
        encoder: Encoder | None,
        state: RankingState = RankingState.READY,
        message: str = "",
    ) -> None:
        """Exact cosine of all encoded chunks in scope; includes encoding the query.

        Without an `encoder` the ranking is empty, with `state` and `message` as given. With one, a
        `state` other than READY is kept (stale vectors are ranked, and said to be stale).
        """
        with stage(evaluation, VECTOR):
            if encoder is None or not evaluation.parsed.words:
                reason = message if encoder is None else NO_WORDS
                put(evaluation, VECTOR, nothing(len(evaluation.chunks), state, reason))
                return
            encoded = encoder.query(evaluation.parsed.words)
            evaluation.encoded = encoded
            evaluation.known = known_share(encoded.text, encoded.pieces)
            _tell_pieces(evaluation, encoded.pieces, evaluation.known)
            generation = evaluation.at()
            scores = cosines(generation, encoded.vector, self.settings.vector.passage_weight)
            self._twins(evaluation).level(scores)
            state, message = _vector_state(evaluation, state, message)
            mask = generation.encoded & evaluation.scope
            put(evaluation, VECTOR, ranked(scores, mask, state, message))

    def approximate(self, evaluation: Evaluation, ask: Nearest) -> Approximate | None:
        """What `ask` (HNSW) misses of the chunks nearest to the query; only reads `evaluation`.

        HNSW knows one vector of each chunk and no filters: None where filters are in force, or
        where it cannot answer.
        """
        exact, encoded = evaluation.rankings.get(VECTOR), evaluation.encoded
        if exact is None or encoded is None or not exact.total or evaluation.parsed.filters:
            return None
        started = time.perf_counter()
        asked = min(APPROXIMATE, exact.total)
        answer = ask(encoded.vector, asked)
        if answer is None:
            return None
        rows = [evaluation.row_of[chunk] for chunk in answer if chunk in evaluation.row_of]
        lost = missed(evaluation.at(), encoded.vector, rows, asked)
        ranks = tuple(sorted(exact.ranks[lost].tolist()))
        return Approximate(asked=asked, missed=ranks, took_ms=milliseconds(started))

    def set_beside(self, evaluation: Evaluation, found: Approximate | None) -> None:
        """Note in the vector ranking what `approximate` found."""
        exact = evaluation.rankings[VECTOR]
        evaluation.rankings[VECTOR] = replace(exact, approximate=found)

    def fuse(self, evaluation: Evaluation) -> None:
        """Keyword and vector as one ranking of all chunks in scope.

        The vector's weight is scaled by what the encoder knows of the query. Without a vector
        ranking, keyword's order, and the message says why.
        """
        with stage(evaluation, FUSED):
            keyword, vector = (finished(evaluation, name) for name in (KEYWORD, VECTOR))
            set_weight = self.settings.fusion.weight
            weight = fusion.vector_weight(set_weight, evaluation.known, vector.total)
            scores = self._fused(evaluation, keyword, vector, weight)
            state, message = READY, ""
            if vector.state is not READY:
                state = vector.state
                message = vector.message if vector.total else f"keyword only: {vector.message}"
            elif keyword.state is not READY:
                state, message = keyword.state, f"vector only: {keyword.message}"
            put(evaluation, FUSED, ranked(scores, evaluation.scope, state, message))

    def _fused(
        self, evaluation: Evaluation, keyword: Ranked, vector: Ranked, weight: float
    ) -> Scores:
        if self.settings.fusion.method is FusionMethod.RRF:
            k = self.settings.fusion.rrf_k
            return fusion.reciprocal_rank(keyword.ranks, vector.ranks, weight, k)
        encoded = vector.ranks > 0
        return fusion.convex(
            fusion.minmax(keyword.scores, evaluation.scope),
            fusion.minmax(vector.scores, encoded),
            weight,
        )

    def gather(self, evaluation: Evaluation, tokens: TokenStore) -> int:
        """Fetch the pool's stored token vectors; how many are missing, so that `rerank` will take
        a second or two to encode them.

        Where any is missing, the reranked ranking is the fused one for now, in state LOADING, with
        `cached`. This step can be left out.
        """
        try:
            return reranking.gather(evaluation, self.settings.rerank, tokens)
        except (OSError, sqlite3.Error):
            log.warning("no stored token vectors", exc_info=True)
            return 0

    def rerank(
        self,
        evaluation: Evaluation,
        tokens: TokenStore,
        encoder: Encoder | None,
        cross: CrossEncoderChild | None = None,
    ) -> None:
        """Order the first of the fused ranking anew; beyond that pool, and where reranking is
        impossible, it stays in fused order, and the message says why.
        """
        with stage(evaluation, RERANKED):
            idf = self._idf(evaluation)
            reranking.rerank(evaluation, self.settings.rerank, tokens, encoder, cross, idf)

    def _idf(self, evaluation: Evaluation) -> Callable[[str], float]:
        """The idf of any term of the query; of stop words, which keyword did not read, too."""
        return evaluation.terms().any_idf(self._for_generation(evaluation).idf)

    def _twins(self, evaluation: Evaluation) -> Twins:
        of_generation = self._for_generation(evaluation)
        if of_generation.twins is None:
            of_generation.twins = Twins(evaluation.at().keys)
        return of_generation.twins

    def _for_generation(self, evaluation: Evaluation) -> _OfGeneration:
        """What is worked out once for a generation (two threads may both do it: same result)."""
        known = self._of_generation
        generation = evaluation.at()
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


def _tell_pieces(evaluation: Evaluation, pieces: Sequence[Piece], known: float) -> None:
    """Say in the query what the encoder made of it."""
    evaluation.query = msgspec.structs.replace(
        evaluation.query, pieces=len(pieces), unknown=1.0 - known
    )


def _vector_state(
    evaluation: Evaluation, state: RankingState, message: str
) -> tuple[RankingState, str]:
    """Indexing while vectors are missing; and what else is to be said."""
    said = [message] if message else []
    encoded, total = int(np.count_nonzero(evaluation.at().encoded)), len(evaluation.chunks)
    if encoded < total:
        said.append(f"{encoded:,} of {total:,} chunks encoded")
        state = RankingState.INDEXING if state is READY else state
    if evaluation.known < 1.0:
        said.append(f"{1.0 - evaluation.known:.0%} unknown to the encoder".replace("%", " %"))
    if evaluation.encoded is not None and evaluation.encoded.cut:
        said.append(LONG)
    return state, "; ".join(said)
