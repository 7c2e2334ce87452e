"""The answer to "why not this note?": a ladder of eight rungs, and changes that were run."""

from __future__ import annotations

import time
from functools import partial

from membrowse.engine import reaching
from membrowse.engine.changing.collateral import of_pins
from membrowse.engine.changing.finding import Found, find
from membrowse.engine.changing.trial import Trial
from membrowse.engine.courtesy import Pause
from membrowse.engine.explaining import evaluated, sources
from membrowse.engine.freshness import FreshnessOf
from membrowse.engine.inspections import WhyRequest
from membrowse.engine.parts import Parts
from membrowse.engine.reaching import Reach
from membrowse.findings.diagnosis import Outcome, Rung, Step, Why
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.ladder.candidacy import by_fusion, by_reranking
from membrowse.ranking.ladder.case import Case, clause
from membrowse.ranking.ladder.cut import by_cut
from membrowse.ranking.ladder.nearness import by_vector
from membrowse.ranking.ladder.words import by_keyword
from membrowse.ranking.stages import milliseconds
from membrowse.ranking.targets import Sought, best, expected, passes
from membrowse.recall import RankingState
from membrowse.settings import Settings

_NOTHING = Found((), 0, "")
_OF_THE_FILE = (Step.FOLDER, Step.INDEXED, Step.TEXT)
"""Rungs that tell what is amiss with a chunk however high it stands."""


def why(parts: Parts, request: WhyRequest, pause: Pause) -> Why:
    """Where the target is lost on its way from the folder to the first k, and what would help.

    `in_top_k` asks for the rank alone: the agent's minimum score is a matter of the last rung and
    of `Expected.passes`.
    """
    started = time.perf_counter()
    evaluation, settings = evaluated(parts, request.text, request.syntax)
    sought = parts.targets.sought(evaluation.at(), request.target, settings.agent, request.k)
    row = best(evaluation, sought.place.rows)
    in_top_k = row is not None and passes(evaluation, row, sought.k)
    ladder = _ladder(parts, request, evaluation, settings, sought, row, pause)
    found = _NOTHING
    if request.changes and row is not None and not in_top_k:
        found = _changes(parts, request, evaluation, settings, sought, pause)
    freshness = FreshnessOf(parts.folder, evaluation.notes)
    return Why(
        query=request.text,
        target=request.target,
        found=expected(evaluation, sought, freshness),
        k=sought.k,
        in_top_k=in_top_k,
        verdict=_verdict(sought, ladder, in_top_k=in_top_k),
        rungs=tuple(ladder),
        changes=found.changes,
        tried=found.tried,
        unfinished=found.unfinished,
        generation=evaluation.number,
        took_ms=milliseconds(started),
    )


def _ladder(
    parts: Parts,
    request: WhyRequest,
    evaluation: Evaluation,
    settings: Settings,
    sought: Sought,
    row: int | None,
    pause: Pause,
) -> list[Rung]:
    reach = Reach(parts, evaluation.at(), request.target, sought, row, settings.notes, pause)
    ladder = reaching.rungs(reach)
    if row is None:
        return ladder + reaching.skipped(ladder)
    case = Case(evaluation, row, sought.k, sources(parts, evaluation, settings))
    for step in (by_keyword, by_vector, by_fusion, by_reranking):
        ladder.append(step(case))
        pause()
    ladder.append(by_cut(case, settings.agent.min_score))
    return ladder


def _changes(
    parts: Parts,
    request: WhyRequest,
    evaluation: Evaluation,
    settings: Settings,
    sought: Sought,
    pause: Pause,
) -> Found:
    models = parts.models
    if models.state is RankingState.LOADING:
        return Found((), 0, f"no change was tried: {models.message}")
    trial = Trial(parts, evaluation, request.target, sought.place, sought.k, settings, pause)
    return find(trial, partial(of_pins, parts.pins))


def _verdict(sought: Sought, ladder: list[Rung], *, in_top_k: bool) -> str:
    """One sentence: the first failing rung's, or that all is well."""
    last = ladder[-1]
    failing = next((rung for rung in ladder if rung.outcome is Outcome.FAILS), None)
    if not in_top_k:
        why_not = clause((failing or last).finding)
        return f"{sought.label} is not in the top {sought.k}: {why_not}."
    if last.outcome is Outcome.FAILS:
        return f"{sought.label}: {clause(last.finding)}."
    amiss = f", but {clause(failing.finding)}" if failing and failing.step in _OF_THE_FILE else ""
    return f"{sought.label} is #{last.rank}, within the top {sought.k}{amiss}."
