"""One query, one chunk: all rankings explained, in one record."""

from __future__ import annotations

import time
from dataclasses import dataclass

from membrowse.findings.explanation import Explanation, Freshened
from membrowse.ranking import results
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.explaining import fused, keyword, reranked, vector
from membrowse.ranking.explaining.heat import heat
from membrowse.ranking.explaining.tokens import Tokenizer, TokensOf, interaction
from membrowse.ranking.pipeline import Nearest
from membrowse.ranking.stages import milliseconds
from membrowse.recall import RANKINGS, Freshness
from membrowse.settings import Settings


@dataclass(frozen=True, slots=True)
class Sources:
    """What explaining asks beside the evaluation."""

    settings: Settings
    """Those that the evaluation was made by."""
    tokens_of: TokensOf = lambda row: None
    tokenizer: Tokenizer | None = None
    nearest: Nearest | None = None


def explanation(
    evaluation: Evaluation, row: int, sources: Sources, freshened: Freshened
) -> Explanation:
    """Why the chunk at `row` stands where it stands; `freshened` is passed on."""
    started = time.perf_counter()
    settings, chunk = sources.settings, evaluation.chunks[row]
    late = interaction(evaluation, row, settings.rerank, sources.tokens_of, sources.tokenizer)
    by_keyword = keyword.explained(evaluation, row, settings.keyword)
    by_vector = vector.explained(evaluation, row, settings, sources.nearest)
    by_both = fused.explained(evaluation, row, settings.fusion)
    by_reranker = reranked.explained(evaluation, row, settings.rerank, late)
    warmth = heat(chunk.text, late)
    freshness = freshened.freshness
    return Explanation(
        query=evaluation.parsed.text,
        hit=results.hit(evaluation, row, lambda path: freshness),
        header=chunk.header,
        text=chunk.text,
        keyword=by_keyword,
        vector=by_vector,
        fused=by_both,
        reranked=by_reranker,
        heat=warmth,
        took_ms=_took(evaluation) | {"explain": milliseconds(started)},
        freshened=freshened,
    )


def freshly(evaluation: Evaluation, row: int, freshness: Freshness) -> Freshened:
    """As indexed, without a look at what changed."""
    note = evaluation.notes[evaluation.chunks[row].path]
    return Freshened(generation=evaluation.number, indexed_at=note.indexed_at, freshness=freshness)


def _took(evaluation: Evaluation) -> dict[str, float]:
    rankings = evaluation.rankings
    return {name: rankings[name].took_ms for name in RANKINGS if name in rankings}
