"""Did reranking move the chunk up or down, and through which words?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from membrowse.engine.handlers.why.steps.context import ChunkContext
from membrowse.engine.handlers.why.steps.filters import LEFT_OUT
from membrowse.engine.handlers.why.steps.finding import Finding, finding, places, quoted_list
from membrowse.ranking.explanation import reranked
from membrowse.ranking.explanation.token_matches import interact
from membrowse.settings import RerankMethod
from membrowse.wire.diagnosis import Outcome, StepName
from membrowse.wire.explanation import RerankedExplanation, TokenMatch
from membrowse.wire.search import FUSED, RERANKED, RankingState

_OVERTAKERS = 5
"""Chunks that overtook it, compared with it at most, the best first."""
_WORDS = 5
_AROUND = ".,:;?!…()[]“”\"'"


def check_reranked(context: ChunkContext) -> Finding:
    settings = context.sources.settings.rerank
    late = interact(
        context.ranked_query,
        context.row,
        settings,
        context.sources.tokens_of,
        context.sources.tokenizer,
    )
    explained = reranked.explain_reranked(context.ranked_query, context.row, settings, late)
    if explained.rank is None:
        return finding(StepName.RERANKED, Outcome.SKIPPED, LEFT_OUT)
    if settings.method is RerankMethod.NONE:
        clause = "reranking is switched off, so it stays in fused order"
        return finding(StepName.RERANKED, Outcome.SKIPPED, clause, rank=explained.rank)
    if context.ranked_query.ranking(RERANKED).blend is None:
        outcome = Outcome.FAILS if explained.state is RankingState.FAILED else Outcome.WEAK
        return finding(
            StepName.RERANKED, outcome, explained.message or "not reranked", rank=explained.rank
        )
    if not explained.in_pool:
        clause = f"it is {context.place(RERANKED)}: beyond the pool, so it was not reranked"
        unsure = context.is_lower_bound(RERANKED)
        return finding(
            StepName.RERANKED, Outcome.SKIPPED, clause, rank=explained.rank, at_least=unsure
        )
    return _movement_finding(context, explained)


def _movement_finding(context: ChunkContext, explained: RerankedExplanation) -> Finding:
    rank, before, lost = explained.rank or 0, explained.fused_rank or 0, -explained.movement
    unsure = context.is_lower_bound(RERANKED)
    named = f" + file name: {explained.name_bonus:.3f}" if explained.name_bonus else ""
    blend = (
        f"{explained.method}: {explained.normalised:.3f} of the pool's best"
        f" × {explained.blend_used:.2f} + fused: {explained.fused_normalised:.3f}"
        f" × {1 - explained.blend_used:.2f}{named} = {explained.score or 0.0:.3f}"
    )
    if explained.limited and rank > (explained.rank_by_score or rank):
        clause = (
            f"it is #{explained.rank_by_score} by score, but rerank.per_root_limit = "
            f"{explained.root_limit} moves it to {context.place(RERANKED)}: better chunks of its "
            "root have these places"
        )
        caused = (explained.rank_by_score or 0) <= context.k < rank
        outcome = Outcome.FAILS if caused else Outcome.WEAK
        return finding(StepName.RERANKED, outcome, clause, [blend], rank, at_least=unsure)
    if lost <= 0:
        up = f", {places(-lost)} up from the fused ranking" if lost else ", as in the fused ranking"
        clause = f"it is {context.place(RERANKED)} of the {explained.pool:,} that were reranked{up}"
        return finding(StepName.RERANKED, Outcome.PASSES, clause, [blend], rank, at_least=unsure)
    weaker = _weaker_words(context, explained)
    through = quoted_list((word.word for word in weaker[:3]), most=3)
    clause = f"demoted by {places(lost)}, from {context.place(FUSED)} to {context.place(RERANKED)}"
    if through:
        clause += f", through {through}, which others match better"
    caused = before <= context.k < rank
    evidence = [blend, *(word.evidence for word in weaker[:_WORDS])]
    outcome = Outcome.FAILS if caused else Outcome.WEAK
    return finding(StepName.RERANKED, outcome, clause, evidence, rank, at_least=unsure)


@dataclass(frozen=True, slots=True)
class _Weaker:
    """A query word that the overtaking chunks match better."""

    word: str
    here: float
    there: float
    weight: float

    @property
    def evidence(self) -> str:
        return (
            f"“{self.word}” (weight {self.weight:.2f}): {self.here:.2f} here, {self.there:.2f} in "
            "the chunks that overtook it"
        )


def _weaker_words(context: ChunkContext, explained: RerankedExplanation) -> list[_Weaker]:
    """The words that cost most against the chunks that overtook it."""
    others = [
        matches
        for row in _overtakers(context, explained)
        if (matches := _token_matches(context, row)) is not None
    ]
    if not explained.tokens or not others:
        return []
    found: list[_Weaker] = []
    for numbers, word in _words_of_query(context, explained.tokens):
        weight = sum(explained.tokens[n].weight for n in numbers)
        here = sum(explained.tokens[n].contribution for n in numbers)
        there = float(
            np.mean([sum(matches[n].contribution for n in numbers) for matches in others])
        )
        if weight > 0 and there > here:
            found.append(_Weaker(word, here / weight, there / weight, weight))
    return sorted(found, key=lambda word: (word.here - word.there) * word.weight)


def _overtakers(context: ChunkContext, explained: RerankedExplanation) -> list[int]:
    """Rows below it in the fused ranking and above it now, the best first."""
    before = context.ranked_query.ranking(FUSED).ranks
    above = context.ranked_query.ranking(RERANKED).order[: (explained.rank or 1) - 1].tolist()
    return [row for row in above if before[row] > before[context.row]][:_OVERTAKERS]


def _token_matches(context: ChunkContext, row: int) -> tuple[TokenMatch, ...] | None:
    settings, tokens_of = context.sources.settings.rerank, context.sources.tokens_of
    found = interact(context.ranked_query, row, settings, tokens_of, None)
    return found.matches() if found is not None else None


def _words_of_query(
    context: ChunkContext, tokens: tuple[TokenMatch, ...]
) -> list[tuple[list[int], str]]:
    """The query's word pieces by word: pieces without white space between them."""
    query = context.ranked_query.encoded
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
