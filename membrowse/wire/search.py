"""A query and its rankings: the JSON contract of `search --json` (schema 1)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.wire.notes import Freshness, NoteState
from membrowse.wire.overrides import Overrides
from membrowse.wire.request import Request, StreamRequest

SCHEMA = 1
"""Version of the JSON contract. Keys may be added; none changes its meaning."""

KEYWORD, VECTOR, FUSED, RERANKED = "keyword", "vector", "fused", "reranked"
RANKINGS = (KEYWORD, VECTOR, FUSED, RERANKED)
"""The rankings that membrowse computes, in order of computation. A client must also show a ranking
whose name it does not know."""


class RankingState(StrEnum):
    """Whether a ranking can be trusted; `Ranking.message` says why not and what to do."""

    READY = "ready"
    INDEXING = "indexing"
    LOADING = "loading"
    STALE = "stale"
    OFF = "off"
    FAILED = "failed"


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """A query term after analysis."""

    term: str
    df: int
    """Document frequency: live chunks that contain the term in any field."""
    typed: str = ""
    """The part of the query that it comes from, as typed."""


class QueryDate(msgspec.Struct, frozen=True, kw_only=True):
    """A date expression of the query, which matches notes of that date."""

    typed: str
    meaning: str
    """`2026-11-17`, `2026-10`, `2026-11-16 to 2026-11-22` or `2026`."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """How the analyser and the encoder read the query."""

    text: str
    syntax: str
    """`literal` or `operators`."""
    terms: tuple[Term, ...] = ()
    dropped: tuple[str, ...] = ()
    """Stop words that were left out, as typed (folded)."""
    required: tuple[str, ...] = ()
    """Constraints of the operator syntax on keyword (phrases, excluded words, fields), as typed."""
    filters: tuple[str, ...] = ()
    """Filters in force (`root:`, `path:`, `tag:`, `after:`, `before:`), as typed; a date in
    words as the day that it is read as."""
    dates: tuple[QueryDate, ...] = ()
    """Date expressions, and what they are read as."""
    encoded: str = ""
    """The text given to the encoder."""
    pieces: int = 0
    """Word pieces of `encoded`, without special tokens."""
    unknown: float = 0.0
    """Share of `pieces` (without punctuation) that the encoder does not know, 0 to 1."""
    warnings: tuple[str, ...] = ()
    partial: bool = False
    """The folder is being read for the first time, or words are counted again: a term may yet be
    found."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk at a rank of one ranking."""

    rank: int
    exact: bool = True
    """False if `rank` is a lower bound."""
    chunk: str
    """The chunk's id."""
    path: str
    title: str
    heading: str
    """The heading path as one line, `A › B`."""
    start_line: int
    end_line: int
    start_offset: int
    end_offset: int
    date: str
    """The note's date, ISO."""
    indexed_at: str
    freshness: Freshness = Freshness.CURRENT
    ranks: dict[str, int | None]
    """Rank in every ranking; None where the chunk has none (no term matches, not encoded)."""
    scores: dict[str, float | None]
    """Score in every ranking, likewise."""
    at_least: tuple[str, ...] = ()
    """Rankings in which the rank is a lower bound: a store that lists only the best did not count
    all that may rank above."""
    score: float
    snippet: str
    marks: tuple[tuple[int, int], ...] = ()
    """Spans of `snippet` (start, end) that match a query term."""
    copy_of: str = ""
    """Path of the note that this one is a copy of, by its name (a conflict copy); else empty."""
    text: str = ""
    """The chunk's text, if the request asked for it."""


class Approximate(msgspec.Struct, frozen=True, kw_only=True):
    """What Chroma's HNSW returned, compared with the exact vector ranking."""

    asked: int
    """Chunks that HNSW was asked for."""
    missed: tuple[int, ...]
    """Exact ranks, up to `asked`, of the chunks that HNSW did not return."""
    took_ms: float


class MatchStrength(msgspec.Struct, frozen=True, kw_only=True):
    """How well the folder matches a query, on scales that are comparable across queries."""

    weak: bool
    """Nothing matches well: probably the folder does not answer the query."""
    cosine: float | None
    """Of the nearest chunk; None if the encoder cannot judge the query."""
    coverage: float | None
    """Share of the query's terms, weighted by idf, that one of the first five chunks contains, the
    best of them, 0 to 1; None if the query has no terms."""


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """One ordered list of hits, from rank 1 or, as a page, from a later one."""

    state: RankingState
    message: str = ""
    took_ms: float = 0.0
    """Time of this stage alone, in the engine."""
    total: int = 0
    """Chunks that have a rank in this ranking; `hits` may hold fewer."""
    exact: bool = True
    """False if more chunks may have a rank than `total`: the store lists only the best."""
    hits: tuple[Hit, ...] = ()
    pool: int | None = None
    """Reranked only: hits beyond this rank keep their fused order."""
    cached: int | None = None
    """Reranked only: chunks of the pool with stored token vectors; fewer than `pool` while the rest
    is being encoded."""
    approximate: Approximate | None = None
    """Vector only."""
    strength: MatchStrength | None = None
    """Reranked only; None while it cannot be judged."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What the person expects to find. At least one of `path`, `chunk` and `text` is given."""

    path: str = ""
    line: int | None = None
    chunk: str = ""
    """A chunk's id; if the chunk was edited away, its successor counts."""
    text: str = ""
    """Words that the chunk should contain, compared without regard to white space and case."""


class CutOrigin(StrEnum):
    """Where the k of a cut comes from."""

    AGENT = "agent"
    """The settings of the agent."""
    DEFAULT = "default"
    """Nobody set it."""
    REQUEST = "request"


class TargetMatch(msgspec.Struct, frozen=True, kw_only=True):
    """How the target fared in one search."""

    label: str
    """The target in a few words: `decisions/ssh.md:14`."""
    hit: Hit | None
    """The chunk asked for, or the best chunk of the note; None if none is indexed."""
    k: int
    """The cut: how many hits the agent gets."""
    cut: CutOrigin = CutOrigin.AGENT
    passes: bool
    """Whether the hit is in the first `k` of the reranked ranking and reaches the agent's minimum
    score."""
    state: NoteState | None = None
    """State of the note; None if the folder has no such file."""
    reason: str = ""
    """Why there is no hit, a sentence."""
    provisional: str = ""
    """Why all this may still change by itself, a clause: `69 of 85 chunks still to encode`; empty
    if it is final."""


class SearchResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """All rankings of one query over one generation of the index."""

    schema: int = SCHEMA
    id: str = msgspec.field(name="recall")
    """Identifies this response; pages are requested by it."""
    asked_at: str
    client: str
    query: Query
    folder: str
    generation: int
    notes: int
    chunks: int
    pending: int
    """Notes on disk that differ from the index (new, changed, deleted, failed)."""
    settings_digest: str
    rankings: dict[str, Ranking]
    """While `complete` is false, only the rankings that are finished."""
    complete: bool = True
    tracked: dict[str, Hit] = {}
    """Tracked chunk id → the hit of that chunk (or its successor) in the reranked ranking, or in
    the last ranking that is finished. A chunk that is gone is absent."""
    number: int = 0
    """The client's own number for the query, returned as given."""
    target: TargetMatch | None = None
    reading: bool = False
    """The first pass over the folder has not ended: the index lacks notes, and every ranking that
    would be `ready` is `indexing`."""

    @property
    def hits(self) -> tuple[Hit, ...]:
        """Hits of the last ranking that has any: reranked, else fused, vector, keyword."""
        found = (self.rankings[name].hits for name in reversed(RANKINGS) if name in self.rankings)
        return next(filter(None, found), ())

    @property
    def failed(self) -> bool:
        """Whether there is no hit because nothing could be ranked: Milvus does not answer."""
        keyword = self.rankings.get(KEYWORD)
        return not self.hits and keyword is not None and keyword.state is RankingState.FAILED


class RecallContext(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that asks: the engine records its search as a recall."""

    agent: str
    session: str = ""
    k: int = 5
    """Hits that the agent gets."""
    min_score: float | None = None
    """The least score of a hit that the agent gets; None: any."""
    withholds_weak: bool = False
    """The agent gets no hit if nothing matches well."""


class Filters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which notes a search ranks; an empty field lets every note pass.

    Ranks are ranks among the chunks that pass. The engine refuses a filter that it cannot read.
    """

    root: str = ""
    """The first segment of the path: a root of a collection, or a folder's subfolder."""
    path: str = ""
    """A glob that matches the path, or from any `/` on (`/logs/*` only the path); without `*?[`,
    what the path contains."""
    tag: str = ""
    """`ops` passes notes tagged `ops` or `ops/…`."""
    after: str = ""
    """Notes dated in or after this year, month or day: `2026`, `2026-03`, `2026-03-02`, `last
    week`."""
    before: str = ""
    """Notes dated before this year, month or day."""

    @property
    def given(self) -> dict[str, str]:
        """The fields that are not empty."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value}

    def __bool__(self) -> bool:
        return bool(self.given)


NO_FILTERS = Filters()


class SearchRequest(StreamRequest[SearchResponse], frozen=True, kw_only=True):
    """Rank all chunks for a query.

    The reply is one complete response, or with `progressive` several, each more complete.
    """

    text: str
    syntax: str = "literal"
    """`literal` or `operators`."""
    limit: int = 25
    """Hits of each ranking to return, from rank 1; pages bring the rest."""
    client: str = "cli"
    number: int = 0
    progressive: bool = False
    """Send a response after each ranking, not only the last."""
    track: tuple[str, ...] = ()
    """Chunk ids to report wherever they stand; successors are followed."""
    target: Target | None = None
    """What the person expects to find; the response says how it fared."""
    texts: bool = False
    """Whether hits carry the text of their chunk."""
    filters: Filters = Filters()
    """Applied to every ranking, beside those in the text."""
    profile: Overrides = {}
    """Settings of an agent's profile, over those in force."""
    recall: RecallContext | None = None
    """Who asks, if it is an agent; what a person types is not recorded."""


class PageRequest(Request[Ranking], frozen=True, kw_only=True):
    """More hits of one ranking of a response that the engine still remembers."""

    response: str
    """The response's id."""
    ranking: str
    offset: int
    limit: int = 50
