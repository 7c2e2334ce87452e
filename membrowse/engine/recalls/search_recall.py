"""The recall of a search that an agent asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from membrowse.ranking.query_parser import with_days
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.wire.recalls import HITS_KEPT, QUERY_CHARACTERS, Recall, RecallHit
from membrowse.wire.search import FUSED, RERANKED, RecallContext, SearchRequest, SearchResponse

_LARGEST_K = 1000
_NAME_CHARACTERS = 200


def now() -> str:
    """The current time as recalls have it: UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def search_recall(
    request: SearchRequest,
    context: RecallContext,
    response: SearchResponse,
    ranked_query: RankedQuery,
    at: str,
) -> Recall:
    """The recall of a complete response. The agent gets the first k of the last ranking, without
    those below its minimum score."""
    k = max(0, min(context.k, _LARGEST_K))
    got = given_hits(ranked_query, k, context.min_score, withhold_weak=context.withholds_weak)
    name = last_ranking(ranked_query)
    return Recall(
        id=response.id,
        at=at,
        agent=context.agent[:_NAME_CHARACTERS] or "agent",
        session=context.session[:_NAME_CHARACTERS],
        query=request.text[:QUERY_CHARACTERS],
        syntax=request.syntax,
        filters=response.query.filters,
        narrowed_to=with_days(request.filters, ranked_query.parsed.filters),
        k=k,
        min_score=context.min_score,
        given=tuple(_hit(ranked_query, name, row) for row in got.rows),
        rankings={
            name: tuple(_hit(ranked_query, name, row) for row in ranking.order[:HITS_KEPT].tolist())
            for name, ranking in ranked_query.rankings.items()
        },
        generation=response.generation,
        settings_digest=response.settings_digest,
        took_ms=round(sum(ranking.took_ms for ranking in response.rankings.values()), 3),
        cut_by_score=got.cut_by_score,
        cut_by_k=got.cut_by_k,
        withholds_weak=context.withholds_weak,
        withheld=got.withheld,
    )


@dataclass(frozen=True, slots=True)
class GivenHits:
    """What an agent gets, and what it does not."""

    rows: list[int]
    cut_by_score: int = 0
    """Hits among the first k that the minimum score removed."""
    cut_by_k: int = 0
    """Hits beyond k that reach the minimum score; 0 without one."""
    withheld: int = 0
    """Hits that are not given because nothing matches well."""


def given_hits(
    ranked_query: RankedQuery, k: int, min_score: float | None, *, withhold_weak: bool
) -> GivenHits:
    """What an agent with this cut gets."""
    ranking = ranked_query.rankings[last_ranking(ranked_query)]
    first = ranking.order[:k].tolist()
    rows = [row for row in first if min_score is None or ranking.scores[row] >= min_score]
    beyond = 0
    if min_score is not None:
        rest = ranking.order[k : ranking.pool or ranking.total]
        beyond = int((ranking.scores[rest] >= min_score).sum())
    is_weak = ranking.strength is not None and ranking.strength.weak
    if withhold_weak and is_weak:
        return GivenHits([], len(first) - len(rows), beyond, len(rows))
    return GivenHits(rows, len(first) - len(rows), beyond)


def last_ranking(ranked_query: RankedQuery) -> str:
    """The ranking that an agent gets its hits from."""
    return RERANKED if RERANKED in ranked_query.rankings else FUSED


def _hit(ranked_query: RankedQuery, ranking: str, row: int) -> RecallHit:
    chunk = ranked_query.chunks[row]
    return RecallHit(
        path=chunk.path,
        start_line=chunk.start_line,
        end_line=chunk.end_line,
        score=round(float(ranked_query.rankings[ranking].scores[row]), 6),
        chunk=chunk.id,
    )
