"""The domain's words, defined once for the engine, the wire and `--json` alike.

A *note* is a file; a *chunk* is the unit that is indexed and ranked; a *ranking* is one ordered
list of *hits*; a *recall* is all the rankings of one query over one *generation* of the index.

Lines are 1-based and inclusive; offsets count characters (code points) of the decoded note, end
exclusive; times are ISO 8601 in UTC with a trailing Z; paths are relative to the folder, with `/`.
This module is light to import: it must never pull in an index, a model or a user interface.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

SCHEMA = 1
"""Version of the JSON contract of `Recall`. Keys may be added; none changes its meaning."""

KEYWORD, VECTOR, FUSED, RERANKED = "keyword", "vector", "fused", "reranked"
RANKINGS = (KEYWORD, VECTOR, FUSED, RERANKED)
"""The rankings that membrowse computes, in the order of their computation. A client must also be
able to show a ranking whose name it does not know."""


class NoteState(StrEnum):
    """What the index holds of a file, compared with the file."""

    INDEXED = "indexed"
    NEW = "new"
    CHANGED = "changed"
    DELETED = "deleted"
    IGNORED = "ignored"
    SKIPPED = "skipped"
    FAILED = "failed"


class RankingState(StrEnum):
    """Whether a ranking can be believed; `Ranking.message` says why not and what to do."""

    READY = "ready"
    INDEXING = "indexing"
    LOADING = "loading"
    STALE = "stale"
    OFF = "off"
    FAILED = "failed"


class Freshness(StrEnum):
    """A hit's note, compared with the file on disk now."""

    CURRENT = "current"
    CHANGED = "changed"
    DELETED = "deleted"


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A run of whole blocks of one note under one heading path: the unit that is ranked."""

    id: str
    """Hash of path, heading path, text and ordinal among equals (hex)."""
    path: str
    position: int
    """0-based place among the note's chunks."""
    title: str
    headings: tuple[str, ...]
    """Heading path from the outermost to the innermost, without the title."""
    tags: tuple[str, ...]
    date: str
    """ISO date of the note (`2026-03-02`)."""
    header: str
    """The context (title › headings, date) put before the text for encoding."""
    text: str
    """Exactly the note's characters from `start_offset` to `end_offset`."""
    start_line: int
    end_line: int
    start_offset: int
    end_offset: int

    @property
    def heading(self) -> str:
        """The heading path as one line, `A › B`."""
        return " › ".join(self.headings)


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """A query term as analysed, and the number of live chunks that hold it in any field."""

    term: str
    df: int


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What the analyser and the encoder made of what was typed."""

    text: str
    syntax: str
    """`literal` or `operators`."""
    terms: tuple[Term, ...] = ()
    dropped: tuple[str, ...] = ()
    """Stop words that were left out, as typed (folded)."""
    required: tuple[str, ...] = ()
    """Constraints of the operator syntax on keyword (phrases, excluded words, fields), as typed."""
    filters: tuple[str, ...] = ()
    """Filters in force (`path:`, `tag:`, `after:`, `before:`), as typed."""
    encoded: str = ""
    """The text given to the encoder."""
    pieces: int = 0
    """Word pieces of `encoded`, without specials."""
    unknown: float = 0.0
    """Share of `pieces`, punctuation aside, that the encoder does not know, 0 to 1."""
    warnings: tuple[str, ...] = ()


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk at a rank of one ranking."""

    rank: int
    exact: bool = True
    """False where a store could only estimate the rank."""
    chunk: str
    path: str
    title: str
    heading: str
    start_line: int
    end_line: int
    start_offset: int
    end_offset: int
    date: str
    indexed_at: str
    freshness: Freshness = Freshness.CURRENT
    ranks: dict[str, int | None]
    """The chunk's rank in every ranking; None where it has none (no term matches, not encoded)."""
    scores: dict[str, float | None]
    """The chunk's score in every ranking, likewise."""
    score: float
    snippet: str
    marks: tuple[tuple[int, int], ...] = ()
    """Spans of `snippet` (start, end) that hold a query term."""


class Approximate(msgspec.Struct, frozen=True, kw_only=True):
    """What Chroma's HNSW answered beside the exact vector ranking."""

    asked: int
    missed: tuple[int, ...]
    """Exact ranks, up to `asked`, of the chunks that HNSW did not return."""
    took_ms: float


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """One ordered list of hits, from rank 1 or from a later one (a page)."""

    state: RankingState
    message: str = ""
    took_ms: float = 0.0
    """This stage's own time in the engine, milliseconds."""
    total: int = 0
    """Chunks that have a rank in this ranking; `hits` may hold fewer."""
    hits: tuple[Hit, ...] = ()
    pool: int | None = None
    """Reranked only: ranks above this one go on in fused order, not reranked."""
    cached: int | None = None
    """Reranked only: chunks of the pool whose token vectors are stored; fewer than `pool` while
    the rest is being encoded."""
    approximate: Approximate | None = None


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """Where what a person expects to find stands in one recall."""

    label: str
    """What was asked for, in a few words: `decisions/ssh.md:14`."""
    hit: Hit | None
    """The chunk that stands for it, as in `tracked`: the one asked for, or the note's best; None
    where none is indexed."""
    k: int
    """The agent's cut."""
    passes: bool
    """Whether the hit is in the reranked ranking's first `k` and reaches the minimum score."""
    state: NoteState | None = None
    """The note's; None where the folder has no such file."""
    reason: str = ""
    """Why there is no hit, a sentence."""


class Recall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """All rankings of one query over one generation of the index: the JSON contract."""

    schema: int = SCHEMA
    recall: str
    """Identifies this recall; pages are asked for by it."""
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
    """Only the rankings that are finished, while `complete` is false."""
    complete: bool = True
    tracked: dict[str, Hit] = {}
    """Asked-for chunk ids to where the chunk (or its successor) stands in the reranked ranking,
    or the last one that is finished. A chunk that is gone is absent."""
    number: int = 0
    """The client's own number for the query, returned as given."""
    target: Expected | None = None
    """Where the chunk that the client expects stands, if it said which."""
