"""Which chunks are above the cut, and which of them are near-duplicates?"""

from __future__ import annotations

from membrowse.engine.handlers.why.steps.context import ChunkContext
from membrowse.engine.handlers.why.steps.filters import LEFT_OUT
from membrowse.engine.handlers.why.steps.finding import (
    Finding,
    chunk_place,
    finding,
    places,
    ranked_chunk,
)
from membrowse.notes.chunk import Chunk
from membrowse.ranking.near_duplicates import MIN_RESEMBLANCE, resemblance, resemblance_terms
from membrowse.wire.diagnosis import Outcome, StepName
from membrowse.wire.search import RERANKED

_LISTED = 10


def check_cut(context: ChunkContext, min_score: float) -> Finding:
    """`min_score` is the agent's; 0: none."""
    ranking = context.ranked_query.ranking(RERANKED)
    rank = int(ranking.ranks[context.row])
    if not context.ranked_query.scope[context.row]:
        return finding(StepName.CUT, Outcome.SKIPPED, LEFT_OUT)
    if not rank:
        return finding(StepName.CUT, Outcome.FAILS, "it is in no ranking")
    if rank <= context.k:
        score = float(ranking.scores[context.row])
        if 0 < min_score and score < min_score:
            clause = f"it is #{rank}, but its score {score:.3f} is below the agent's {min_score:g}"
            return finding(StepName.CUT, Outcome.FAILS, clause, rank=rank)
        return finding(
            StepName.CUT, Outcome.PASSES, f"it is #{rank}, within the top {context.k}", rank=rank
        )
    above = ranking.order[: min(rank - 1, max(context.k, _LISTED))].tolist()
    unsure = context.is_lower_bound(RERANKED)
    at_least = "at least " if unsure else ""
    gap = f"{at_least}{places(rank - context.k)}"
    below = f"it is {context.place(RERANKED)}, {gap} below the cut of {context.k}"
    said, chunks = resemblance_terms(context.chunk.text), context.ranked_query.chunks
    same = [
        (row, place)
        for place, row in enumerate(above, 1)
        if resemblance(said, resemblance_terms(chunks[row].text)) >= MIN_RESEMBLANCE
    ]
    first = context.ranked_query.chunks[above[0]]
    clause = f"{below}, behind {chunk_place(first)} (#1)"
    if same:
        row, place = same[0]
        other = context.ranked_query.chunks[row]
        clause = f"{below}, behind {_aged(other, context.chunk)}: {chunk_place(other)} (#{place})"
    evidence = [
        ranked_chunk(context.ranked_query.chunks[row], place)
        + (
            f"  says nearly the same, {_age(context.ranked_query.chunks[row], context.chunk)}"
            if (row, place) in same
            else ""
        )
        for place, row in enumerate(above[: max(context.k, 1)], 1)
    ]
    return finding(StepName.CUT, Outcome.FAILS, clause, evidence, rank, at_least=unsure)


def _aged(other: Chunk, target: Chunk) -> str:
    age = _age(other, target)
    article = "an" if age == "older" else "a"
    kind = "chunk" if age == "of the same date" else f"{age} chunk"
    return f"{article} {kind} that says nearly the same"


def _age(other: Chunk, target: Chunk) -> str:
    if other.date == target.date:
        return "of the same date"
    return "older" if other.date < target.date else "newer"
