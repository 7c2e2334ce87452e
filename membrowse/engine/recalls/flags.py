"""What is worth knowing about a recall today."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from membrowse.engine.priority import Pause
from membrowse.engine.querying.freshness import FreshnessOf
from membrowse.engine.recalls.places import Places
from membrowse.engine.recalls.search_recall import cut
from membrowse.ranking.targets import comparable
from membrowse.wire.notes import Freshness
from membrowse.wire.recalls import HITS_KEPT, Outcome, Recall, RecallFlag
from membrowse.wire.search import RERANKED

if TYPE_CHECKING:
    from membrowse.engine.components import Components

_KEPT = 5000
_Key = tuple[str, int, str]


class ChangedRecalls:
    """Whether agents would get other hits today; remembered, because that takes a ranking.

    Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, bool] = OrderedDict()

    def changed(self, components: Components, recall: Recall, places: Places) -> bool:
        """About 5 ms over 1,000 chunks, the first time. False if membrowse did not answer."""
        if recall.source or recall.k is None or (recall.filters and recall.syntax == "literal"):
            return False
        ranker = components.configuration.ranker
        key = (recall.id, places.generation.number, ranker.settings.digest)
        with self._lock:
            if key in self._known:
                return self._known[key]
        ranked = components.ranked_queries.fresh(
            places.generation, recall.query, recall.syntax, ranker
        )
        today = [ranked.chunks[row].id for row in cut(ranked, recall.k, recall.min_score)[0]]
        then = [components.index.successor(hit.chunk) or hit.chunk for hit in recall.given]
        with self._lock:
            self._known[key] = today != then
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return today != then


class Flags:
    """The flags of recalls over one generation; made for one reply."""

    def __init__(self, components: Components, places: Places, pause: Pause) -> None:
        self._components = components
        self._places = places
        self._pause = pause
        self._freshness = FreshnessOf(components.folder, places.generation.notes)
        self._pinned = _pinned(components)

    def of(self, recall: Recall) -> tuple[RecallFlag, ...]:
        """All that apply, in the order of `RecallFlag`."""
        self._pause()
        applies = {
            RecallFlag.EMPTY: recall.outcome is Outcome.EMPTY,
            RecallFlag.CUT: recall.cut > 0,
            RecallFlag.NEAR: self._near(recall),
            RecallFlag.CHANGED: self._components.changed_recalls.changed(
                self._components, recall, self._places
            ),
            RecallFlag.STALE: any(self._stale(hit.chunk, hit.path) for hit in recall.given),
        }
        return tuple(flag for flag in RecallFlag if applies[flag])

    def freshness(self, path: str) -> Freshness:
        """Of the note's file; a path that is no note of the index is not looked at."""
        known = path in self._places.generation.notes
        return self._freshness(path) if known else Freshness.DELETED

    def _stale(self, chunk: str, path: str) -> bool:
        gone = bool(chunk) and chunk not in self._places.generation.row_of
        return gone or self.freshness(path) is not Freshness.CURRENT

    def _near(self, recall: Recall) -> bool:
        """Whether a note pinned to the query was not given, though it ranks in the first 20."""
        given = {hit.path for hit in recall.given}
        wanted = self._pinned.get(comparable(recall.query), set()) - given
        if not wanted:
            return False
        if recall.rankings:
            return any(hit.path in wanted for hit in recall.rankings.get(RERANKED, ()))
        ranked = self._components.ranked_queries.of(recall.query, recall.syntax)
        rows = ranked.rankings[RERANKED].order[:HITS_KEPT].tolist()
        return any(ranked.chunks[row].path in wanted for row in rows)


def _pinned(components: Components) -> Mapping[str, set[str]]:
    """Paths of the pinned notes by their query."""
    places: dict[str, set[str]] = {}
    for pin in components.pins.file.read().pins:
        path = components.targets.note_path(components.index.generation, pin.path)
        places.setdefault(comparable(pin.query), set()).add(path)
    return places
