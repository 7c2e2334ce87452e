"""Suggests settings of fusion and reranking: for each the nearest value that works."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence

from membrowse.engine.handlers.why.suggestions.trial import Candidate, Trial
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import FusionMethod, RerankMethod, Settings
from membrowse.settings.origins import fixed_keys
from membrowse.settings.overrides import flat, overridden
from membrowse.wire.diagnosis import Suggestion, SuggestionKind
from membrowse.wire.overrides import Value
from membrowse.wire.search import FUSED, RERANKED

_SHARES = tuple(step / 20 for step in range(21))
_POOLS = (1, 2, 3, 5, 8, 10, 15, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200)
_RRF_KS = (1, 2, 4, 8, 15, 30, 45, 60, 80, 120, 240, 500, 1000)
_TO_ENCODE = 8
"""Chunks without stored token vectors that a larger pool may include (10 ms each)."""
_DECIMALS = 2

Works = Callable[[float], bool]


def setting_candidates(trial: Trial) -> Iterator[Candidate]:
    """One change for each setting that helps, smallest first within a setting."""
    fixed = fixed_keys(os.environ)
    now = flat(trial.settings)
    for key, grid in _number_grids(trial):
        if key in fixed:
            continue
        known: dict[float, int | None] = {}

        def works(value: float, key: str = key, known: dict[float, int | None] = known) -> bool:
            known[value] = trial.by_settings(overridden(trial.settings, {key: value}))
            return trial.works(known[value])

        value = nearest_value_that_works(now[key], grid, works)
        if value is not None:
            yield _candidate(trial, key, now[key], value, known[value])
    for key, choice in _method_choices(trial):
        rank = (
            None if key in fixed else trial.by_settings(overridden(trial.settings, {key: choice}))
        )
        if trial.works(rank):
            yield _candidate(trial, key, now[key], choice, rank)


def nearest_value_that_works(now: float, grid: Sequence[float], works: Works) -> float | None:
    """The value nearest to `now` that works, or None.

    On each side, finds the first value of `grid` that works, then bisects towards `now`, at two
    decimals (or at whole numbers if the grid has whole numbers).
    """
    found = [
        value
        for side in (
            [value for value in grid if value > now],
            [value for value in reversed(grid) if value < now],
        )
        if (value := _first_value_that_works(now, side, works)) is not None
    ]
    return min(found, key=lambda value: abs(value - now), default=None)


def _first_value_that_works(now: float, outward: Sequence[float], works: Works) -> float | None:
    inner = now
    for outer in outward:
        if works(outer):
            return _bisect_value(inner, outer, works)
        inner = outer
    return None


def _bisect_value(fails: float, holds: float, works: Works) -> float:
    """Bisect to a value that works next to one that does not."""
    whole = isinstance(holds, int)
    while True:
        middle = (fails + holds) / 2
        value = int(middle) if whole else round(middle, _DECIMALS)
        if not min(fails, holds) < value < max(fails, holds):
            return holds
        if works(value):
            holds = value
        else:
            fails = value


def _number_grids(trial: Trial) -> Iterator[tuple[str, Sequence[float]]]:
    settings, ranked_query = trial.settings, trial.ranked_query
    if settings.fusion.method is FusionMethod.RRF:
        yield "fusion.rrf_k", _RRF_KS
    if ranked_query.encoded is not None:
        yield "fusion.weight", _SHARES
    if settings.rerank.method is not RerankMethod.NONE and ranked_query.encoded is not None:
        yield "rerank.blend", _SHARES
        yield "rerank.pool", _pool_sizes(trial, ranked_query)
    blend = ranked_query.ranking(RERANKED).blend
    if settings.rerank.per_root_limit and blend is not None:
        yield "rerank.per_root_limit", _root_limits(settings.rerank.per_root_limit, len(blend.pool))


def _pool_sizes(trial: Trial, ranked_query: RankedQuery) -> Sequence[int]:
    """Pools to try: the target's fused rank is among them; none takes long to encode."""
    fused = ranked_query.rankings[FUSED]
    place = int(fused.ranks[trial.row])
    sizes = sorted({size for size in (*_POOLS, place) if 0 < size <= max(fused.total, 1)})
    keys = [
        ranked_query.generation.keys[row] for row in fused.order[: max(sizes, default=0)].tolist()
    ]
    wanted = set(keys[trial.settings.rerank.pool :])
    absent = wanted - trial.components.index.tokens.has(wanted) - ranked_query.token_vectors.keys()
    longest = next(
        (n for n in range(len(keys)) if len(absent.intersection(keys[: n + 1])) > _TO_ENCODE),
        len(keys),
    )
    limit = trial.settings.rerank.pool
    if trial.settings.rerank.method is RerankMethod.LATE_INTERACTION:
        limit = max(_POOLS[-1], limit)
    return [size for size in sizes if size <= min(longest, limit)]


def _root_limits(now: int, pool: int) -> Sequence[int]:
    """Limits to try, each twice the one before; at the size of the pool there is no limit."""
    doubled = (now << power for power in range(1, pool.bit_length()))
    return [*(limit for limit in doubled if limit < pool), *([pool] if pool > now else [])]


def _method_choices(trial: Trial) -> Iterator[tuple[str, str]]:
    """Methods that need no other setting."""
    for fusion in FusionMethod:
        if fusion is not trial.settings.fusion.method:
            yield "fusion.method", fusion.value
    for rerank in (RerankMethod.LATE_INTERACTION, RerankMethod.NONE):
        if rerank is not trial.settings.rerank.method:
            yield "rerank.method", rerank.value


def _candidate(trial: Trial, key: str, now: Value, value: Value, rank: int | None) -> Candidate:
    change = Suggestion(
        kind=SuggestionKind.SETTING,
        change=f"{key} {now} → {value}",
        rank=rank or 0,
        settings={key: value},
    )
    settings: Settings = overridden(trial.settings, {key: value})
    return Candidate(change, _change_size(now, value), settings)


def _change_size(now: Value, value: Value) -> float:
    """Size of a change: difference of shares, ratio of numbers (16 times is 1), 1 for choices."""
    if isinstance(now, str) or isinstance(value, str):
        return 1.0
    if isinstance(now, int) and isinstance(value, int):
        return abs(math.log2(value / now)) / 4
    return abs(value - now)
