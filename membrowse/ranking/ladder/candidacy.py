"""Fused and reranked: whether the chunk came into the pool, and what reranking made of it there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from membrowse.findings.diagnosis import Outcome, Rung, Step
from membrowse.findings.explanation import FusedExplained, RerankedExplained, TokenMatch
from membrowse.ranking.explaining import fused, reranked
from membrowse.ranking.explaining.tokens import interaction
from membrowse.ranking.ladder.case import Case, listed, places, rung, where
from membrowse.ranking.stages import finished
from membrowse.recall import FUSED, RERANKED, RankingState
from membrowse.settings import RerankMethod

_OVERTAKERS = 5
"""Chunks that came past it which it is compared with, the best first."""
_WORDS = 5
_AROUND = ".,:;?!…()[]“”\"'"


def by_fusion(case: Case) -> Rung:
    told = fused.explained(case.evaluation, case.row, case.sources.settings.fusion)
    if told.rank is None:
        return rung(Step.FUSED, Outcome.SKIPPED, "a filter leaves it out of every ranking")
    pool = finished(case.evaluation, RERANKED).pool
    place = f"it is #{told.rank:,} of {told.total:,} fused"
    if pool is None:
        outcome = Outcome.HOLDS if told.rank <= case.k else Outcome.WEAK
        return rung(Step.FUSED, outcome, f"{place}; nothing is reranked", _shares(told), told.rank)
    if told.rank <= pool:
        clause = f"{place}, within the pool of {pool:,} candidates"
        return rung(Step.FUSED, Outcome.HOLDS, clause, _shares(told), told.rank)
    short = f"pushed out of the pool of {pool:,} candidates by {places(told.rank - pool)}"
    return rung(Step.FUSED, Outcome.FAILS, f"{place}, {short}", _shares(told), told.rank)


def _shares(told: FusedExplained) -> Iterable[str]:
    for share in told.shares:
        rank = f"#{share.rank:,}" if share.rank else "no rank"
        part = f"{share.normalised:.3f} of its best"
        if told.rrf_k is not None:
            part = f"1 / ({told.rrf_k} + {share.rank:,})" if share.rank else "0"
        yield (
            f"{share.ranking}: {rank}, {part} × weight {share.weight:.2f} = "
            f"{share.contribution:.3f}"
        )


def by_reranking(case: Case) -> Rung:
    settings = case.sources.settings.rerank
    late = interaction(
        case.evaluation, case.row, settings, case.sources.tokens_of, case.sources.tokenizer
    )
    told = reranked.explained(case.evaluation, case.row, settings, late)
    if told.rank is None:
        return rung(Step.RERANKED, Outcome.SKIPPED, "a filter leaves it out of every ranking")
    if settings.method is RerankMethod.NONE:
        clause = "reranking is switched off, so it stays in fused order"
        return rung(Step.RERANKED, Outcome.SKIPPED, clause, rank=told.rank)
    if finished(case.evaluation, RERANKED).blend is None:
        outcome = Outcome.FAILS if told.state is RankingState.FAILED else Outcome.WEAK
        return rung(Step.RERANKED, outcome, told.message or "not reranked", rank=told.rank)
    if not told.in_pool:
        clause = f"it is #{told.rank:,}: beyond the pool, so it was not reranked"
        return rung(Step.RERANKED, Outcome.SKIPPED, clause, rank=told.rank)
    return _moved(case, told)


def _moved(case: Case, told: RerankedExplained) -> Rung:
    rank, before, lost = told.rank or 0, told.fused_rank or 0, -told.movement
    blend = (
        f"{told.method}: {told.normalised:.3f} of the pool's best × {told.blend_used:.2f} + fused: "
        f"{told.fused_normalised:.3f} × {1 - told.blend_used:.2f} = {told.score or 0.0:.3f}"
    )
    if lost <= 0:
        up = f", {places(-lost)} up from the fused ranking" if lost else ", as in the fused ranking"
        clause = f"it is #{rank:,} of the {told.pool:,} that were reranked{up}"
        return rung(Step.RERANKED, Outcome.HOLDS, clause, [blend], rank)
    weaker = _weaker_words(case, told)
    through = listed((word.word for word in weaker[:3]), most=3)
    clause = f"demoted by {places(lost)}, from #{before:,} to #{rank:,}"
    if through:
        clause += f", through {through}, which others answer better"
    caused = before <= case.k < rank
    evidence = [blend, *(word.told for word in weaker[:_WORDS])]
    return rung(Step.RERANKED, Outcome.FAILS if caused else Outcome.WEAK, clause, evidence, rank)


@dataclass(frozen=True, slots=True)
class _Weaker:
    """A word of the query that those who came past answer better."""

    word: str
    here: float
    there: float
    weight: float

    @property
    def told(self) -> str:
        return (
            f"“{self.word}” (weight {self.weight:.2f}): {self.here:.2f} here, {self.there:.2f} in "
            "those that came past it"
        )


def _weaker_words(case: Case, told: RerankedExplained) -> list[_Weaker]:
    """The words through which it lost most against the chunks that came past it."""
    others = [
        matches for row in _overtakers(case, told) if (matches := _matches(case, row)) is not None
    ]
    if not told.tokens or not others:
        return []
    found: list[_Weaker] = []
    for numbers, word in _words(case, told.tokens):
        weight = sum(told.tokens[n].weight for n in numbers)
        here = sum(told.tokens[n].share for n in numbers)
        there = float(np.mean([sum(matches[n].share for n in numbers) for matches in others]))
        if weight > 0 and there > here:
            found.append(_Weaker(word, here / weight, there / weight, weight))
    return sorted(found, key=lambda word: (word.here - word.there) * word.weight)


def _overtakers(case: Case, told: RerankedExplained) -> list[int]:
    """Rows that stood below it in the fused ranking and stand above it now, the best first."""
    before = finished(case.evaluation, FUSED).ranks
    above = finished(case.evaluation, RERANKED).order[: (told.rank or 1) - 1].tolist()
    return [row for row in above if before[row] > before[case.row]][:_OVERTAKERS]


def _matches(case: Case, row: int) -> tuple[TokenMatch, ...] | None:
    settings, tokens_of = case.sources.settings.rerank, case.sources.tokens_of
    found = interaction(case.evaluation, row, settings, tokens_of, None)
    return found.matches() if found is not None else None


def _words(case: Case, tokens: tuple[TokenMatch, ...]) -> list[tuple[list[int], str]]:
    """The pieces of the query by word: those without white space between them."""
    query = case.evaluation.encoded
    if query is None:
        return []
    words: list[tuple[list[int], int, int]] = []
    for number, piece in enumerate(query.pieces[: len(tokens)]):
        if words and words[-1][2] == piece.start:
            numbers, start, _ = words.pop()
            words.append(([*numbers, number], start, piece.end))
        else:
            words.append(([number], piece.start, piece.end))
    written = ((numbers, query.text[start:end]) for numbers, start, end in words)
    return [(numbers, word.strip(_AROUND) or word) for numbers, word in written]


def named(case: Case, row: int, rank: int) -> str:
    """A chunk of a ranking in one line: `#1 logs/a.md:3–9  Title › Heading  2026-03-02`."""
    chunk = case.evaluation.chunks[row]
    about = " › ".join(part for part in (chunk.title, chunk.heading) if part)
    return f"#{rank:,} {where(chunk)}  {about}  {chunk.date}"
