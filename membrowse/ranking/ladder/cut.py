"""The agent's cut: who stands above it, and who of them says nearly the same."""

from __future__ import annotations

from membrowse.findings.diagnosis import Outcome, Rung, Step
from membrowse.ranking.ladder.candidacy import named
from membrowse.ranking.ladder.case import Case, places, rung, where
from membrowse.ranking.resembling import ENOUGH, resemblance, terms
from membrowse.ranking.stages import finished
from membrowse.recall import RERANKED, Chunk

_LISTED = 10


def by_cut(case: Case, min_score: float) -> Rung:
    """`min_score` is the agent's, 0 for none."""
    ranking = finished(case.evaluation, RERANKED)
    rank = int(ranking.ranks[case.row])
    if not rank:
        return rung(Step.CUT, Outcome.FAILS, "no ranking has it")
    if rank <= case.k:
        score = float(ranking.scores[case.row])
        if 0 < min_score and score < min_score:
            clause = f"it is #{rank}, but its score {score:.3f} is below the agent's {min_score:g}"
            return rung(Step.CUT, Outcome.FAILS, clause, rank=rank)
        return rung(Step.CUT, Outcome.HOLDS, f"it is #{rank}, within the top {case.k}", rank=rank)
    above = ranking.order[: min(rank - 1, max(case.k, _LISTED))].tolist()
    below = f"it is #{rank:,}, {places(rank - case.k)} below the cut of {case.k}"
    said, chunks = terms(case.chunk.text), case.evaluation.chunks
    same = [
        (row, place)
        for place, row in enumerate(above, 1)
        if resemblance(said, terms(chunks[row].text)) >= ENOUGH
    ]
    first = case.evaluation.chunks[above[0]]
    clause = f"{below}, behind {where(first)} (#1)"
    if same:
        row, place = same[0]
        other = case.evaluation.chunks[row]
        clause = f"{below}, behind {_aged(other, case.chunk)}: {where(other)} (#{place})"
    evidence = [
        named(case, row, place)
        + (
            f"  says nearly the same, {_age(case.evaluation.chunks[row], case.chunk)}"
            if (row, place) in same
            else ""
        )
        for place, row in enumerate(above[: max(case.k, 1)], 1)
    ]
    return rung(Step.CUT, Outcome.FAILS, clause, evidence, rank)


def _aged(other: Chunk, target: Chunk) -> str:
    age = _age(other, target)
    article = "an" if age == "older" else "a"
    kind = "chunk" if age == "of the same date" else f"{age} chunk"
    return f"{article} {kind} that says nearly the same"


def _age(other: Chunk, target: Chunk) -> str:
    if other.date == target.date:
        return "of the same date"
    return "older" if other.date < target.date else "newer"
