"""Pins put to the index: where the expected chunk stands, and what other settings would do to it.

A pin that was run keeps its evaluation, without token vectors: some 34 bytes a chunk of the index,
from which fusion and reranking by other settings take a millisecond.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from membrowse.engine.courtesy import Pause
from membrowse.engine.evaluations import Evaluations
from membrowse.findings.diagnosis import Target
from membrowse.findings.pins import Measures, Pin
from membrowse.index.generation import Generation
from membrowse.ranking.evaluation import Evaluation, Maxima
from membrowse.ranking.late_interaction import TokenVectors
from membrowse.ranking.pipeline import Ranker
from membrowse.ranking.targets import Successor, best, locate, rank_of
from membrowse.recall import KEYWORD, RANKINGS, RERANKED, VECTOR

_KEPT_BYTES = 48 << 20
_BYTES_A_CHUNK = 34
_QUERIES_KEPT = 1000
_SIMILARITIES_KEPT = 2000
"""Chunks of one query, some 300 bytes each."""
_MRR_DEPTH = 10
_RECALL_DEPTH = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a pin's chunk stands."""

    pin: Pin
    ranks: dict[str, int | None]
    """By ranking: the best of the chunks that would do."""
    chunk: str
    """The chunk that stands for it, empty where there is none."""
    problem: str
    evaluation: Evaluation | None
    """For other settings, without token vectors; None where there are too many to keep."""
    rows: tuple[int, ...]
    """The chunks that would do; none where the expected text is nowhere."""

    @property
    def rank(self) -> int | None:
        return self.ranks[RERANKED]

    @property
    def holds(self) -> bool:
        return holds(self.pin, self.rank)


def holds(pin: Pin, rank: int | None) -> bool:
    """Whether a pin holds where its chunk has this reranked `rank`."""
    return rank is not None and rank <= pin.k


@dataclass(frozen=True, slots=True)
class Expectation:
    """The chunks that would do for a pin, in one generation."""

    rows: tuple[int, ...]
    instead: tuple[int, ...] = ()
    """Where there are none: the chunks of its note."""
    problem: str = ""


def sought(generation: Generation, pin: Pin, last: str, successor: Successor) -> Expectation:
    """The chunks that hold the pin's text (any part of it, where it is split); without a text, all
    of its note; else the successor of `last`, the chunk that stood for it before."""
    place = locate(generation, Target(path=pin.path, text=pin.text), successor)
    if place.split is not None:
        return Expectation(place.split.rows)
    if place.rows:
        return Expectation(place.rows)
    follower = locate(generation, Target(chunk=last), successor) if last else None
    if follower is not None and follower.rows:
        return Expectation(follower.rows)
    return Expectation((), tuple(generation.rows(pin.path)), place.reason)


class Runs:
    """Runs pins by way of `evaluations`; safe to use from several threads."""

    def __init__(self, evaluations: Evaluations) -> None:
        self._evaluations = evaluations
        self._maxima: OrderedDict[tuple[str, str], dict[bool, Maxima]] = OrderedDict()
        self._lock = threading.Lock()

    def run(
        self,
        generation: Generation,
        pins: Sequence[Pin],
        ranker: Ranker,
        pause: Pause,
        *,
        last: Mapping[str, str],
        successor: Successor,
        tokens_at_hand: Mapping[str, TokenVectors] | None = None,
    ) -> list[Standing]:
        """Every pin over `generation` by `ranker`: some 10 ms each the first time, then less, since
        most chunks stay as they are.

        `last` is the chunk that stood for a pin, by its id.
        """
        kept = _KEPT_BYTES // (_BYTES_A_CHUNK * max(1, len(generation.chunks)))
        found: list[Standing] = []
        for pin in pins:
            pause()
            evaluation = self._evaluations.fresh(
                generation, pin.query, pin.syntax, ranker, tokens_at_hand, self._known(pin)
            )
            expectation = sought(generation, pin, last.get(pin.id, ""), successor)
            found.append(_standing(pin, evaluation, expectation, keep=len(found) < kept))
        return found

    def _known(self, pin: Pin) -> dict[bool, Maxima]:
        """What late interaction worked out for the pin's query before, to be added to."""
        with self._lock:
            known = self._maxima.pop((pin.query, pin.syntax), {})
            if sum(map(len, known.values())) > _SIMILARITIES_KEPT:
                known = {}
            self._maxima[pin.query, pin.syntax] = known
            while len(self._maxima) > _QUERIES_KEPT:
                self._maxima.popitem(last=False)
            return known

    def again(self, standing: Standing, ranker: Ranker) -> int | None:
        """The pin's reranked rank by other settings of fusion and reranking; about 1 ms.

        Only for a standing that has kept its evaluation.
        """
        if standing.evaluation is None:
            raise ValueError("the evaluation was not kept")
        return rank_of(self._evaluations.by(standing.evaluation, ranker), standing.rows)


def _standing(
    pin: Pin, evaluation: Evaluation, expectation: Expectation, *, keep: bool
) -> Standing:
    rows = expectation.rows
    row = best(evaluation, rows or expectation.instead)
    problem = expectation.problem
    if not rows and row is not None:
        place = rank_of(evaluation, (row,))
        problem = f"{problem}: it was edited away; the note's best chunk is #{place}"
    return Standing(
        pin=pin,
        ranks={name: rank_of(evaluation, rows, name) for name in RANKINGS},
        chunk="" if row is None else evaluation.chunks[row].id,
        problem=problem,
        evaluation=_lightened(evaluation) if keep else None,
        rows=rows,
    )


def _lightened(evaluation: Evaluation) -> Evaluation:
    """What `Evaluations.by` needs, and no more."""
    kept = {name: evaluation.rankings[name] for name in (KEYWORD, VECTOR)}
    return replace(evaluation, rankings=kept, tokens={}, shown={})


def measures(all_ranks: Iterable[Mapping[str, int | None]]) -> dict[str, Measures]:
    """R@1, R@5 and MRR (of the first 10) of each ranking; 0 where there are no pins."""
    listed = list(all_ranks)
    return {name: _measured([ranks[name] for ranks in listed]) for name in RANKINGS}


def _measured(ranks: Sequence[int | None]) -> Measures:
    def mean(value: Callable[[int], float]) -> float:
        return sum(value(rank) for rank in ranks if rank) / max(1, len(ranks))

    return Measures(
        recall_at_1=mean(lambda rank: rank == 1),
        recall_at_5=mean(lambda rank: rank <= _RECALL_DEPTH),
        mrr=mean(lambda rank: 1 / rank if rank <= _MRR_DEPTH else 0.0),
    )
