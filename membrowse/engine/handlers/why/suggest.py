"""Changes that bring a target into the top k, with their effect on the pins, in order of offer.

A change is a line of a note, a setting, or the query; each was run before it is suggested. The rank
it promises is the rank that the real change gives: settings and queries go through the ranker over
the present generation, an edited note through a hypothetical one (`index.what_if`). Nothing is
saved or indexed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec

from membrowse.engine.components import Components
from membrowse.engine.handlers.explain import located, rank_query
from membrowse.engine.handlers.why.steps.filters import LEFT_OUT
from membrowse.engine.handlers.why.suggestions import note_edits, queries, settings
from membrowse.engine.handlers.why.suggestions.pin_effect import pin_effect
from membrowse.engine.handlers.why.suggestions.trial import Candidate, NotTried, OutOfTime, Trial
from membrowse.engine.priority import Pause
from membrowse.index.what_if import WhatIf
from membrowse.ranking.elapsed import elapsed_ms
from membrowse.ranking.targets import best_row, passes
from membrowse.wire.diagnosis import SuggestionKind, Suggestions, SuggestionsRequest
from membrowse.wire.search import RankingState

LIMIT = 8
"""Suggestions at most."""
SECONDS = 2.2
"""Time limit of all searches together; running the pins comes on top."""
_LIMIT_BY_KIND = {SuggestionKind.NOTE: 2, SuggestionKind.SETTING: 4, SuggestionKind.QUERY: 2}
"""In order of offer: what the reader can do first, what the agent would have had to ask last."""
_ORDER = tuple(_LIMIT_BY_KIND)

_SEARCHES: tuple[tuple[str, Callable[[Trial], Iterator[Candidate]], float], ...] = (
    ("edits of the note", note_edits.note_edit_candidates, 0.5),
    ("settings", settings.setting_candidates, 0.8),
    ("queries", queries.query_candidates, 1.0),
)
"""What is tried, and the share of the time by which it must be done."""


def suggest(components: Components, request: SuggestionsRequest, pause: Pause) -> Suggestions:
    """Changes that help; none if the target is in the top k already, or not indexed."""
    started = time.perf_counter()
    ranked_query, in_force = rank_query(components, request)
    target = components.targets.locate(
        ranked_query.generation, request.target, in_force.agent, request.k
    )
    ranked_query = located(components, ranked_query, target.chunks.rows, in_force)
    row = best_row(ranked_query, target.chunks.rows)
    found: list[Candidate] = []
    tried, unfinished = 0, ""
    if components.models.state is RankingState.LOADING:
        unfinished = f"no change was tried: {components.models.message}"
    elif row is not None and ranked_query.filters and not ranked_query.scope[row]:
        unfinished = f"no change was tried: {LEFT_OUT}"
    elif row is not None and not passes(ranked_query, row, target.k):
        trial = Trial(
            components, ranked_query, request.target, target.chunks, target.k, in_force, pause
        )
        found, unfinished = _find_candidates(trial)
        tried = trial.tried
    return Suggestions(
        suggestions=tuple(each.suggestion for each in found),
        tried=tried,
        unfinished=unfinished,
        generation=ranked_query.generation_number,
        took_ms=elapsed_ms(started),
    )


def _find_candidates(trial: Trial) -> tuple[list[Candidate], str]:
    """What works, at most `LIMIT`, and why not everything was tried."""
    began = time.monotonic()
    found: list[Candidate] = []
    late: list[str] = []
    unfinished: list[str] = []
    for name, search, share in _SEARCHES:
        try:
            with trial.within(began + share * SECONDS):
                for candidate in search(trial):
                    found.append(_without_generation(candidate, trial))
        except OutOfTime:
            late.append(name)
        except NotTried as reason:
            unfinished.append(f"{name} were not tried: {reason}")
    offered = [_with_pin_effect(candidate, trial) for candidate in _best_candidates(found)]
    offered.sort(key=_candidate_order)
    if late:
        unfinished.insert(0, f"out of time: not all {' and '.join(late)} were tried")
    return offered[:LIMIT], "; ".join(unfinished)


def _best_candidates(found: list[Candidate]) -> list[Candidate]:
    """The best few of each kind: the smallest changes, among equals those with the best rank."""
    chosen: list[Candidate] = []
    for kind, limit in _LIMIT_BY_KIND.items():
        of_kind = [each for each in found if each.suggestion.kind is kind]
        chosen += sorted(of_kind, key=lambda each: (each.size, each.suggestion.rank))[:limit]
    return chosen


def _candidate_order(candidate: Candidate) -> tuple[int, int, float, int]:
    """By kind, then the least effect on pins, the smallest change, the best rank."""
    made = candidate.suggestion
    return _ORDER.index(made.kind), len(made.broken), candidate.size, made.rank


def _without_generation(candidate: Candidate, trial: Trial) -> Candidate:
    """A hypothetical generation is as large as the real one: none is kept until the end."""
    if isinstance(candidate.variant, WhatIf):
        return replace(_with_pin_effect(candidate, trial), variant=None)
    return candidate


def _with_pin_effect(candidate: Candidate, trial: Trial) -> Candidate:
    if candidate.variant is None:
        return candidate
    effect = pin_effect(trial.components.pins, candidate.variant, trial.pause)
    suggestion = msgspec.structs.replace(
        candidate.suggestion, pins=effect.pins, broken=effect.broken, fixed=effect.fixed
    )
    return replace(candidate, suggestion=suggestion)
