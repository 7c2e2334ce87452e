"""Runs pins over a generation, and again with other settings.

A pin that was run keeps its ranked query without token vectors: about 34 bytes per chunk of the
index, so that other settings of fusion and reranking take a millisecond.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from membrowse.engine import clock
from membrowse.engine.pins.pin_file import ParsedPins
from membrowse.engine.priority import Pause
from membrowse.engine.querying.ranked_queries import RankedQueries
from membrowse.index.generation import Generation
from membrowse.ranking.late_interaction import HasTokenVectors
from membrowse.ranking.ranked_query import Maxima, RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.ranking.targets import Successor, best_rank, best_row, locate
from membrowse.settings import Settings
from membrowse.wire.pins import Measures, Pin, PinResult, PinRun
from membrowse.wire.search import KEYWORD, RANKINGS, RERANKED, VECTOR, Target

_KEPT_BYTES = 48 << 20
_BYTES_A_CHUNK = 34
_QUERIES_KEPT = 1000
_SIMILARITIES_KEPT = 2000
"""Chunks of one query, about 300 bytes each."""
_MRR_DEPTH = 10
_RECALL_DEPTH = 5


@dataclass(frozen=True, slots=True)
class PinMatch:
    """How a pin fared in one ranked query."""

    pin: Pin
    ranks: dict[str, int | None]
    """By ranking: the best rank of the chunks that match the pin."""
    at_least: tuple[str, ...]
    """Rankings in which it is a lower bound."""
    chunk: str
    """The chunk that represents the pin; empty if there is none."""
    problem: str
    ranked_query: RankedQuery | None
    """For other settings, without token vectors; None if there are too many to keep."""
    rows: tuple[int, ...]
    """The chunks that match; empty if no chunk has the expected text."""

    @property
    def rank(self) -> int | None:
        return self.ranks[RERANKED]

    @property
    def passes(self) -> bool:
        return passes(self.pin, self.rank)


def passes(pin: Pin, rank: int | None) -> bool:
    """Whether a pin with this reranked `rank` passes."""
    return rank is not None and rank <= pin.k


NotePath = Callable[[Generation, str], str]
"""A path as written in a pin to the note's path in a generation."""


@dataclass(frozen=True, slots=True)
class PinTarget:
    """The chunks of one generation that match a pin."""

    rows: tuple[int, ...]
    instead: tuple[int, ...] = ()
    """If there are none: the chunks of the pin's note."""
    problem: str = ""


def locate_pin(
    generation: Generation, pin: Pin, path: str, last: str, successor: Successor
) -> PinTarget:
    """Find the chunks that match a pin whose note is at `path`.

    These are the chunks with its text (or any part of it, if it is split across chunks), or without
    a text all chunks of its note, or else the successor of `last`, the chunk that matched before.
    """
    place = locate(generation, Target(path=path, text=pin.text), successor)
    if place.split is not None:
        return PinTarget(place.split.rows)
    if place.rows:
        return PinTarget(place.rows)
    follower = locate(generation, Target(chunk=last), successor) if last else None
    if follower is not None and follower.rows:
        return PinTarget(follower.rows)
    return PinTarget((), tuple(generation.rows(path)), place.reason)


class PinRunner:
    """Runs pins through `ranked_queries`. Thread-safe."""

    def __init__(self, ranked_queries: RankedQueries, note_path: NotePath) -> None:
        self._ranked_queries = ranked_queries
        self._note_path = note_path
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
        extra_tokens: Mapping[str, HasTokenVectors] | None = None,
    ) -> list[PinMatch]:
        """Rank every pin over `generation`.

        Takes about 10 ms per pin the first time, then less, because most chunks stay the same.

        `last` maps a pin's id to the chunk that represented it in the last run.
        """
        kept = _KEPT_BYTES // (_BYTES_A_CHUNK * max(1, len(generation.chunks)))
        found: list[PinMatch] = []
        for pin in pins:
            pause()
            ranked_query = self._ranked_queries.fresh(
                generation,
                pin.query,
                pin.syntax,
                ranker,
                extra_tokens,
                self._known(pin),
                pin.filters,
            )
            target = locate_pin(
                generation,
                pin,
                self._note_path(generation, pin.path),
                last.get(pin.id, ""),
                successor,
            )
            ranked_query = self._ranked_queries.located(
                ranked_query, target.rows or target.instead, ranker
            )
            found.append(_pin_match(pin, ranked_query, target, keep=len(found) < kept))
        return found

    def _known(self, pin: Pin) -> dict[bool, Maxima]:
        """Similarities computed for the pin's query in earlier runs; may be added to."""
        with self._lock:
            known = self._maxima.pop((pin.query, pin.syntax), {})
            if sum(map(len, known.values())) > _SIMILARITIES_KEPT:
                known = {}
            self._maxima[pin.query, pin.syntax] = known
            while len(self._maxima) > _QUERIES_KEPT:
                self._maxima.popitem(last=False)
            return known

    def rank_again(self, match: PinMatch, ranker: Ranker) -> int | None:
        """The pin's reranked rank with other settings of fusion and reranking; about 1 ms.

        Raises `ValueError` if `match` has not kept its ranked query.
        """
        if match.ranked_query is None:
            raise ValueError("the ranked query was not kept")
        return best_rank(self._ranked_queries.rerank_with(match.ranked_query, ranker), match.rows)


def _pin_match(pin: Pin, ranked_query: RankedQuery, target: PinTarget, *, keep: bool) -> PinMatch:
    rows = target.rows
    row = best_row(ranked_query, rows or target.instead)
    problem = target.problem
    if not rows and row is not None:
        place = best_rank(ranked_query, (row,))
        problem = f"{problem}: it was edited away; the note's best chunk is #{place}"
    return PinMatch(
        pin=pin,
        ranks={name: best_rank(ranked_query, rows, name) for name in RANKINGS},
        at_least=tuple(name for name in RANKINGS if _is_lower_bound(ranked_query, rows, name)),
        chunk="" if row is None else ranked_query.chunks[row].id,
        problem=problem,
        ranked_query=_lightened_query(ranked_query) if keep else None,
        rows=rows,
    )


def _is_lower_bound(ranked_query: RankedQuery, rows: Sequence[int], name: str) -> bool:
    ranking = ranked_query.ranking(name)
    ranked = [row for row in rows if ranking.ranks[row]]
    best = min(ranked, key=lambda row: int(ranking.ranks[row]), default=None)
    return best is not None and ranking.is_lower_bound(best)


def _lightened_query(ranked_query: RankedQuery) -> RankedQuery:
    """What `RankedQueries.rerank_with` needs, and no more."""
    kept = {name: ranked_query.rankings[name] for name in (KEYWORD, VECTOR)}
    return replace(ranked_query, rankings=kept, token_vectors={}, snippet_by_row={})


def pin_result(match: PinMatch) -> PinResult:
    """The match as a record, without history."""
    return PinResult(
        pin=match.pin,
        passes=match.passes,
        rank=match.rank,
        ranks=match.ranks,
        chunk=match.chunk,
        problem=match.problem,
    )


def pin_run(
    generation: int, settings: Settings, parsed: ParsedPins, file: str, results: Sequence[PinResult]
) -> PinRun:
    """The results of one run as a record, with their measures."""
    return PinRun(
        generation=generation,
        at=clock.now(),
        file=file,
        settings_digest=settings.digest,
        results=tuple(results),
        measures=_rank_measures(result.ranks for result in results),
        problems=parsed.problems,
    )


def _rank_measures(all_ranks: Iterable[Mapping[str, int | None]]) -> dict[str, Measures]:
    """R@1, R@5 and MRR@10 of each ranking; 0 if there are no pins."""
    listed = list(all_ranks)
    return {name: _measures([ranks[name] for ranks in listed]) for name in RANKINGS}


def _measures(ranks: Sequence[int | None]) -> Measures:
    def mean(value: Callable[[int], float]) -> float:
        return sum(value(rank) for rank in ranks if rank) / max(1, len(ranks))

    return Measures(
        recall_at_1=mean(lambda rank: rank == 1),
        recall_at_5=mean(lambda rank: rank <= _RECALL_DEPTH),
        mrr=mean(lambda rank: 1 / rank if rank <= _MRR_DEPTH else 0.0),
    )
