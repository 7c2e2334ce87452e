"""One query over one generation, with everything that the rankings computed for its chunks."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoder import EncodedQuery
from membrowse.index.generation import Generation, IndexedNote
from membrowse.index.protocols import TermWeights
from membrowse.index.store_errors import StoreUnavailable
from membrowse.notes.chunk import Chunk
from membrowse.ranking.chunk_ranking import ChunkRanking, Mask, empty_ranking, in_order
from membrowse.ranking.elapsed import elapsed_ms
from membrowse.ranking.keyword import TermMatches, term_matches
from membrowse.ranking.late_interaction import HasTokenVectors
from membrowse.ranking.query_dates import DateReader
from membrowse.ranking.query_parser import Filter, ParsedQuery, parse_query, requested_filters
from membrowse.ranking.snippets import Snippet, Snippets
from membrowse.text import shown
from membrowse.wire.search import (
    FUSED,
    NO_FILTERS,
    RERANKED,
    Filters,
    Query,
    QueryDate,
    RankingState,
    Term,
)

log = logging.getLogger(__name__)

NO_WORDS = "the query has no words to search for"
_ROOTS_NAMED = 5
NOT_RERANKED = "not reranked, in fused order"

Maxima = dict[str, NDArray[np.float32]]
"""By content key of a chunk: for each weighted query token, its greatest similarity to any of the
chunk's tokens."""


@dataclass(slots=True, eq=False)
class RankedQuery:
    """One query over one generation, filled in stage by stage by a `Ranker`.

    `finish` releases the generation's matrices and reader, so that a finished query keeps only its
    own arrays and the chunks, which is enough for further pages of hits.
    """

    open_generation: Generation | None
    """None after `finish`."""
    generation_number: int
    chunks: Sequence[Chunk]
    notes: Mapping[str, IndexedNote]
    row_of: Mapping[str, int]
    """Chunk id to row."""
    parsed: ParsedQuery
    filters: Filters
    """Those of the request; `parsed` has them, too."""
    query: Query
    scope: Mask
    """Chunks that pass the filters; every ranking is limited to these."""
    nothing_in_scope: str
    """Which filter leaves out every note; empty if one passes."""
    body_matches: Mask
    """Chunks with a query term in their text, and so in their snippet."""
    snippets: Snippets
    open_postings: TermMatches | None
    """None after `finish`."""
    lookup_ms: float
    """Time to look up the query's terms, part of the keyword ranking's time."""
    rankings: dict[str, ChunkRanking] = field(default_factory=dict)
    """Finished rankings (and a waiting reranked one) by name."""
    encoded: EncodedQuery | None = None
    known_share: float = 0.0
    """Share of the query that the encoder knows, 0 to 1; scales the vector's weight."""
    token_vectors: dict[str, HasTokenVectors] = field(default_factory=dict)
    """Available token vectors of the pool, by content key."""
    late_scores: dict[tuple[float, bool], dict[str, float]] = field(default_factory=dict)
    """Computed MaxSim by (stop words' weight, whether idf counts), then by content key; reused
    under other settings of fusion and reranking."""
    maxima: dict[bool, Maxima] = field(default_factory=dict)
    """By whether stop words count. Independent of the generation and all other settings, so a
    repeated query may reuse those of an earlier one."""
    cross_scores: dict[str, float] = field(default_factory=dict)
    """The cross-encoder's scores by content key: expensive, and independent of other settings."""
    snippet_by_row: dict[int, Snippet] = field(default_factory=dict)
    stored_weights: TermWeights = field(default_factory=dict)
    """What a store that lists only the best was asked for by words."""
    unavailable: StoreUnavailable | None = None
    """Why a ranking failed, if the store did not answer."""

    @property
    def generation(self) -> Generation:
        """The generation. Raises `RuntimeError` after `finish`."""
        if self.open_generation is None:
            raise RuntimeError("the ranked query is finished: it can only be read")
        return self.open_generation

    @property
    def postings(self) -> TermMatches:
        """The postings of the query's terms. Raises `RuntimeError` after `finish`."""
        if self.open_postings is None:
            raise RuntimeError("the ranked query is finished: it can only be read")
        return self.open_postings

    @property
    def bytes(self) -> int:
        """About what it takes once it is finished."""
        rankings = sum(ranking.bytes for ranking in self.rankings.values())
        return rankings + self.scope.nbytes + self.body_matches.nbytes

    def ranking(self, name: str) -> ChunkRanking:
        """The ranking `name`, or an empty one that says that it was not computed."""
        ranking = self.rankings.get(name)
        return ranking or empty_ranking(len(self.chunks), RankingState.FAILED, "not computed")

    def put(self, name: str, ranking: ChunkRanking) -> None:
        """Store a ranking; explain an empty one if its message does not."""
        if not ranking.message and not ranking.total:
            if not len(self.chunks):
                ranking = replace(ranking, message="nothing is indexed")
            elif not self.scope.any():
                ranking = replace(ranking, message=self.nothing_in_scope)
        self.rankings[name] = ranking

    def not_reranked(self, state: RankingState, reason: str) -> ChunkRanking:
        """The fused ranking as the reranked one; its message contains `reason`."""
        fused = self.ranking(FUSED)
        return in_order(fused.scores, fused.order, state, f"{NOT_RERANKED}: {reason}")

    @contextmanager
    def stage(self, name: str, spent_ms: float = 0.0) -> Iterator[None]:
        """Time the stage that puts the ranking `name`; `spent_ms` were spent on it before.

        An exception fails only this ranking: it is logged and becomes the ranking's message.
        """
        started = time.perf_counter()
        try:
            yield
        except Exception as error:
            if isinstance(error, StoreUnavailable):
                self.unavailable = error
            else:
                log.exception("the %s ranking failed; `membrowse doctor` looks for the cause", name)
            self.rankings[name] = self._failed(name, error)
        took_ms = spent_ms + elapsed_ms(started)
        self.rankings[name] = replace(self.rankings[name], took_ms=took_ms)

    def _failed(self, name: str, error: Exception) -> ChunkRanking:
        message = f"failed: {error!r} (see the engine's log)"
        if isinstance(error, StoreUnavailable):
            message = str(error)
        if name == RERANKED and FUSED in self.rankings:
            return self.not_reranked(RankingState.FAILED, message)
        return empty_ranking(len(self.chunks), RankingState.FAILED, message)

    def finish(self) -> None:
        """Release everything that only the stages need."""
        self.open_generation = None
        self.open_postings = None
        self.encoded = None
        self.token_vectors = {}
        self.late_scores = {}
        self.maxima = {}
        self.cross_scores = {}


def prepare(
    generation: Generation,
    text: str,
    syntax: str,
    reader: DateReader | None = None,
    filters: Filters = NO_FILTERS,
) -> RankedQuery:
    """Parse the query, look up its terms, and apply its filters and `filters`.

    Raises `InvalidFilter`.
    """
    started = time.perf_counter()
    parsed = parse_query(text, syntax, reader)
    parsed = replace(parsed, filters=(*parsed.filters, *requested_filters(filters, reader)))
    postings = term_matches(generation, parsed.terms.terms)
    lookup_ms = elapsed_ms(started)
    scope = _scope(generation, parsed)
    return RankedQuery(
        open_generation=generation,
        generation_number=generation.number,
        chunks=generation.chunks,
        notes=generation.notes,
        row_of=generation.row_of,
        parsed=parsed,
        filters=filters,
        query=_query_record(parsed, postings),
        scope=scope,
        nothing_in_scope="" if scope.any() else _nothing_in_scope(generation, parsed.filters),
        body_matches=postings.body_matches(),
        snippets=Snippets(postings.idf),
        open_postings=postings,
        lookup_ms=lookup_ms,
    )


def _scope(generation: Generation, parsed: ParsedQuery) -> Mask:
    """Return the rows whose note passes every filter."""
    if not parsed.filters:
        return np.ones(len(generation.chunks), dtype=np.bool_)
    notes = generation.chunks.notes
    passes = [all(each.passes(note) for each in parsed.filters) for note in notes]
    counts = np.diff(generation.chunks.starts)
    return np.repeat(np.array(passes, dtype=np.bool_), counts)


def _nothing_in_scope(generation: Generation, filters: Iterable[Filter]) -> str:
    """Name the first filter that no note passes, a root beside those that there are."""
    notes = generation.chunks.notes
    for each in filters:
        if not any(map(each.passes, notes)):
            reason = f"no note passes the filter {shown(each.typed)}"
            return reason if each.kind != "root" else f"{reason}{_known_roots(generation)}"
    return "no note passes all filters"


def _known_roots(generation: Generation) -> str:
    names = list(dict.fromkeys(path.partition("/")[0] for path in generation.notes if "/" in path))
    more = ", …" if len(names) > _ROOTS_NAMED else ""
    return f" (there are {shown(', '.join(names[:_ROOTS_NAMED]))}{more})" if names else ""


def _query_record(parsed: ParsedQuery, postings: TermMatches) -> Query:
    typed = parsed.typed
    return Query(
        text=parsed.text,
        syntax=parsed.syntax,
        terms=tuple(
            Term(term=term, df=postings.df.get(term, 0), typed=typed.get(term, ""))
            for term in dict.fromkeys(parsed.terms.terms)
        ),
        dropped=parsed.terms.dropped,
        required=tuple(each.typed for each in parsed.constraints),
        filters=tuple(each.typed for each in parsed.filters),
        encoded=parsed.words,
        dates=tuple(QueryDate(typed=each.typed, meaning=each.meaning) for each in parsed.dates),
        warnings=parsed.warnings,
        partial=postings.failure is not None,
    )
