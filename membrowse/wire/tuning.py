"""Other settings tried on the open query, and saved configurations."""

from __future__ import annotations

import msgspec

from membrowse.wire.overrides import Overrides
from membrowse.wire.request import Request
from membrowse.wire.search import Filters, SearchResponse, Target

TUNABLE = (
    "fusion.method",
    "fusion.weight",
    "fusion.rrf_k",
    "rerank.method",
    "rerank.pool",
    "rerank.blend",
    "rerank.per_root_limit",
    "agent.k",
    "agent.min_score",
)
"""The settings that the tuning panel offers. Any setting of `keyword`, `vector`, `fusion`, `rerank`
and `agent` can be tried; a setting that shapes the index cannot."""


class TunedSearch(msgspec.Struct, frozen=True, kw_only=True):
    """The open query, ranked with one configuration."""

    response: SearchResponse
    agent_k: int
    agent_min_score: float
    saved_ranks: dict[str, int]
    """For the hits of `response`: chunk id → reranked rank with the settings in force."""
    pins: int
    passing: int | None
    """Pins that pass with it; None if they were not run."""


class TuneResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration, or two to compare."""

    a: TunedSearch
    b: TunedSearch | None
    overlap: float | None
    """Rank-biased overlap of the two reranked rankings (p = 0.9), 0 to 1; Webber, Moffat and
    Zobel, "A Similarity Measure for Indefinite Rankings", TOIS 28 (2010), extrapolated."""
    took_ms: float


class TuneRequest(Request[TuneResponse], frozen=True, kw_only=True):
    """Rank the open query with other settings; nothing is saved or indexed.

    `overrides` (and `against`) are all that differs from `Configurations.base`, as in
    `SaveConfigurationRequest`: trying them shows what saving them would do. Settings that an
    environment variable fixes keep their value.
    """

    text: str
    syntax: str = "literal"
    overrides: Overrides
    against: Overrides | None = None
    """A second configuration to compare with."""
    limit: int = 50
    number: int = 0
    track: tuple[str, ...] = ()
    """As in `SearchRequest`, answered in the response of `a`; likewise `target` and `filters`."""
    target: Target | None = None
    filters: Filters = Filters()
    pins: bool = False
    """Whether to run the pins, too (slower)."""


class SavedConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of overrides."""

    name: str
    overrides: Overrides


class Configurations(msgspec.Struct, frozen=True, kw_only=True):
    """What is saved, and what is in force."""

    in_force: str = ""
    """Name of a saved configuration; empty: the values of the settings file."""
    saved: tuple[SavedConfiguration, ...] = ()
    base: Overrides = {}
    """The values of `TUNABLE` without a saved configuration (defaults, file, environment)."""
    current: Overrides = {}
    """The values of `TUNABLE` in force."""
    fixed: tuple[str, ...] = ()
    """Keys that an environment variable fixes: a saved configuration cannot change them."""


class ConfigurationsRequest(Request[Configurations], frozen=True, kw_only=True):
    """List what is saved and in force."""


class SaveConfigurationRequest(Request[Configurations], frozen=True, kw_only=True):
    """Save overrides under a name and use them from now on."""

    name: str
    overrides: Overrides
    """All that differs from `Configurations.base`."""


class DeleteConfigurationRequest(Request[Configurations], frozen=True, kw_only=True):
    """Delete a saved configuration."""

    name: str


class UseConfigurationRequest(Request[Configurations], frozen=True, kw_only=True):
    """Use a saved configuration; an empty name: the values of the settings file."""

    name: str
