"""Why a chunk has the rank it has: every number, summing to the score.

Offsets are into the chunk's text unless a field says otherwise; a rank is None where the chunk has
none.
"""

from __future__ import annotations

import msgspec

from membrowse.wire.notes import Freshness
from membrowse.wire.overrides import Overrides
from membrowse.wire.request import Request
from membrowse.wire.search import Filters, Hit, RankingState, Target


class FieldMatch(msgspec.Struct, frozen=True, kw_only=True):
    """One query term in one field of the chunk."""

    field: str
    weight: float
    """The field's weight."""
    frequency: int
    length: float
    """Terms in the field, as Whoosh stores it (quantised)."""
    mean_length: float
    positions: tuple[int, ...]
    """Positions in the field, in terms from 0 (at most 100)."""
    contribution: float
    """weight · BM25: what this adds to the keyword score."""


class TermExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """One query term."""

    term: str
    typed: str
    """The query word that it comes from."""
    df: int
    """Document frequency: live chunks that contain it in any field."""
    idf: float
    matches: tuple[FieldMatch, ...]
    """Empty if this chunk does not contain it."""
    contribution: float
    """Sum over `matches`."""
    share: float
    """Of the chunk's keyword score, 0 to 1."""


class KeywordExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """The keyword score."""

    rank: int | None
    total: int
    score: float
    """The sum of the terms' contributions."""
    k1: float
    b: float
    terms: tuple[TermExplanation, ...]
    """All query terms: those in this chunk by contribution, then those that are missing."""
    dropped: tuple[str, ...]
    """Stop words that were left out."""
    excluded: str = ""
    """Why a chunk that contains terms has no rank: the constraint or filter that excludes it."""
    complete: bool = True
    """False if more chunks than `total` may have a rank: the store lists only the best."""


class PassageMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A passage of the chunk and its cosine to the query."""

    start: int
    end: int
    line: int
    """Line of the note."""
    text: str
    similarity: float


class VectorExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """The vector score."""

    state: RankingState
    message: str
    rank: int | None
    total: int
    score: float | None
    """(1 - passage weight) · cosine + passage weight · similarity of the nearest passage."""
    cosine: float | None
    """Of the query to the chunk's own vector."""
    passage_weight: float
    passages: tuple[PassageMatch, ...]
    """Nearest first."""
    hnsw_rank: int | None = None
    """Rank in Chroma's answer, by the chunk's own vector; None if it was not returned."""
    hnsw_exact_rank: int | None = None
    """Exact rank by the chunk's own vector alone: what `hnsw_rank` should be."""
    hnsw_asked: int = 0
    """How many chunks HNSW was asked for."""
    hnsw_missed: bool = False
    """Among the nearest `hnsw_asked` by its own vector, but not returned."""
    pieces: int = 0
    unknown: float = 0.0
    """Share of the query that the encoder does not know, 0 to 1."""
    effect: str = ""
    """How that changed the weights, a sentence; empty if it did not."""


class FusedInput(msgspec.Struct, frozen=True, kw_only=True):
    """One input of the fused score."""

    ranking: str
    rank: int | None
    score: float
    low: float
    high: float
    """Bounds of the min-max normalisation (convex)."""
    normalised: float
    """(score - low) / (high - low), or for RRF 1 / (k + rank)."""
    weight: float
    """As used: the set weight, scaled by what the encoder knows."""
    contribution: float
    """weight · normalised."""
    share: float
    """Of the fused score, 0 to 1."""


class FusedExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """The fused score."""

    method: str
    """`convex` or `rrf`."""
    rank: int | None
    total: int
    score: float
    """The sum of the contributions."""
    rrf_k: int | None
    """RRF only."""
    weight_set: float
    """The vector's weight as set."""
    weight_used: float
    inputs: tuple[FusedInput, ...] = msgspec.field(name="shares")
    """Keyword, then vector."""
    complete: bool = True
    """False if more chunks than `total` may have a rank: the store lists only the best."""


class TokenMatch(msgspec.Struct, frozen=True, kw_only=True):
    """One word piece of the query and the chunk's token that matches it best."""

    piece: str
    word: str
    """The query's characters of the piece."""
    known: bool
    weight: float
    """Its share of all weights, 0 to 1."""
    token: str
    """The best token of the chunk (a word piece)."""
    in_header: bool
    """The token is in the context header; `start` and `end` are then offsets into the header."""
    start: int
    end: int
    """An empty span (0, 0) if the token is a special token of the encoder, such as `[CLS]`."""
    similarity: float
    contribution: float = msgspec.field(name="share")
    """weight · similarity: the contributions sum to MaxSim."""
    relative: float
    """`contribution` as a share of MaxSim, 0 to 1."""


class RerankedExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """The reranked score: a blend of the reranker's score and the fused score."""

    state: RankingState
    message: str
    method: str
    rank: int | None
    total: int
    score: float | None
    """None beyond the pool."""
    pool: int
    in_pool: bool
    fused_rank: int | None
    movement: int
    """Ranks gained against the fused ranking; negative: lost."""
    raw: float | None = None
    """MaxSim, or the cross-encoder's score."""
    low: float = 0.0
    high: float = 0.0
    """Bounds of `raw` over the pool."""
    normalised: float = 0.0
    blend_set: float = 0.0
    blend_used: float = 0.0
    """The reranker's weight in the blend; the fused score has the rest."""
    contribution: float = 0.0
    """blend used · normalised."""
    share: float = 0.0
    """`contribution` as a share of the score, 0 to 1."""
    fused_low: float = 0.0
    fused_high: float = 0.0
    fused_normalised: float = 0.0
    fused_contribution: float = 0.0
    fused_share: float = 0.0
    name_bonus: float = 0.0
    """Added because the query is the file name of the note."""
    root_limit: int = 0
    """Chunks of one root that keep their place in the pool; 0: no limit."""
    rank_by_score: int | None = None
    """The rank without the limit; None beyond the pool."""
    limited: bool = False
    """Whether it follows after the pool's other chunks, because its root has enough better ones."""
    tokens: tuple[TokenMatch, ...] = ()
    """One per word piece of the query, in order (late interaction only)."""
    complete: bool = True
    """False if more chunks than `total` may have a rank: the store lists only the best."""


class HeatSpan(msgspec.Struct, frozen=True, kw_only=True):
    """How strongly a span of the chunk's text matches the query."""

    start: int
    end: int
    strength: float
    """The largest weight · similarity of any query piece to a token of the span, scaled to 0 to 1
    over the chunk."""
    answers: str
    """The query word that it matches best."""


class IndexedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """The indexed version of the chunk's note, compared with the file now."""

    generation: int
    indexed_at: str
    freshness: Freshness
    diff: tuple[str, ...] = ()
    """Unified diff from the indexed text to the file, at most 200 lines; empty if equal."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of one chunk for one query."""

    query: str
    hit: Hit
    """The chunk in the reranked ranking; `rank` is 0 if no ranking has it."""
    header: str
    text: str
    """The chunk's text."""
    keyword: KeywordExplanation
    vector: VectorExplanation
    fused: FusedExplanation
    reranked: RerankedExplanation
    heat: tuple[HeatSpan, ...]
    took_ms: dict[str, float]
    """By stage: keyword, vector, fused, reranked, and `explain` itself."""
    indexed: IndexedVersion = msgspec.field(name="freshened")


class ExplainRequest(Request[Explanation], frozen=True, kw_only=True):
    """Explain one chunk: by id, or the chunk that matches `target`."""

    text: str
    syntax: str = "literal"
    chunk: str = ""
    target: Target | None = None
    filters: Filters = Filters()
    """As in `SearchRequest`."""
    profile: Overrides = {}
    """Settings of an agent's profile, over those in force."""


class SpellingSuggestion(msgspec.Struct, frozen=True, kw_only=True):
    """Indexed words that are spelled like a query word that matches nothing."""

    typed: str
    near: tuple[str, ...]


class SpellingRequest(Request[list[SpellingSuggestion]], frozen=True, kw_only=True):
    """Suggest spellings for the query words that match nothing: slow (0.3 s per word at 19,000
    chunks)."""

    text: str
    syntax: str = "literal"
