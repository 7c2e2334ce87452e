"""One diagnosis at work: what is tried on which query and target, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from membrowse.engine.courtesy import Pause
from membrowse.engine.parts import Parts
from membrowse.findings.diagnosis import Change, Target
from membrowse.index.hypothesis import Supposition
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.pipeline import Ranker
from membrowse.ranking.targets import Place, best, locate, rank_of
from membrowse.recall import RERANKED, RankingState
from membrowse.settings import Settings

Variant = Settings | Supposition
"""What the pins would be run with."""


@dataclass(frozen=True, slots=True)
class PinOutcome:
    """What a change does to the pins."""

    pins: int = 0
    """How many were run."""
    broken: tuple[str, ...] = ()
    """Names of those that hold now, and would not."""
    mended: tuple[str, ...] = ()
    """Names of those that do not hold now, and would."""


Collateral = Callable[[Variant, Pause], PinOutcome]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change that works."""

    change: Change
    size: float
    """How much it changes, 0 to about 1: of two with equal collateral the smaller goes first."""
    variant: Variant | None = None
    """What the pins are run with; None where they cannot be concerned (another query)."""


class OutOfTime(Exception):
    """This search has had its time."""


class NotTried(Exception):
    """This search cannot be made now; the message says why."""


class Trial:
    """Runs variants of one recall and says where the target would stand. Used by one thread."""

    def __init__(
        self,
        parts: Parts,
        evaluation: Evaluation,
        target: Target,
        place: Place,
        k: int,
        settings: Settings,
        pause: Pause,
    ) -> None:
        """`evaluation` is of the present generation, by `settings`, with `place` of the target in
        it; it is not changed."""
        self.parts = parts
        self.target = target
        self.place = place
        self.k = k
        self.settings = settings
        self.tried = 0
        self.pause = pause
        self.evaluation = replace(
            evaluation,
            tokens=dict(evaluation.tokens),
            interactions={
                weighing: dict(known) for weighing, known in evaluation.interactions.items()
            },
        )
        self._until = float("inf")
        self._ranker = parts.configuration.ranker.by(settings)

    @cached_property
    def row(self) -> int:
        """The chunk that stands for the target; there must be one."""
        row = best(self.evaluation, self.place.rows)
        if row is None:
            raise LookupError("nothing stands for the target")
        return row

    @contextmanager
    def within(self, until: float) -> Iterator[None]:
        """Let the block try until `until` (monotonic seconds); then it ends with `OutOfTime`."""
        self._until = until
        try:
            yield
        finally:
            self._until = float("inf")

    def by_settings(self, settings: Settings) -> int | None:
        """The target's reranked rank by other settings of fusion and reranking."""
        self._step()
        other = self.parts.evaluations.again(self.evaluation, settings)
        return self._rank(other, self.place)

    def by_query(self, text: str) -> int | None:
        """The target's reranked rank for another query."""
        self._step()
        base = self.evaluation
        other = self.parts.evaluations.fresh(
            base.at(), text, base.query.syntax, self._ranker, base.tokens
        )
        base.tokens.update(other.tokens)
        return self._rank(other, self.place)

    def by_edit(self, supposed: Supposition) -> int | None:
        """The target's reranked rank over a supposed generation."""
        self._step()
        base = self.evaluation
        other = self.parts.evaluations.fresh(
            supposed.generation,
            base.query.text,
            base.query.syntax,
            Ranker(self.settings),
            {**base.tokens, **{each.key: each for each in supposed.encoded}},
        )
        return self._rank(other, locate(supposed.generation, self.target, self._follow(supposed)))

    def works(self, rank: int | None) -> bool:
        return rank is not None and rank <= self.k

    def _follow(self, supposed: Supposition) -> Callable[[str], str | None]:
        def successor(chunk: str) -> str | None:
            live = self.parts.index.successor(chunk) or chunk
            return supposed.successors.get(live, live)

        return successor

    def _rank(self, evaluation: Evaluation, place: Place) -> int | None:
        if evaluation.rankings[RERANKED].state is RankingState.FAILED:
            return None
        return rank_of(evaluation, place.rows)

    def breathe(self) -> None:
        """Give way to queries; the end of the search where its time is over."""
        self.pause()
        if time.monotonic() > self._until:
            raise OutOfTime

    def _step(self) -> None:
        self.breathe()
        self.tried += 1
