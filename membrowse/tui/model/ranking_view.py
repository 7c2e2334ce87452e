"""One ranking as a column shows it: what is known of it, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from membrowse.wire.search import Approximate, Hit, Ranking
from membrowse.wire.search import RankingState as State

PAGE = 50
"""Hits that are asked for at once."""


@dataclass(slots=True)
class RankingView:
    """What is known of one ranking of the present query."""

    name: str
    recall: str = ""
    state: State | None = None
    message: str = ""
    took_ms: float = 0.0
    total: int = 0
    pool: int | None = None
    cached: int | None = None
    approximate: Approximate | None = None
    hits: dict[int, Hit] = field(default_factory=dict)
    """By 0-based row; sparse."""
    waiting: bool = False
    """The query has changed, and this ranking has not answered it yet."""
    version: int = 0
    """Raised at every change, so that painted rows can be kept until then."""
    _asked: set[int] = field(default_factory=set)

    def receive(self, recall: str, ranking: Ranking) -> None:
        """Take a finished ranking in place of what was known."""
        if self.recall != recall:
            self.recall = recall
            self._asked = set()
        self.hits = {hit.rank - 1: hit for hit in ranking.hits}
        self.state, self.message = ranking.state, ranking.message
        self.took_ms, self.total = ranking.took_ms, max(ranking.total, len(ranking.hits))
        self.pool, self.cached = ranking.pool, ranking.cached
        self.approximate = ranking.approximate
        self.waiting = False
        self.version += 1

    def add(self, recall: str, hits: Iterable[Hit]) -> bool:
        """Take a page; False when it belongs to a recall that is gone."""
        if recall != self.recall:
            return False
        self.hits.update((hit.rank - 1, hit) for hit in hits)
        self.version += 1
        return True

    def forget(self) -> None:
        """Nothing is asked: the column is empty."""
        self.hits, self._asked = {}, set()
        self.recall, self.state, self.message = "", None, ""
        self.total, self.pool, self.cached, self.approximate = 0, None, None, None
        self.waiting = False
        self.version += 1

    def wanted(self, first: int, last: int) -> list[int]:
        """Offsets of the pages to ask for so that rows `first` to `last` are known; once each."""
        if self.waiting or not self.recall:
            return []
        pages = range(max(0, first) // PAGE, max(0, min(last, self.total - 1)) // PAGE + 1)
        offsets = [page * PAGE for page in pages if page not in self._asked]
        missing = [
            offset
            for offset in offsets
            if any(row not in self.hits for row in self._in_both(offset, first, last))
        ]
        self._asked.update(offset // PAGE for offset in missing)
        return missing

    def _in_both(self, offset: int, first: int, last: int) -> range:
        """The rows of the page at `offset` that are between `first` and `last`."""
        return range(max(offset, first), min(offset + PAGE, last + 1, self.total))

    def unasked(self, offset: int) -> None:
        """The page at `offset` could not be had: it may be asked for again."""
        self._asked.discard(offset // PAGE)

    @property
    def top(self) -> float:
        """The best score, against which the bars are drawn."""
        first = self.hits.get(0)
        return first.score if first else 0.0

    @property
    def missed(self) -> frozenset[int]:
        """Exact ranks that Chroma's HNSW did not return."""
        return frozenset(self.approximate.missed) if self.approximate else frozenset()
