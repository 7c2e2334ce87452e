"""The open query, its rankings and the one cursor that they share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from membrowse.tui.model.ranking_view import RankingView
from membrowse.wire.search import (
    FUSED,
    KEYWORD,
    RANKINGS,
    RERANKED,
    VECTOR,
    Hit,
    Query,
    Ranking,
    SearchResponse,
    Target,
    TargetMatch,
)

COLUMNS = (KEYWORD, VECTOR, RERANKED)
"""The rankings that always have a column; one whose name is unknown gets a column after them."""


def _empty_views() -> dict[str, RankingView]:
    return {name: RankingView(name) for name in (*COLUMNS, FUSED)}


@dataclass(slots=True)
class Browsing:
    """What is asked, what came back so far, and where the cursor stands.

    The cursor is a chunk, not a row: the same chunk is marked in every ranking.
    """

    text: str = ""
    syntax: str = "literal"
    number: int = 0
    """Of the last question; answers to earlier ones are dropped."""
    query: Query | None = None
    recall: str = ""
    generation: int = -1
    chunks: int = 0
    complete: bool = True
    active: str = RERANKED
    cursor: Hit | None = None
    wanted: tuple[str, int] | None = None
    """A row that the cursor was sent to before its hit is known."""
    views: dict[str, RankingView] = field(default_factory=_empty_views)
    tracked: dict[str, Hit] = field(default_factory=dict)
    marked: str = ""
    """The chunk that was marked to be compared with the next."""
    target: Target | None = None
    """What the person expects to find; it stays while the query is edited."""
    expected: TargetMatch | None = None
    """Where the target stands, by the last recall that says so."""
    saved_ranks: dict[str, int] | None = None
    """While other settings are tried: reranked ranks by those in force, by chunk."""
    keeping: bool = False
    """The same query was asked again: cursor and scroll stay with their chunks."""
    _fresh: bool = True
    """The cursor stands where the query before this one left it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the rankings shown side by side."""
        return (*COLUMNS, *(name for name in self.views if name not in RANKINGS))

    @property
    def rankings(self) -> tuple[str, ...]:
        """All names of rankings known now, ours first."""
        return (*RANKINGS, *(name for name in self.views if name not in RANKINGS))

    def ask(self, text: str, *, keep: bool) -> int:
        """Note that `text` is being asked and return the number of the question."""
        self.number += 1
        self.text = text
        self.keeping = keep and self.query is not None
        self._fresh = not self.keeping
        self.wanted = self.wanted if self.keeping else None
        self.complete = False
        for view in self.views.values():
            view.waiting = True
        return self.number

    def clear(self) -> None:
        """Nothing is asked any more."""
        self.number += 1
        self.text, self.query, self.recall, self.generation = "", None, "", -1
        self.complete, self.cursor, self.wanted, self.tracked = True, None, None, {}
        self.expected = None
        for view in self.views.values():
            view.forget()

    def receive(self, recall: SearchResponse) -> tuple[str, ...]:
        """Take what is finished of a recall; the names of the rankings that are new by it.

        A recall with another number than the last question's is dropped.
        """
        if recall.number != self.number:
            return ()
        self.query, self.recall, self.generation = recall.query, recall.id, recall.generation
        self.chunks, self.complete = recall.chunks, recall.complete
        self.tracked = dict(recall.tracked)
        if recall.complete or recall.target is not None:
            self.expected = recall.target
        arrived = tuple(
            name for name, ranking in recall.rankings.items() if self._is_news(name, ranking)
        )
        for name in arrived:
            view = self.views.setdefault(name, RankingView(name))
            view.receive(recall.id, recall.rankings[name])
        if recall.complete:
            self._forget_absent(recall.rankings)
        self._follow()
        return arrived

    def _is_news(self, name: str, ranking: Ranking) -> bool:
        """Whether a part of a progressive recall says more than the one before it."""
        view = self.views.get(name)
        if view is None or view.waiting or view.recall != self.recall or self.complete:
            return True
        return view.cached != ranking.cached or view.state is not ranking.state

    def _forget_absent(self, present: Iterable[str]) -> None:
        for name in set(self.views) - set(present):
            if name in RANKINGS:
                self.views[name].forget()
                continue
            del self.views[name]
            if self.active == name:
                self.active = RERANKED

    def _follow(self) -> None:
        """Keep the cursor on its chunk, or put it on the first row of a new query's ranking."""
        view = self.views[self.active]
        arrived = view.recall == self.recall and not view.waiting
        if self._fresh:
            if arrived or self.complete:
                self.cursor, self._fresh = self._first(), False
            return
        found = self._known(self.cursor.chunk) if self.cursor else None
        if found is not None:
            self.cursor = found
        elif self.complete:
            row = min(self.row(self.active) or 0, view.total - 1)
            self.cursor = view.hits.get(row) or self._first()

    def _first(self) -> Hit | None:
        for name in (self.active, *reversed(self.columns)):
            if (first := self.views[name].hits.get(0)) is not None:
                return first
        return None

    def _known(self, chunk: str) -> Hit | None:
        """Where `chunk` stands by this recall, the ranking that came last being the fullest."""
        if (tracked := self.tracked.get(chunk)) is not None:
            return tracked
        for name in reversed(self.rankings):
            view = self.views.get(name)
            if view is None or view.recall != self.recall or view.waiting:
                continue
            for hit in view.hits.values():
                if hit.chunk == chunk:
                    return hit
        return None

    def row(self, ranking: str) -> int | None:
        """The 0-based row of the cursor in `ranking`; None where its chunk has no rank."""
        if self.wanted is not None and self.wanted[0] == ranking:
            return self.wanted[1]
        if self.cursor is None:
            return None
        rank = self.cursor.ranks.get(ranking)
        return None if rank is None else rank - 1

    def put_cursor(self, ranking: str, row: int) -> bool:
        """Put the cursor on a row of `ranking`; False while that row's hit is not known."""
        view = self.views[ranking]
        if not 0 <= row < view.total:
            return False
        hit = view.hits.get(row)
        if hit is None:
            self.wanted = (ranking, row)
            return False
        self.cursor, self.wanted, self._fresh = hit, None, False
        return True

    def add_page(self, recall: str, ranking: str, hits: Iterable[Hit]) -> bool:
        """Take a page, and the cursor's hit if it was sent there; False for one out of date."""
        view = self.views.get(ranking)
        if view is None or not view.add(recall, hits):
            return False
        if self.wanted is not None and self.wanted[0] == ranking:
            self.put_cursor(*self.wanted)
        return True
