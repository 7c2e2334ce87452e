"""Vector: how near the chunk is to the query, exactly, and what keeps it away."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from membrowse.findings.diagnosis import Outcome, Rung, Step
from membrowse.findings.explanation import VectorExplained
from membrowse.ranking.explaining import vector
from membrowse.ranking.ladder.case import Case, rung, where
from membrowse.ranking.stages import finished
from membrowse.recall import VECTOR

_MUCH_UNKNOWN = 0.3
"""Share of a query from which what the encoder does not know is worth a warning."""


def by_vector(case: Case) -> Rung:
    told = vector.explained(case.evaluation, case.row, case.sources.settings, case.sources.nearest)
    outcome, clause = _judged(case, told)
    return rung(Step.VECTOR, outcome, clause, _evidence(case, told), told.rank)


def _judged(case: Case, told: VectorExplained) -> tuple[Outcome, str]:
    evaluation = case.evaluation
    if not evaluation.scope[case.row]:
        return Outcome.SKIPPED, "a filter leaves it out of every ranking"
    if not evaluation.parsed.words:
        return Outcome.SKIPPED, "the query has no words to encode"
    if evaluation.encoded is None:
        return Outcome.FAILS, f"there is no vector ranking: {told.message or told.state.value}"
    if not evaluation.at().encoded[case.row]:
        return Outcome.FAILS, "it has no vector yet: it is still to be encoded"
    if evaluation.known == 0.0:
        return Outcome.FAILS, "the encoder knows nothing of the query, so no vector can find it"
    place = f"it is #{told.rank:,} of {told.total:,} by vector"
    if told.rank is not None and told.rank <= case.k:
        return Outcome.HOLDS, place
    if told.unknown >= _MUCH_UNKNOWN:
        unknown = f"{told.unknown:.0%}".replace("%", " %")
        return Outcome.WEAK, f"{place}: {unknown} of the query is unknown to the encoder"
    nearer = _nearer(case)
    if nearer is not None:
        other, rank = nearer
        chunk = evaluation.chunks[other]
        lines = f"lines {chunk.start_line}–{chunk.end_line}"
        return Outcome.WEAK, f"{place}: {lines} of the same note are nearer (#{rank:,})"
    return Outcome.WEAK, f"{place}: what it says is not near to the query"


def _nearer(case: Case) -> tuple[int, int] | None:
    """The chunk of the same note that is nearest to the query, and its rank, if it is another."""
    ranks = finished(case.evaluation, VECTOR).ranks
    rows = np.array(case.evaluation.at().rows(case.chunk.path))
    ranked = rows[ranks[rows] > 0]
    if not len(ranked):
        return None
    first = int(ranked[np.argmin(ranks[ranked])])
    return None if first == case.row else (first, int(ranks[first]))


def _evidence(case: Case, told: VectorExplained) -> Iterator[str]:
    if told.passages and told.cosine is not None:
        best = told.passages[0]
        text = " ".join(best.text.split())
        yield f"nearest passage: line {best.line}, cosine {best.similarity:.2f}: {text}"
        yield f"the chunk as a whole: cosine {told.cosine:.2f}"
    nearer = _nearer(case) if told.rank else None
    if nearer is not None:
        chunk = case.evaluation.chunks[nearer[0]]
        yield f"nearest chunk of the note: {where(chunk)}, #{nearer[1]:,}"
    if told.hnsw_missed:
        yield (
            f"Chroma's HNSW misses it: #{told.hnsw_exact_rank} of the chunks' own vectors, and not "
            f"among the {told.hnsw_asked} it returns (the exact ranking here does not)"
        )
    elif told.hnsw_rank is not None:
        yield f"Chroma's HNSW finds it at #{told.hnsw_rank} of {told.hnsw_asked}"
    if told.effect:
        yield told.effect
