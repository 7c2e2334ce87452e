"""Configurations tried on the open query, saved and put in force."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

from membrowse.engine import clock
from membrowse.engine.courtesy import Pause
from membrowse.engine.explaining import evaluated
from membrowse.engine.freshness import FreshnessOf
from membrowse.engine.inspections import (
    SaveTuningRequest,
    TuneRequest,
    TuningsRequest,
    UseTuningRequest,
)
from membrowse.engine.parts import Parts
from membrowse.findings.tuning import Tried, Tuned, Tunings
from membrowse.ranking import results
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.overlap import overlap
from membrowse.ranking.stages import milliseconds
from membrowse.ranking.targets import expected
from membrowse.recall import RERANKED, Recall
from membrowse.settings import Settings

_OVERLAP_DEPTH = 200
"""Hits that are compared at most: what lies beyond counts less than 1e-9."""


def tune(parts: Parts, request: TuneRequest, pause: Pause) -> Tuned:
    """The open query by other settings; raises `SettingsError` for what cannot be tried."""
    started = time.perf_counter()
    saved, in_force = evaluated(parts, request.text, request.syntax)
    wanted = [request.overrides] + ([] if request.against is None else [request.against])
    configurations = [parts.tunings.with_overrides(overrides) for overrides in wanted]
    evaluations = [_evaluated(parts, saved, in_force, settings) for settings in configurations]
    pause()
    tried = [
        _tried(parts, request, saved, evaluation, settings, pause)
        for evaluation, settings in zip(evaluations, configurations, strict=True)
    ]
    return Tuned(
        a=tried[0],
        b=tried[1] if len(tried) > 1 else None,
        overlap=_overlap(*evaluations) if len(evaluations) == 2 else None,
        took_ms=milliseconds(started),
    )


def _evaluated(
    parts: Parts, saved: Evaluation, in_force: Settings, settings: Settings
) -> Evaluation:
    """The query of `saved`, which is by `in_force`, by `settings`, on the shortest way."""
    if (settings.keyword, settings.vector) == (in_force.keyword, in_force.vector):
        return parts.evaluations.again(saved, settings)
    query = saved.query
    ranker = parts.configuration.ranker.by(settings)
    return parts.evaluations.fresh(saved.at(), query.text, query.syntax, ranker)


def _tried(
    parts: Parts,
    request: TuneRequest,
    saved: Evaluation,
    evaluation: Evaluation,
    settings: Settings,
    pause: Pause,
) -> Tried:
    recall = _recall(parts, request, evaluation, settings)
    shown = {hit.chunk for ranking in recall.rankings.values() for hit in ranking.hits}
    ranks = saved.rankings[RERANKED].ranks
    places = {chunk: int(ranks[saved.row_of[chunk]]) for chunk in shown}
    return Tried(
        recall=recall,
        agent_k=settings.agent.k,
        agent_min_score=settings.agent.min_score,
        saved_ranks={chunk: rank for chunk, rank in places.items() if rank},
        pins=parts.pins.state.total,
        holding=_holding(parts, settings, pause) if request.pins else None,
    )


def _holding(parts: Parts, settings: Settings, pause: Pause) -> int:
    return sum(parts.pins.outcomes(settings, pause).values())


def _recall(
    parts: Parts, request: TuneRequest, evaluation: Evaluation, settings: Settings
) -> Recall:
    asked = results.Asked(
        recall=secrets.token_hex(8),
        asked_at=clock.now(),
        client="tune",
        folder=str(parts.folder),
        settings_digest=settings.digest,
        limit=request.limit,
        track=request.track,
        number=request.number,
    )
    freshness = FreshnessOf(parts.folder, evaluation.notes)
    target = None
    if request.target is not None:
        generation = evaluation.at()
        sought = parts.targets.sought(generation, request.target, settings.agent)
        target = expected(evaluation, sought, freshness)
    answer = results.recall(
        evaluation,
        asked,
        pending=parts.indexer.facts.pending.total,
        freshness_of=freshness,
        successor=parts.index.successor,
        target=target,
    )
    kept = replace(evaluation)
    kept.finish()
    parts.questions.remember(asked.recall, kept)
    return answer


def _overlap(one: Evaluation, other: Evaluation) -> float:
    """Of the two reranked rankings."""
    tops = (each.rankings[RERANKED].order[:_OVERLAP_DEPTH].tolist() for each in (one, other))
    return overlap(next(tops), next(tops))


def tunings(parts: Parts, _request: TuningsRequest, _pause: Pause) -> Tunings:
    """What is saved, and in force."""
    return parts.tunings.told()


def save(parts: Parts, request: SaveTuningRequest, _pause: Pause) -> Tunings:
    """Save and put in force, or forget; raises `SettingsError`."""
    return parts.tunings.save(request.name, request.overrides)


def use(parts: Parts, request: UseTuningRequest, _pause: Pause) -> Tunings:
    """Put in force; raises `SettingsError`."""
    return parts.tunings.use(request.name)
