"""Two chunks compared for one query."""

from __future__ import annotations

import msgspec

from membrowse.wire.explanation import Explanation
from membrowse.wire.overrides import Overrides
from membrowse.wire.request import Request
from membrowse.wire.search import Filters, Target


class ScoreDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One contribution of both chunks."""

    ranking: str
    what: str
    """A term, `passage`, `chunk`, `keyword`, `vector`, `fused`, or a query word."""
    left: float
    right: float
    difference: float
    """left - right."""


class NearDuplicate(msgspec.Struct, frozen=True, kw_only=True):
    """Another chunk with nearly the same text."""

    chunk: str
    path: str
    heading: str
    start_line: int
    end_line: int
    date: str
    of: str
    """`left` or `right`: which of the two it resembles."""
    resemblance: float
    """Share of common terms (Jaccard), 0 to 1."""
    cosine: float | None
    rank: int | None
    """Reranked."""
    snippet: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What sets two chunks apart."""

    query: str
    verdict: str
    """One sentence: which ranks higher, and why."""
    left: Explanation
    right: Explanation
    differences: tuple[ScoreDifference, ...]
    """By ranking, the largest difference first."""
    only_left: tuple[str, ...]
    """Words that only the left chunk contains, as written, the rarest first (at most 40)."""
    only_right: tuple[str, ...]
    near_duplicates: tuple[NearDuplicate, ...] = msgspec.field(name="nearly_same")
    took_ms: float


class CompareRequest(Request[Comparison], frozen=True, kw_only=True):
    """Compare a chunk with a target."""

    text: str
    syntax: str = "literal"
    left: str
    """A chunk's id."""
    right: Target
    filters: Filters = Filters()
    """As in `SearchRequest`."""
    profile: Overrides = {}
    """Settings of an agent's profile, over those in force."""
