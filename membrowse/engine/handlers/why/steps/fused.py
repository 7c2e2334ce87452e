"""Did the chunk come into the pool of candidates?"""

from __future__ import annotations

from collections.abc import Iterable

from membrowse.counts import counted
from membrowse.engine.handlers.why.steps.context import ChunkContext
from membrowse.engine.handlers.why.steps.filters import LEFT_OUT
from membrowse.engine.handlers.why.steps.finding import Finding, finding, places
from membrowse.ranking.explanation import fused
from membrowse.wire.diagnosis import Outcome, StepName
from membrowse.wire.explanation import FusedExplanation
from membrowse.wire.search import FUSED, RERANKED


def check_fused(context: ChunkContext) -> Finding:
    explained = fused.explain_fused(
        context.ranked_query, context.row, context.sources.settings.fusion
    )
    if explained.rank is None:
        return finding(StepName.FUSED, Outcome.SKIPPED, LEFT_OUT)
    pool = context.ranked_query.ranking(RERANKED).pool
    unsure = context.is_lower_bound(FUSED)
    place = f"it is {context.place_of(FUSED)} fused"
    if pool is None:
        outcome = Outcome.PASSES if explained.rank <= context.k else Outcome.WEAK
        return finding(
            StepName.FUSED,
            outcome,
            f"{place}; nothing is reranked",
            _share_lines(explained),
            explained.rank,
            at_least=unsure,
        )
    if explained.rank <= pool:
        clause = f"{place}, within the pool of {counted(pool, 'candidate')}"
        return finding(
            StepName.FUSED,
            Outcome.PASSES,
            clause,
            _share_lines(explained),
            explained.rank,
            at_least=unsure,
        )
    by = f"{'at least ' if unsure else ''}{places(explained.rank - pool)}"
    short = f"pushed out of the pool of {counted(pool, 'candidate')} by {by}"
    return finding(
        StepName.FUSED,
        Outcome.FAILS,
        f"{place}, {short}",
        _share_lines(explained),
        explained.rank,
        at_least=unsure,
    )


def _share_lines(explained: FusedExplanation) -> Iterable[str]:
    for share in explained.inputs:
        rank = f"#{share.rank:,}" if share.rank else "not ranked"
        part = f"{share.normalised:.3f} of its best"
        if explained.rrf_k is not None:
            part = f"1 / ({explained.rrf_k} + {share.rank:,})" if share.rank else "0"
        yield (
            f"{share.ranking}: {rank}, {part} × weight {share.weight:.2f} = "
            f"{share.contribution:.3f}"
        )
