"""What is worth knowing about a recall today."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from membrowse.engine.priority import Pause
from membrowse.engine.querying.freshness import FreshnessOf
from membrowse.engine.recalls.places import Places
from membrowse.engine.recalls.search_recall import given_hits, last_ranking
from membrowse.index.store_errors import StoreUnavailable
from membrowse.ranking.targets import comparable
from membrowse.wire.notes import Freshness
from membrowse.wire.recalls import HITS_KEPT, Outcome, Recall, RecallFlag
from membrowse.wire.search import RERANKED, Target

if TYPE_CHECKING:
    from membrowse.engine.components import Components

_KEPT = 5000
_Key = tuple[str, int, str, frozenset[str]]
_NearAndChanged = tuple[bool, bool]


class RankedFlags:
    """Which recalls are near and changed, remembered because that takes a ranking. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, _NearAndChanged] = OrderedDict()

    def get(self, key: _Key) -> _NearAndChanged | None:
        with self._lock:
            return self._known.get(key)

    def put(self, key: _Key, value: _NearAndChanged) -> None:
        with self._lock:
            self._known[key] = value
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)


class Flags:
    """The flags of recalls over one generation; made for one reply.

    After `seconds`, and one query, none is ranked any more: `unchecked` counts recalls whose flags
    `near` and `changed` are then not known.
    """

    def __init__(
        self, components: Components, places: Places, pause: Pause, seconds: float = math.inf
    ) -> None:
        self.unchecked = 0
        self._progressed = False
        self._components = components
        self._places = places
        self._pause = pause
        self._deadline = time.monotonic() + seconds
        self._freshness = FreshnessOf(components.roots, places.generation.notes)
        self._pinned = _pinned(components)

    def of(self, recall: Recall) -> tuple[RecallFlag, ...]:
        """All that apply, in the order of `RecallFlag`."""
        self._pause()
        near, changed = self._near_and_changed(recall)
        applies = {
            RecallFlag.EMPTY: recall.outcome is Outcome.EMPTY,
            RecallFlag.CUT: recall.cut > 0,
            RecallFlag.NEAR: near,
            RecallFlag.CHANGED: changed,
            RecallFlag.STALE: any(self._stale(hit.chunk, hit.path) for hit in recall.given),
        }
        return tuple(flag for flag in RecallFlag if applies[flag])

    def missed(self, recall: Recall) -> tuple[Target, ...]:
        """What is pinned to the same query, and was not given."""
        given = {hit.path for hit in recall.given}
        pinned = self._pinned.get(comparable(recall.query), ())
        return tuple(target for target in pinned if target.path not in given)

    def freshness(self, path: str) -> Freshness:
        """Of the note's file; a path that is no note of the index is not looked at."""
        known = path in self._places.generation.notes
        return self._freshness(path) if known else Freshness.DELETED

    def _stale(self, chunk: str, path: str) -> bool:
        gone = bool(chunk) and chunk not in self._places.generation.row_of
        return gone or self.freshness(path) is not Freshness.CURRENT

    def _near_and_changed(self, recall: Recall) -> _NearAndChanged:
        """About 5 ms over 1,000 chunks, the first time, for a recall that needs a ranking."""
        wanted = frozenset(target.path for target in self.missed(recall))
        then = recall.rankings.get(RERANKED, ())
        near = any(hit.path in wanted for hit in then)
        if not (_can_be_asked_again(recall) or (wanted and not then)):
            return near, False
        ranker = self._components.configuration.ranker
        key = (recall.id, self._places.generation.number, ranker.settings.digest, wanted)
        known = self._components.ranked_flags.get(key)
        if known is None and self._progressed and time.monotonic() > self._deadline:
            self.unchecked += 1
            return near, False
        if known is None:
            self._progressed = True
            try:
                known = self._ranked(recall, wanted, near)
            except StoreUnavailable:
                return near, False
            self._components.ranked_flags.put(key, known)
        return known

    def _ranked(self, recall: Recall, wanted: frozenset[str], near: bool) -> _NearAndChanged:
        components = self._components
        ranked = components.ranked_queries.fresh(
            self._places.generation,
            recall.query,
            recall.syntax,
            components.configuration.ranker,
            filters=recall.narrowed_to,
        )
        first = ranked.rankings[last_ranking(ranked)].order[:HITS_KEPT].tolist()
        near = near or any(ranked.chunks[row].path in wanted for row in first)
        if not _can_be_asked_again(recall) or recall.k is None:
            return near, False
        got = given_hits(ranked, recall.k, recall.min_score, withhold_weak=recall.withholds_weak)
        today = [ranked.chunks[row].id for row in got.rows]
        then = [components.index.successor(hit.chunk) or hit.chunk for hit in recall.given]
        return near, today != then


def _can_be_asked_again(recall: Recall) -> bool:
    """Whether membrowse answered, so that the whole question is known."""
    return not recall.source and recall.k is not None


def _pinned(components: Components) -> Mapping[str, Sequence[Target]]:
    """What the pins expect, by their query."""
    targets: dict[str, list[Target]] = {}
    for pin in components.pins.file.read().pins:
        path = components.targets.note_path(components.index.generation, pin.path)
        targets.setdefault(comparable(pin.query), []).append(Target(path=path, text=pin.text))
    return targets
