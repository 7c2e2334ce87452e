"""Tries variants of one search and reports the rank of the target."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from membrowse.engine.components import Components
from membrowse.engine.priority import Pause
from membrowse.index.what_if import WhatIf
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.ranking.targets import TargetChunks, best_rank, best_row, locate
from membrowse.settings import Settings
from membrowse.wire.diagnosis import Suggestion
from membrowse.wire.search import RERANKED, RankingState, Target

Variant = Settings | WhatIf
"""What the pins are run with: other settings, or a hypothetical generation."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A suggestion that works, with what is needed to order it."""

    suggestion: Suggestion
    size: float
    """Size of the change, 0 to about 1; with equal effect on pins the smaller goes first."""
    variant: Variant | None = None
    """What the pins are run with; None if it cannot affect them (another query)."""


class OutOfTime(Exception):
    """The time of this search is over."""


class NotTried(Exception):
    """This search is impossible now; the message says why."""


class Trial:
    """Ranks variants of one query and returns the target's rank. Not thread-safe."""

    def __init__(
        self,
        components: Components,
        ranked_query: RankedQuery,
        target: Target,
        chunks: TargetChunks,
        k: int,
        settings: Settings,
        pause: Pause,
    ) -> None:
        """`ranked_query` is of the present generation, by `settings`, and is not changed; `chunks`
        are those of the target in it."""
        self.components = components
        self.target = target
        self.chunks = chunks
        self.k = k
        self.settings = settings
        self.tried = 0
        self.pause = pause
        self.ranked_query = replace(
            ranked_query,
            token_vectors=dict(ranked_query.token_vectors),
            late_scores={
                weighing: dict(known) for weighing, known in ranked_query.late_scores.items()
            },
        )
        self._until = float("inf")
        self._ranker = components.configuration.ranker.with_settings(settings)

    @cached_property
    def row(self) -> int:
        """The chunk that represents the target. Raises `LookupError` if there is none."""
        row = best_row(self.ranked_query, self.chunks.rows)
        if row is None:
            raise LookupError("no chunk represents the target")
        return row

    @contextmanager
    def within(self, until: float) -> Iterator[None]:
        """Raise `OutOfTime` in the block after `until` (monotonic seconds)."""
        self._until = until
        try:
            yield
        finally:
            self._until = float("inf")

    def by_settings(self, settings: Settings) -> int | None:
        """The target's reranked rank with other settings of fusion and reranking."""
        self._step()
        other = self.components.ranked_queries.with_settings(self.ranked_query, settings)
        return self._rank(other, self.chunks)

    def by_query(self, text: str) -> int | None:
        """The target's reranked rank for another query."""
        self._step()
        base = self.ranked_query
        other = self.components.ranked_queries.fresh(
            base.generation,
            text,
            base.query.syntax,
            self._ranker,
            base.token_vectors,
            filters=base.filters,
        )
        base.token_vectors.update(other.token_vectors)
        return self._rank(other, self.chunks)

    def by_edit(self, hypothetical: WhatIf) -> int | None:
        """The target's reranked rank over a hypothetical generation."""
        self._step()
        base = self.ranked_query
        other = self.components.ranked_queries.fresh(
            hypothetical.generation,
            base.query.text,
            base.query.syntax,
            Ranker(self.settings),
            {**base.token_vectors, **{each.key: each for each in hypothetical.encoded}},
            filters=base.filters,
        )
        return self._rank(
            other, locate(hypothetical.generation, self.target, self._follow(hypothetical))
        )

    def works(self, rank: int | None) -> bool:
        return rank is not None and rank <= self.k

    def _follow(self, hypothetical: WhatIf) -> Callable[[str], str | None]:
        def successor(chunk: str) -> str | None:
            live = self.components.index.successor(chunk) or chunk
            return hypothetical.successors.get(live, live)

        return successor

    def _rank(self, ranked_query: RankedQuery, chunks: TargetChunks) -> int | None:
        if ranked_query.rankings[RERANKED].state is RankingState.FAILED:
            return None
        located = self.components.ranked_queries.located(ranked_query, chunks.rows, self._ranker)
        return best_rank(located, chunks.rows)

    def checkpoint(self) -> None:
        """Give way to queries. Raises `OutOfTime`, and `Cancelled`."""
        self.pause()
        if time.monotonic() > self._until:
            raise OutOfTime

    def _step(self) -> None:
        self.checkpoint()
        self.tried += 1
