"""What the query of a report finds today, compared with what it found then."""

from __future__ import annotations

import msgspec

from membrowse.wire.search import Hit, RankingState

COMPARED_DEPTH = 10
"""Hits, from the first, whose order is compared."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a search depends on and that has changed."""

    what: str
    """`generation`, `fusion.weight`, `recipe.chunker`, `program.libraries.numpy` …"""
    then: object
    now: object


class RerunHit(msgspec.Struct, frozen=True, kw_only=True):
    """A hit of the report, and its rank now."""

    chunk: str
    now_chunk: str
    """The chunk that represents it now: itself, its successor, or empty."""
    path: str
    heading: str
    start_line: int
    """Now, or if it is gone, then."""
    then: int
    now: int | None
    score_then: float
    score_now: float | None
    gone: bool
    """No chunk represents it any more."""
    edited: bool
    """A successor represents it."""


class RerunRanking(msgspec.Struct, frozen=True, kw_only=True):
    """One ranking, then and now."""

    same_order: bool
    """Of the first `COMPARED_DEPTH` hits; a successor counts as its chunk."""
    state: RankingState
    message: str
    hits: tuple[RerunHit, ...]
    """Those of the report."""
    new: tuple[Hit, ...]
    """Among the first `COMPARED_DEPTH` now, and not in the report."""


class Rerun(msgspec.Struct, frozen=True, kw_only=True):
    """What `membrowse rerun --json` prints."""

    schema: int = 1
    same_order: bool
    """Of the first reranked hits: determines the exit status."""
    query: str
    made_at: str
    """When the report was made."""
    asked_at: str
    generation: int
    """Now."""
    differences: tuple[Difference, ...]
    """Of index, settings, recipe and program; empty if nothing changed."""
    rankings: dict[str, RerunRanking]
