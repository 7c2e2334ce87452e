"""How the best chunks rise and fall from ranking to ranking."""

from __future__ import annotations

import msgspec

from membrowse.wire.overrides import Overrides
from membrowse.wire.request import Request
from membrowse.wire.search import Filters


class ChunkFlow(msgspec.Struct, frozen=True, kw_only=True):
    """The ranks of one chunk."""

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
    flows: tuple[ChunkFlow, ...]


class RankFlowRequest(Request[RankFlow], frozen=True, kw_only=True):
    """Follow the best chunks through all rankings."""

    text: str
    syntax: str = "literal"
    depth: int = 20
    filters: Filters = Filters()
    """As in `SearchRequest`."""
    profile: Overrides = {}
    """Settings of an agent's profile, over those in force."""
