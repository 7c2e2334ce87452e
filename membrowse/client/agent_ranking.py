"""The hits of an agent's own search as a ranking beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from membrowse.wire.agents import AGENT, AgentAnswer, AgentHit
from membrowse.wire.search import RERANKED, Hit, Ranking, RankingState, SearchResponse


def with_agent(response: SearchResponse, answer: AgentAnswer, limit: int) -> SearchResponse:
    """`response` with the ranking `agent`, and `limit` hits of every ranking.

    A hit of the agent is linked to the chunk among the hits of `response` that its lines lie in;
    without lines, to the best chunk of its note. A hit that cannot be linked has no chunk.
    """
    chunks = {hit.chunk: hit for ranking in response.rankings.values() for hit in ranking.hits}
    known = tuple(sorted(chunks.values(), key=lambda hit: hit.ranks.get(RERANKED) or 1 << 30))
    hits = tuple(_hit(hit, _chunk_of(hit, known)) for hit in answer.hits)
    state = RankingState.FAILED if answer.problem else RankingState.READY
    agents = Ranking(
        state=state,
        message=answer.problem or answer.warning,
        took_ms=answer.took_ms,
        total=len(hits),
        hits=hits,
    )
    given = {hit.chunk: hit for hit in reversed(hits) if hit.chunk}
    ours = {name: _first(ranking, limit, given) for name, ranking in response.rankings.items()}
    return msgspec.structs.replace(response, rankings={**ours, AGENT: agents})


def _first(ranking: Ranking, limit: int, given: Mapping[str, Hit]) -> Ranking:
    """The first hits, with their ranks among those `given` to the agent, by chunk."""
    hits = tuple(_with_rank(hit, given.get(hit.chunk)) for hit in ranking.hits[:limit])
    return msgspec.structs.replace(ranking, hits=hits)


def _with_rank(hit: Hit, given: Hit | None) -> Hit:
    rank, score = (None, None) if given is None else (given.rank, given.scores[AGENT])
    return msgspec.structs.replace(
        hit, ranks={**hit.ranks, AGENT: rank}, scores={**hit.scores, AGENT: score}
    )


def _chunk_of(hit: AgentHit, known: Iterable[Hit]) -> Hit | None:
    """The chunk that `hit` is of, from the best-ranked down."""
    if hit.chunk:
        return next((each for each in known if each.chunk == hit.chunk), None)
    of_note = [each for each in known if hit.inside and each.path == hit.path]
    if hit.start_line is None:
        return next(iter(of_note), None)
    overlaps = [(each, _overlap(hit, each)) for each in of_note]
    best = max(overlaps, key=lambda pair: pair[1], default=None)
    return best[0] if best is not None and best[1] > 0 else None


def _overlap(hit: AgentHit, chunk: Hit) -> int:
    """Lines that both contain."""
    first = hit.start_line or 1
    last = max(first, hit.end_line or first)
    return min(last, chunk.end_line) - max(first, chunk.start_line) + 1


def _hit(hit: AgentHit, chunk: Hit | None) -> Hit:
    """`hit` as one of ours, with the ranks of its chunk."""
    score = 0.0 if hit.score is None else hit.score
    if chunk is not None:
        return msgspec.structs.replace(
            chunk,
            rank=hit.rank,
            score=score,
            ranks={**chunk.ranks, AGENT: hit.rank},
            scores={**chunk.scores, AGENT: hit.score},
        )
    first = hit.start_line or 1
    return Hit(
        rank=hit.rank,
        score=score,
        snippet=hit.text,
        chunk="",
        path=hit.path,
        title="",
        heading="",
        start_line=first,
        end_line=max(first, hit.end_line or first),
        start_offset=0,
        end_offset=0,
        date="",
        indexed_at="",
        ranks={AGENT: hit.rank},
        scores={AGENT: hit.score},
    )
