"""What a report's query finds today, beside what it found then."""

from __future__ import annotations

import msgspec

from membrowse.recall import Hit, RankingState

ORDERED = 10
"""Hits, from the first, whose order is compared."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a recall depends on and that is not as it was."""

    what: str
    """`generation`, `fusion.weight`, `recipe.chunker`, `program.libraries.numpy` …"""
    then: object
    now: object


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A hit of the report, and where it stands now."""

    chunk: str
    now_chunk: str
    """The chunk that stands for it now: itself, its successor, or empty."""
    path: str
    heading: str
    start_line: int
    """Now, or where it is gone, then."""
    then: int
    now: int | None
    score_then: float
    score_now: float | None
    gone: bool
    """No chunk stands for it any more."""
    edited: bool
    """A successor stands for it."""


class RankingNow(msgspec.Struct, frozen=True, kw_only=True):
    """One ranking, then and now."""

    same_order: bool
    """Of the first `ORDERED` hits; a successor stands for its chunk."""
    state: RankingState
    message: str
    hits: tuple[Placed, ...]
    """Those of the report."""
    new: tuple[Hit, ...]
    """Among the first `ORDERED` now, and not in the report."""


class Rerun(msgspec.Struct, frozen=True, kw_only=True):
    """What `membrowse rerun --json` prints."""

    schema: int = 1
    same_order: bool
    """Of the first reranked hits: the exit status."""
    query: str
    made_at: str
    """When the report was made."""
    asked_at: str
    generation: int
    """Now."""
    differences: tuple[Difference, ...]
    """Of index, settings, recipe and program; none: all is as it was."""
    rankings: dict[str, RankingNow]
