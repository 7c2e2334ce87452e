"""Configurations tried on a query: what moves, and what it does to the pins."""

from __future__ import annotations

import msgspec

from membrowse.recall import Recall

Value = str | float | int | bool
Overrides = dict[str, Value]
"""Dotted setting to value: `{"fusion.weight": 0.62, "rerank.pool": 100}`."""

TUNABLE = (
    "fusion.method",
    "fusion.weight",
    "fusion.rrf_k",
    "rerank.method",
    "rerank.pool",
    "rerank.blend",
    "agent.k",
    "agent.min_score",
)
"""What the panel offers. Other settings of `keyword`, `vector`, `fusion`, `rerank` and `agent` can
be tried too; what shapes the index cannot."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration over the open query."""

    recall: Recall
    agent_k: int
    agent_min_score: float
    saved_ranks: dict[str, int]
    """Chunk id to its reranked rank with the saved configuration, for the hits of `recall`."""
    pins: int
    holding: int | None
    """Pins that hold with it; None while they are still being run."""


class Tuned(msgspec.Struct, frozen=True, kw_only=True):
    a: Tried
    b: Tried | None
    """The configuration to compare with, if one was given."""
    overlap: float | None
    """Rank-biased overlap of the two reranked rankings (p = 0.9), 0 to 1; Webber, Moffat and
    Zobel, "A Similarity Measure for Indefinite Rankings", TOIS 28 (2010), extrapolated."""
    took_ms: float


class SavedTuning(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    overrides: Overrides


class Tunings(msgspec.Struct, frozen=True, kw_only=True):
    """What is saved, and in force."""

    in_force: str = ""
    """Name; empty: the settings file's values."""
    saved: tuple[SavedTuning, ...] = ()
    base: Overrides = {}
    """The values of `TUNABLE` without any saved configuration (defaults, file, environment)."""
    current: Overrides = {}
    """The values of `TUNABLE` in force."""
    fixed: tuple[str, ...] = ()
    """Keys that an environment variable fixes: a saved configuration cannot change them."""
