"""The open query: its text, the rankings of its response, and the cursor that they share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from membrowse.tui.model.agent_ranking import AgentRanking
from membrowse.tui.model.ranking_view import RankingView
from membrowse.wire.agents import AGENT
from membrowse.wire.recalls import GivenHit, RecallView
from membrowse.wire.search import (
    FUSED,
    KEYWORD,
    NO_FILTERS,
    RANKINGS,
    RERANKED,
    VECTOR,
    Filters,
    Hit,
    Query,
    Ranking,
    SearchResponse,
)

COLUMNS = (KEYWORD, VECTOR, RERANKED)
"""The rankings that always have a column. Rankings with unknown names get columns after them."""


def _empty_views() -> dict[str, RankingView]:
    return {name: RankingView(name) for name in (*COLUMNS, FUSED)}


@dataclass(slots=True)
class OpenQuery:
    """A query, what has arrived of its response, and the cursor.

    The cursor is a chunk, not a row: every ranking marks the same chunk.
    """

    text: str = ""
    """Empty: no query is open."""
    syntax: str = "literal"
    filters: Filters = NO_FILTERS
    """Of the request, beside those in the text."""
    number: int = 0
    """Number of the latest search; responses to earlier ones are dropped."""
    analysis: Query | None = None
    """How the analyser and the encoder read the text."""
    response: str = ""
    """Id of the response; pages are requested by it."""
    generation: int = -1
    complete: bool = True
    active: str = RERANKED
    """The ranking whose cursor the keys move."""
    cursor: Hit | None = None
    wanted: tuple[str, int] | None = None
    """A ranking and a row: where the cursor goes once the row's hit is known."""
    views: dict[str, RankingView] = field(default_factory=_empty_views)
    tracked: dict[str, Hit] = field(default_factory=dict)
    agent: AgentRanking | None = None
    """What an agent got for the query, while its recall is shown."""
    marked: str = ""
    """The chunk that is marked for a comparison."""
    saved_ranks: dict[str, int] | None = None
    """While other settings are tried: chunk → reranked rank with the saved settings."""
    keeping: bool = False
    """The same query was searched again: cursor and scroll stay with their chunks."""
    _fresh: bool = True
    """The query is new, and the cursor has not moved to its first row yet."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the rankings shown side by side."""
        return (*COLUMNS, *(name for name in self.views if name not in RANKINGS))

    @property
    def rankings(self) -> tuple[str, ...]:
        """Names of all known rankings, ours first."""
        return (*RANKINGS, *(name for name in self.views if name not in RANKINGS))

    def search(
        self, text: str, syntax: str = "literal", filters: Filters = NO_FILTERS, *, keep: bool
    ) -> int:
        """Note that `text` is searched for and return the number of the search."""
        self.number += 1
        self.text, self.syntax, self.filters = text, syntax, filters
        self.keeping = keep and self.analysis is not None
        self._fresh = not self.keeping
        self.wanted = self.wanted if self.keeping else None
        self.complete = False
        for view in self.views.values():
            view.waiting = True
        return self.number

    def clear(self) -> None:
        """Close the query."""
        self.number += 1
        self.text, self.analysis, self.response, self.generation = "", None, "", -1
        self.complete, self.cursor, self.wanted, self.tracked = True, None, None, {}
        for view in self.views.values():
            view.forget()

    def refuse(self, reason: str) -> None:
        """Take the engine's refusal to answer: no ranking has hits, for this reason."""
        self.analysis, self.response = None, ""
        self.complete, self.cursor, self.wanted, self.tracked = True, None, None, {}
        for name, view in self.views.items():
            if name != AGENT:
                view.fail(reason)

    def receive(self, response: SearchResponse) -> tuple[str, ...]:
        """Take a response, complete or not, and return the names of the rankings that are new.

        Drops a response whose number is not that of the latest search.
        """
        if response.number != self.number:
            return ()
        if self.agent is not None:
            self.agent.receive(response.tracked)
            response = self.agent.linked_response(response)
            self.views[AGENT] = self.agent.view()
        self.analysis, self.response = response.query, response.id
        self.generation, self.complete = response.generation, response.complete
        self.tracked = dict(response.tracked)
        arrived = tuple(
            name for name, ranking in response.rankings.items() if self._is_news(name, ranking)
        )
        for name in arrived:
            view = self.views.setdefault(name, RankingView(name))
            view.receive(response.id, response.rankings[name])
        if response.complete:
            self._forget_absent(response.rankings)
        self._move_cursor()
        return arrived

    def _is_news(self, name: str, ranking: Ranking) -> bool:
        """Whether part of a progressive response says more than the part before it."""
        view = self.views.get(name)
        if view is None or view.waiting or view.response != self.response or self.complete:
            return True
        return view.cached != ranking.cached or view.state is not ranking.state

    def _forget_absent(self, present: Iterable[str]) -> None:
        kept = {*present, AGENT} if self.agent is not None else set(present)
        for name in set(self.views) - kept:
            if name in RANKINGS:
                self.views[name].forget()
                continue
            del self.views[name]
            if self.active == name:
                self.active = RERANKED

    def _move_cursor(self) -> None:
        """Keep the cursor on its chunk, or put it on the first row if the query is new."""
        view = self.views[self.active]
        arrived = view.response == self.response and not view.waiting
        if self._fresh:
            if arrived or self.complete:
                self.cursor, self._fresh = self._first(), False
            return
        if self.absent is not None:
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
        """The hit of `chunk` in this response; later rankings know the ranks of earlier ones."""
        if (tracked := self.tracked.get(chunk)) is not None:
            return tracked
        for name in reversed(self.rankings):
            view = self.views.get(name)
            if view is None or view.response != self.response or view.waiting:
                continue
            for hit in view.hits.values():
                if hit.chunk == chunk:
                    return hit
        return None

    def row(self, ranking: str) -> int | None:
        """The 0-based row of the cursor in `ranking`; None if its chunk has no rank there."""
        if self.wanted is not None and self.wanted[0] == ranking:
            return self.wanted[1]
        if self.cursor is None:
            return None
        rank = self.cursor.ranks.get(ranking)
        return None if rank is None else rank - 1

    def put_cursor(self, ranking: str, row: int) -> bool:
        """Move the cursor to a row of `ranking`; False if the row's hit is not known yet."""
        view = self.views[ranking]
        if not 0 <= row < view.total:
            return False
        hit = view.hits.get(row)
        if hit is None:
            self.wanted = (ranking, row)
            if self.absent is not None:
                self.cursor = None
            return False
        self.cursor, self.wanted, self._fresh = hit, None, False
        return True

    def add_page(self, response: str, ranking: str, hits: Iterable[Hit]) -> bool:
        """Add a page, and move the cursor if it waits for it; False if the page is out of date."""
        view = self.views.get(ranking)
        if self.agent is not None:
            hits = map(self.agent.linked, hits)
        if view is None or not view.add(response, hits):
            return False
        if self.wanted is not None and self.wanted[0] == ranking:
            self.put_cursor(*self.wanted)
        return True

    @property
    def absent(self) -> GivenHit | None:
        """The row under the cursor if it is a hit of the agent that has no chunk today."""
        if self.wanted is None or self.wanted[0] != AGENT:
            return None
        return self.views[AGENT].absent.get(self.wanted[1])

    def show_recall(self, recall: RecallView) -> None:
        """Show what an agent got beside the rankings, from the next response on."""
        known = self.agent is not None and self.agent.recall.recall.id == recall.recall.id
        self.agent = AgentRanking(recall)
        if not known:
            self.views[AGENT] = self.agent.view()
            self.active = AGENT if recall.given else RERANKED
            self.cursor, self.wanted = None, None

    def close_recall(self) -> None:
        """Show our rankings alone."""
        self.agent = None
        self.views.pop(AGENT, None)
        if self.active == AGENT:
            self.active = RERANKED
        if self.wanted is not None and self.wanted[0] == AGENT:
            self.wanted, self.cursor = None, self._first()

    def mark_or_compare(self, chunk: str) -> str:
        """Mark `chunk`; or return the chunk marked before, to compare with, and drop the mark.

        Marking the marked chunk again drops the mark, too.
        """
        marked, self.marked = self.marked, "" if self.marked else chunk
        return "" if marked == chunk else marked
