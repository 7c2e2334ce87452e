"""Ranks the open query with other settings, and manages saved configurations."""

from __future__ import annotations

import time

from membrowse.engine.components import Components
from membrowse.engine.priority import Pause
from membrowse.ranking.elapsed import elapsed_ms
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.rbo import rank_biased_overlap
from membrowse.settings import Settings
from membrowse.wire.search import RERANKED
from membrowse.wire.tuning import (
    Configurations,
    ConfigurationsRequest,
    DeleteConfigurationRequest,
    SaveConfigurationRequest,
    TunedSearch,
    TuneRequest,
    TuneResponse,
    UseConfigurationRequest,
)

_OVERLAP_DEPTH = 200
"""Hits compared at most: the weight of the rest is below 1e-9."""


def tune(components: Components, request: TuneRequest, pause: Pause) -> TuneResponse:
    """Rank the query with other settings. Raises `SettingsError` if they cannot be tried."""
    started = time.perf_counter()
    ranker = components.configuration.ranker
    saved = components.ranked_queries.of(request.text, request.syntax, ranker, request.filters)
    wanted = [request.overrides] + ([] if request.against is None else [request.against])
    tried = [components.configurations.with_overrides(overrides) for overrides in wanted]
    ranked_queries = [rank_with(components, saved, ranker.settings, settings) for settings in tried]
    pause()
    tuned = [
        _tuned(components, request, saved, ranked_query, settings, pause)
        for ranked_query, settings in zip(ranked_queries, tried, strict=True)
    ]
    return TuneResponse(
        a=tuned[0],
        b=tuned[1] if len(tuned) > 1 else None,
        overlap=_reranked_overlap(*ranked_queries) if len(ranked_queries) == 2 else None,
        took_ms=elapsed_ms(started),
    )


def rank_with(
    components: Components, saved: RankedQuery, in_force: Settings, settings: Settings
) -> RankedQuery:
    """The query of `saved` (ranked by `in_force`), ranked by `settings` in the cheapest way."""
    if (settings.keyword, settings.vector) == (in_force.keyword, in_force.vector):
        return components.ranked_queries.with_settings(saved, settings)
    query = saved.query
    ranker = components.configuration.ranker.with_settings(settings)
    return components.ranked_queries.fresh(
        saved.generation, query.text, query.syntax, ranker, filters=saved.filters
    )


def _tuned(
    components: Components,
    request: TuneRequest,
    saved: RankedQuery,
    ranked_query: RankedQuery,
    settings: Settings,
    pause: Pause,
) -> TunedSearch:
    response = components.searcher.respond(ranked_query, request, settings, client="tune")
    shown = {hit.chunk for ranking in response.rankings.values() for hit in ranking.hits}
    ranks = saved.rankings[RERANKED].ranks
    saved_ranks = {chunk: int(ranks[saved.row_of[chunk]]) for chunk in shown}
    passing = sum(components.pins.outcomes(settings, pause).values()) if request.pins else None
    return TunedSearch(
        response=response,
        agent_k=settings.agent.k,
        agent_min_score=settings.agent.min_score,
        saved_ranks={chunk: rank for chunk, rank in saved_ranks.items() if rank},
        pins=components.pins.state.total,
        passing=passing,
    )


def _reranked_overlap(one: RankedQuery, other: RankedQuery) -> float:
    """Rank-biased overlap of the two reranked rankings."""
    tops = (each.rankings[RERANKED].order[:_OVERLAP_DEPTH].tolist() for each in (one, other))
    return rank_biased_overlap(next(tops), next(tops))


def configurations(
    components: Components, _request: ConfigurationsRequest, _pause: Pause
) -> Configurations:
    """What is saved and in force."""
    return components.configurations.listed()


def save(
    components: Components, request: SaveConfigurationRequest, _pause: Pause
) -> Configurations:
    """Save a configuration and use it. Raises `SettingsError`."""
    return components.configurations.save(request.name, request.overrides)


def delete(
    components: Components, request: DeleteConfigurationRequest, _pause: Pause
) -> Configurations:
    """Delete a saved configuration. Raises `SettingsError`."""
    return components.configurations.delete(request.name)


def use(components: Components, request: UseConfigurationRequest, _pause: Pause) -> Configurations:
    """Use a saved configuration, or none. Raises `SettingsError`."""
    return components.configurations.use(request.name)
