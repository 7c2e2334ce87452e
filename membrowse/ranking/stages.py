"""What every stage of a query shares: its own time, its failure that stays its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from membrowse.ranking.evaluation import Evaluation, Ranked, in_order, nothing
from membrowse.recall import FUSED, RERANKED, RankingState

log = logging.getLogger(__name__)

NO_WORDS = "the query has no words to look for"
NOT_RERANKED = "not reranked, in fused order"


@contextmanager
def stage(evaluation: Evaluation, name: str, spent_ms: float = 0.0) -> Iterator[None]:
    """Times a stage, which puts the ranking `name`; `spent_ms` were spent on it before.

    Whatever goes wrong in it fails this ranking only, and is logged and shown: this is where a
    thread of the engine enters the rankings.
    """
    started = time.perf_counter()
    try:
        yield
    except Exception as error:
        log.exception("the %s ranking failed", name)
        evaluation.rankings[name] = _failed(evaluation, name, error)
    took_ms = spent_ms + milliseconds(started)
    evaluation.rankings[name] = replace(evaluation.rankings[name], took_ms=took_ms)


def _failed(evaluation: Evaluation, name: str, error: Exception) -> Ranked:
    message = f"failed: {error!r} (see `membrowse engine log`)"
    if name == RERANKED and FUSED in evaluation.rankings:
        return not_reranked(evaluation, RankingState.FAILED, message)
    return nothing(len(evaluation.chunks), RankingState.FAILED, message)


def put(evaluation: Evaluation, name: str, result: Ranked) -> None:
    """Note a finished ranking; an empty one says why, if nothing else does."""
    if not result.message and not result.total:
        if not len(evaluation.chunks):
            result = replace(result, message="nothing is indexed")
        elif not evaluation.scope.any():
            result = replace(result, message="no note passes the filters")
    evaluation.rankings[name] = result


def finished(evaluation: Evaluation, name: str) -> Ranked:
    """The ranking `name`, or an empty one that says that it was not computed."""
    found = evaluation.rankings.get(name)
    return found or nothing(len(evaluation.chunks), RankingState.FAILED, "not computed")


def not_reranked(evaluation: Evaluation, state: RankingState, reason: str) -> Ranked:
    """The fused ranking once more, as the reranked one."""
    fused = finished(evaluation, FUSED)
    return in_order(fused.scores, fused.order, state, f"{NOT_RERANKED}: {reason}")


def milliseconds(started: float) -> float:
    """Since `started`, a `time.perf_counter`."""
    return (time.perf_counter() - started) * 1000.0
