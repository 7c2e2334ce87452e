"""What every stage of a query shares: its own time, its failure that stays its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from membrowse.ranking.ranked_query import ChunkRanking, RankedQuery, in_order, nothing
from membrowse.wire.search import FUSED, RERANKED, RankingState

log = logging.getLogger(__name__)

NO_WORDS = "the query has no words to look for"
NOT_RERANKED = "not reranked, in fused order"


@contextmanager
def stage(ranked_query: RankedQuery, name: str, spent_ms: float = 0.0) -> Iterator[None]:
    """Times a stage, which puts the ranking `name`; `spent_ms` were spent on it before.

    Whatever goes wrong in it fails this ranking only, and is logged and shown: this is where a
    thread of the engine enters the rankings.
    """
    started = time.perf_counter()
    try:
        yield
    except Exception as error:
        log.exception("the %s ranking failed", name)
        ranked_query.rankings[name] = _failed(ranked_query, name, error)
    took_ms = spent_ms + milliseconds(started)
    ranked_query.rankings[name] = replace(ranked_query.rankings[name], took_ms=took_ms)


def _failed(ranked_query: RankedQuery, name: str, error: Exception) -> ChunkRanking:
    message = f"failed: {error!r} (see `membrowse engine log`)"
    if name == RERANKED and FUSED in ranked_query.rankings:
        return not_reranked(ranked_query, RankingState.FAILED, message)
    return nothing(len(ranked_query.chunks), RankingState.FAILED, message)


def put(ranked_query: RankedQuery, name: str, result: ChunkRanking) -> None:
    """Note a finished ranking; an empty one says why, if nothing else does."""
    if not result.message and not result.total:
        if not len(ranked_query.chunks):
            result = replace(result, message="nothing is indexed")
        elif not ranked_query.scope.any():
            result = replace(result, message="no note passes the filters")
    ranked_query.rankings[name] = result


def finished(ranked_query: RankedQuery, name: str) -> ChunkRanking:
    """The ranking `name`, or an empty one that says that it was not computed."""
    found = ranked_query.rankings.get(name)
    return found or nothing(len(ranked_query.chunks), RankingState.FAILED, "not computed")


def not_reranked(ranked_query: RankedQuery, state: RankingState, reason: str) -> ChunkRanking:
    """The fused ranking once more, as the reranked one."""
    fused = finished(ranked_query, FUSED)
    return in_order(fused.scores, fused.order, state, f"{NOT_RERANKED}: {reason}")


def milliseconds(started: float) -> float:
    """Since `started`, a `time.perf_counter`."""
    return (time.perf_counter() - started) * 1000.0
