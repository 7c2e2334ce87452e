"""Why a chunk stands where it stands: every number, summing to the score.

Offsets are characters of the chunk's text, end exclusive, unless said otherwise; ranks count from
1, None where the chunk has none; times are milliseconds.
"""

from __future__ import annotations

import msgspec

from membrowse.recall import Freshness, Hit, RankingState


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
    """Places in the field, in terms from 0 (at most 100)."""
    contribution: float
    """weight · BM25: what this adds to the keyword score."""


class TermExplained(msgspec.Struct, frozen=True, kw_only=True):
    """One query term, as analysed."""

    term: str
    typed: str
    """The word of the query that it comes from."""
    df: int
    """Live chunks that hold it in any field; 0: it stands nowhere in the folder."""
    idf: float
    matches: tuple[FieldMatch, ...]
    """Empty where this chunk does not hold it."""
    contribution: float
    """Sum over `matches`."""
    share: float
    """Of the chunk's keyword score, 0 to 1."""


class KeywordExplained(msgspec.Struct, frozen=True, kw_only=True):
    rank: int | None
    total: int
    score: float
    """The sum of the terms' contributions."""
    k1: float
    b: float
    terms: tuple[TermExplained, ...]
    """All terms of the query, largest contribution first, then those that this chunk lacks."""
    dropped: tuple[str, ...]
    """Stop words that were left out."""
    excluded: str = ""
    """Why a chunk that holds terms has no rank: the constraint or filter that it fails."""


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """A passage of the chunk and its cosine to the query."""

    start: int
    end: int
    line: int
    """Line of the note, 1-based."""
    text: str
    similarity: float


class VectorExplained(msgspec.Struct, frozen=True, kw_only=True):
    state: RankingState
    message: str
    rank: int | None
    total: int
    score: float | None
    cosine: float | None
    """To the chunk's own vector."""
    passage_weight: float
    passages: tuple[Similar, ...]
    """Nearest first. The score is (1 - passage weight) · cosine + passage weight · the first's."""
    hnsw_rank: int | None = None
    """Rank in Chroma's answer, by the chunk's own vector; None where it is not in it."""
    hnsw_exact_rank: int | None = None
    """Exact rank by the chunk's own vector alone: what `hnsw_rank` should be."""
    hnsw_asked: int = 0
    """How many chunks HNSW was asked for."""
    hnsw_missed: bool = False
    """Among the nearest `hnsw_asked` by its own vector, but not returned."""
    pieces: int = 0
    unknown: float = 0.0
    """Share of the query unknown to the encoder."""
    effect: str = ""
    """What that did to the weights, a sentence; empty where nothing."""


class FusedShare(msgspec.Struct, frozen=True, kw_only=True):
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


class FusedExplained(msgspec.Struct, frozen=True, kw_only=True):
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
    shares: tuple[FusedShare, ...]
    """keyword, then vector."""


class TokenMatch(msgspec.Struct, frozen=True, kw_only=True):
    """One word piece of the query and the chunk's token that answers it best."""

    piece: str
    word: str
    """The query's characters under the piece."""
    known: bool
    weight: float
    """Its share of all weights, 0 to 1."""
    token: str
    """The best token of the chunk (a word piece)."""
    in_header: bool
    """Whether that token stands in the context header; then `start` and `end` are into it."""
    start: int
    end: int
    """An empty span (0, 0) where the token is a special of the encoder's, such as `[CLS]`."""
    similarity: float
    share: float
    """weight · similarity: the shares sum to MaxSim."""


class RerankedExplained(msgspec.Struct, frozen=True, kw_only=True):
    state: RankingState
    message: str
    method: str
    rank: int | None
    total: int
    score: float | None
    """The blend's; None beyond the pool."""
    pool: int
    in_pool: bool
    fused_rank: int | None
    movement: int
    """Places gained against the fused ranking; negative: lost."""
    raw: float | None = None
    """MaxSim, or the cross-encoder's score."""
    low: float = 0.0
    high: float = 0.0
    normalised: float = 0.0
    blend_set: float = 0.0
    blend_used: float = 0.0
    contribution: float = 0.0
    """blend used · normalised."""
    fused_low: float = 0.0
    fused_high: float = 0.0
    fused_normalised: float = 0.0
    fused_contribution: float = 0.0
    tokens: tuple[TokenMatch, ...] = ()
    """One a piece of the query, in order (late interaction only)."""


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """How strongly a stretch of the chunk's text answers the query."""

    start: int
    end: int
    strength: float
    """0 to 1, over the chunk: the largest weight · similarity of any query piece to a token of it,
    stretched to the chunk's own bounds."""
    answers: str
    """The query's word that it answers best."""


class Freshened(msgspec.Struct, frozen=True, kw_only=True):
    """The chunk's note as indexed, against the file now."""

    generation: int
    indexed_at: str
    freshness: Freshness
    diff: tuple[str, ...] = ()
    """Unified diff from the indexed text to the file's, at most 200 lines; empty where equal."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One query, one chunk."""

    query: str
    hit: Hit
    """The chunk and its place in the reranked ranking (`ranks` and `scores` hold the others);
    `rank` is 0 where no ranking has it."""
    header: str
    text: str
    """The chunk's text."""
    keyword: KeywordExplained
    vector: VectorExplained
    fused: FusedExplained
    reranked: RerankedExplained
    heat: tuple[Heat, ...]
    took_ms: dict[str, float]
    """By stage: keyword, vector, fused, reranked, and `explain` itself."""
    freshened: Freshened


class Spelling(msgspec.Struct, frozen=True, kw_only=True):
    """Words of the folder that are written nearly as a query word that matches nothing."""

    typed: str
    near: tuple[str, ...]


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk's way through the rankings, for the rank-flow plot."""

    chunk: str
    path: str
    heading: str
    start_line: int
    ranks: dict[str, int | None]
    """In keyword, vector, fused, reranked."""


class RankFlow(msgspec.Struct, frozen=True, kw_only=True):
    """All chunks in the first `depth` of any ranking, by reranked (then fused) rank."""

    query: str
    depth: int
    rankings: tuple[str, ...]
    flows: tuple[Flow, ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One contribution, side by side."""

    ranking: str
    what: str
    """A term, `passage`, `chunk`, `keyword`, `vector`, `fused`, a word of the query."""
    left: float
    right: float
    difference: float
    """left - right."""


class NearlySame(msgspec.Struct, frozen=True, kw_only=True):
    """Another chunk of the folder with nearly the same wording."""

    chunk: str
    path: str
    heading: str
    start_line: int
    end_line: int
    date: str
    of: str
    """`left` or `right`: which of the two it resembles."""
    resemblance: float
    """Share of shared words (Jaccard over analysed terms), 0 to 1."""
    cosine: float | None
    rank: int | None
    """Reranked."""
    snippet: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two chunks under one query: what sets them apart."""

    query: str
    verdict: str
    """One sentence: which stands higher, and through what."""
    left: Explanation
    right: Explanation
    differences: tuple[Difference, ...]
    """By ranking, the largest difference first."""
    only_left: tuple[str, ...]
    """Words that only the left says, as written, the rarest first (at most 40)."""
    only_right: tuple[str, ...]
    nearly_same: tuple[NearlySame, ...]
    took_ms: float
