"""Does the note pass the filters of the query?"""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.counts import counted
from membrowse.engine.components import Components
from membrowse.engine.handlers.why.steps.context import ChunkContext
from membrowse.engine.handlers.why.steps.finding import Finding, finding, quoted_list
from membrowse.notes.chunk import Chunk
from membrowse.ranking.query_parser import Filter
from membrowse.wire.diagnosis import Outcome, StepName
from membrowse.wire.search import RERANKED

LEFT_OUT = "a filter leaves it out of every ranking"


def check_filters(components: Components, context: ChunkContext) -> Finding:
    """For a query with filters."""
    parsed, chunk = context.ranked_query.parsed, context.chunk
    failed = [each for each in parsed.filters if not each.passes(chunk)]
    names = quoted_list(each.typed for each in parsed.filters)
    if not failed:
        scope = context.ranked_query.scope
        verb = "passes" if len(parsed.filters) == 1 else "pass"
        clause = f"its note is among those that {names} {verb}"
        evidence = [f"ranked: {int(scope.sum()):,} of {counted(len(scope), 'chunk')}"]
        return finding(StepName.FILTERS, Outcome.PASSES, clause, evidence)
    what = "filter" if len(failed) == 1 else "filters"
    verb = "excludes" if len(failed) == 1 else "exclude"
    clause = f"the {what} {quoted_list(each.typed for each in failed)} {verb} this note"
    return finding(StepName.FILTERS, Outcome.FAILS, clause, _evidence(components, context, failed))


def _evidence(components: Components, context: ChunkContext, failed: list[Filter]) -> Iterator[str]:
    for each in failed:
        yield f"{each.typed}: {_value(each.kind, context.chunk)}"
    rank = _rank_without_filters(components, context)
    if rank:
        yield f"without filters, this chunk is #{rank:,} reranked"


def _value(kind: str, chunk: Chunk) -> str:
    """What the filter compares."""
    if kind == "root":
        return f"it is in {chunk.path.partition('/')[0]}"
    if kind == "path":
        return f"the path is {chunk.path}"
    if kind == "tag":
        return f"its tags are {', '.join(chunk.tags)}" if chunk.tags else "it has no tags"
    return f"it is dated {chunk.date[:10]}"


def _rank_without_filters(components: Components, context: ChunkContext) -> int:
    """The reranked rank if no filter applied; 0 if there is none."""
    asked = context.ranked_query
    queries = components.ranked_queries
    unfiltered = queries.unfiltered(asked, context.sources.settings)
    unfiltered = queries.located(unfiltered, (context.row,))
    return int(unfiltered.ranking(RERANKED).ranks[context.row])
