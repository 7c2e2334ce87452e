"""What an agent got, as a ranking beside ours: its order and scores, today's chunks and ranks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from membrowse.presentation.recalls import beneath_text
from membrowse.tui.model.ranking_view import RankingView
from membrowse.wire.agents import AGENT
from membrowse.wire.recalls import GivenHit, RecallView
from membrowse.wire.search import (
    RERANKED,
    CutOrigin,
    Hit,
    Ranking,
    RankingState,
    SearchResponse,
    TargetMatch,
)

replace = msgspec.structs.replace


@dataclass(slots=True)
class AgentRanking:
    """The hits of one recall, found again in the responses to its query."""

    recall: RecallView
    hits: dict[int, Hit] = field(default_factory=dict)
    """By row: the chunks that are in the index today, with the agent's rank and score."""
    _first: dict[str, Hit] = field(default_factory=dict)
    """By chunk; if the agent got a chunk twice, its first rank counts."""

    @property
    def is_asked_now(self) -> bool:
        """Whether the user had the agent's search asked, so that no log has the recall."""
        return not self.recall.recall.id

    @property
    def chunks(self) -> tuple[str, ...]:
        """The chunks whose hits a response must report."""
        return tuple(given.chunk for given in self.recall.given if given.chunk)

    @property
    def absent(self) -> dict[int, GivenHit]:
        """By row: what has no chunk today."""
        given = enumerate(self.recall.given)
        return {row: each for row, each in given if row not in self.hits}

    def receive(self, tracked: Mapping[str, Hit]) -> None:
        """Find the hits among those that a response tracks."""
        self.hits, self._first = {}, {}
        for row, given in enumerate(self.recall.given):
            today = tracked.get(given.chunk)
            if today is not None:
                self.hits[row] = _ranked(today, row + 1, given.hit.score)
                self._first.setdefault(today.chunk, self.hits[row])

    def linked(self, hit: Hit) -> Hit:
        """A hit of ours with its rank and score in this ranking, if it has any."""
        own = self._first.get(hit.chunk)
        if own is None:
            return hit
        return replace(
            hit,
            ranks=hit.ranks | {AGENT: own.ranks[AGENT]},
            scores=hit.scores | {AGENT: own.scores[AGENT]},
        )

    def linked_response(self, response: SearchResponse) -> SearchResponse:
        """A response whose hits have their rank in this ranking."""

        def linked(ranking: Ranking) -> Ranking:
            return replace(ranking, hits=tuple(map(self.linked, ranking.hits)))

        return replace(
            response,
            rankings={name: linked(ranking) for name, ranking in response.rankings.items()},
            tracked={chunk: self.linked(hit) for chunk, hit in response.tracked.items()},
        )

    def match(self, found: TargetMatch) -> TargetMatch:
        """How a target fared by the agent's cut, if its k is known."""
        recall = self.recall.recall
        if recall.k is None:
            return found
        rank = found.hit.ranks.get(RERANKED) if found.hit else None
        score = found.hit.scores.get(RERANKED) if found.hit else None
        least = None if recall.source else recall.min_score
        passes = rank is not None and rank <= recall.k
        if least is not None:
            passes = passes and score is not None and score >= least
        return replace(found, k=recall.k, cut=CutOrigin.REQUEST, passes=passes)

    def view(self) -> RankingView:
        """The ranking as a column shows it; it has no pages."""
        return RankingView(
            AGENT,
            state=RankingState.READY,
            total=len(self.recall.given),
            hits=self.hits,
            absent=self.absent,
            edited=frozenset(row + 1 for row in self.hits if self.recall.given[row].edited),
            beneath=beneath_text(self.recall.recall),
        )


def _ranked(hit: Hit, rank: int, score: float | None) -> Hit:
    return replace(
        hit,
        rank=rank,
        score=math.nan if score is None else score,
        ranks=hit.ranks | {AGENT: rank},
        scores=hit.scores | {AGENT: score},
    )
