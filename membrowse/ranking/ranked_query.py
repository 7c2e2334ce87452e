"""One query over one generation: what each ranking made of every chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from membrowse.ranking.query_parser import ParsedQuery
from membrowse.wire.search import Approximate, Query, RankingState

if TYPE_CHECKING:
    from membrowse.encoding.encoder import EncodedQuery
    from membrowse.index.generation import Generation, IndexedNote
    from membrowse.notes.chunk import Chunk
    from membrowse.ranking.keyword import Postings
    from membrowse.ranking.late_interaction import HasTokenVectors
    from membrowse.ranking.snippets import Snippet, Snippets

Scores = NDArray[np.float64]
"""[rows]: a score for every chunk of the generation, in canonical order (path, position)."""
Mask = NDArray[np.bool_]
"""[rows]"""
Rows = NDArray[np.int32]
Maxima = dict[str, NDArray[np.float32]]
"""By a chunk's content key: the greatest similarity that each query token which counts has to any
of its tokens."""


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """How a pool of n chunks was reranked."""

    pool: Rows
    """[n], in fused order."""
    raw: Scores
    """[n]: the reranker's own scores (MaxSim, or the cross-encoder's)."""
    scored: Mask
    """[n]: which of the pool the reranker could score."""
    share: float
    """The reranker's share of the final score, as used; the rest is the fused score's."""


@dataclass(frozen=True, slots=True, eq=False)
class ChunkRanking:
    """One ranking of all chunks: arrays over the generation's rows."""

    state: RankingState
    scores: Scores
    """0 where a chunk has no rank."""
    order: Rows
    """[total]: the rows that have a rank, best first; equal scores by path and position."""
    ranks: Rows
    """[rows]: from 1; 0 where a chunk has no rank."""
    took_ms: float = 0.0
    message: str = ""
    pool: int | None = None
    """Reranked only: the rows `order[:pool]` are reranked, the rest goes on in fused order."""
    cached: int | None = None
    """Reranked only: how many of the pool had stored token vectors."""
    approximate: Approximate | None = None
    blend: Blend | None = None
    """Reranked only, where there was a reranker."""

    @property
    def total(self) -> int:
        return len(self.order)


def ranked(scores: Scores, mask: Mask, state: RankingState, message: str = "") -> ChunkRanking:
    """The rows of `mask` by descending score, equal scores in canonical order."""
    rows = np.flatnonzero(mask)
    order = rows[np.argsort(-scores[rows], kind="stable")].astype(np.int32)
    return in_order(np.where(mask, scores, 0.0), order, state, message)


def in_order(scores: Scores, order: Rows, state: RankingState, message: str = "") -> ChunkRanking:
    """The rows of `order`, as they are."""
    ranks = np.zeros(len(scores), dtype=np.int32)
    ranks[order] = np.arange(1, len(order) + 1, dtype=np.int32)
    return ChunkRanking(state=state, scores=scores, order=order, ranks=ranks, message=message)


def nothing(rows: int, state: RankingState, message: str) -> ChunkRanking:
    """A ranking that ranks no chunk, and says why."""
    empty = np.zeros(0, dtype=np.int32)
    return in_order(np.zeros(rows), empty, state, message)


@dataclass(slots=True, eq=False)
class RankedQuery:
    """One query over one generation, filled in stage by stage by a `Ranker`.

    Holds what later pages of hits need. `finish` lets go of the generation's matrices and reader,
    so that a remembered ranked_query keeps only its own arrays and the chunks.
    """

    generation: Generation | None
    number: int
    """The generation's number."""
    chunks: Sequence[Chunk]
    notes: Mapping[str, IndexedNote]
    row_of: Mapping[str, int]
    parsed: ParsedQuery
    query: Query
    scope: Mask
    """The chunks that pass the filters; every ranking is over these."""
    in_body: Mask
    """The chunks that hold a query term in their text, and so in their snippet."""
    snippets: Snippets
    postings: Postings | None
    lookup_ms: float
    """What it took to look up the query's terms: a part of keyword's own time."""
    rankings: dict[str, ChunkRanking] = field(default_factory=dict)
    """The rankings that are finished (or, reranked, begun), by name."""
    encoded: EncodedQuery | None = None
    known: float = 0.0
    """Share of the query that the encoder knows, 0 to 1: scales the vector's say."""
    tokens: dict[str, HasTokenVectors] = field(default_factory=dict)
    """Token vectors of the pool that are at hand, by content key."""
    interactions: dict[tuple[float, bool], dict[str, float]] = field(default_factory=dict)
    """MaxSim that was worked out: by the stop words' weight and whether idf counts, then by content
    key. Other settings of fusion and reranking use it again."""
    maxima: dict[bool, Maxima] = field(default_factory=dict)
    """By whether stop words count: the same for every generation and all other settings, so that a
    query that is asked again may bring them along."""
    crossed: dict[str, float] = field(default_factory=dict)
    """The cross-encoder's scores, by content key: it costs most, and hangs on no other setting."""
    shown: dict[int, Snippet] = field(default_factory=dict)
    """Snippets that were made, by row."""

    def at(self) -> Generation:
        """The generation; an error after `finish`."""
        if self.generation is None:
            raise RuntimeError("the ranked_query is finished: it can only be read")
        return self.generation

    def terms(self) -> Postings:
        """The postings of the query's terms; an error after `finish`."""
        if self.postings is None:
            raise RuntimeError("the ranked_query is finished: it can only be read")
        return self.postings

    def finish(self) -> None:
        """Let go of what only the stages need."""
        self.generation = None
        self.postings = None
        self.encoded = None
        self.tokens = {}
        self.interactions = {}
        self.maxima = {}
        self.crossed = {}
