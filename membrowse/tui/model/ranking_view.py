"""One ranking as a column shows it: its hits, page by page, and the dividers across it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from membrowse.presentation import figures
from membrowse.presentation.lines import clip
from membrowse.presentation.target import cut_name
from membrowse.settings import AgentSettings
from membrowse.text import shown
from membrowse.tui.model.list_layout import Divider
from membrowse.wire.recalls import GivenHit
from membrowse.wire.search import (
    RERANKED,
    Approximate,
    CutOrigin,
    Hit,
    MatchStrength,
    Ranking,
)
from membrowse.wire.search import RankingState as State

AGENT_CELLS = 16
"""Cells of an agent's name in a divider."""
PAGE = 50
"""Hits in a page."""
_DEFAULT = AgentSettings()


@dataclass(slots=True)
class RankingView:
    """What is known of one ranking of the open query."""

    name: str
    response: str = ""
    """Id of the response that the hits belong to."""
    state: State | None = None
    message: str = ""
    took_ms: float = 0.0
    total: int = 0
    exact: bool = True
    """False if more may have a rank than `total`."""
    pool: int | None = None
    cached: int | None = None
    approximate: Approximate | None = None
    strength: MatchStrength | None = None
    hits: dict[int, Hit] = field(default_factory=dict)
    """By 0-based row; sparse."""
    absent: dict[int, GivenHit] = field(default_factory=dict)
    """By 0-based row, in an agent's ranking: hits without a chunk today."""
    edited: frozenset[int] = frozenset()
    """Ranks, in an agent's ranking, whose chunk was edited since."""
    beneath: str = ""
    """What was cut off below the last row, if that is known."""
    waiting: bool = False
    """The query has changed; the hits are still those of the query before."""
    _asked: set[int] = field(default_factory=set)

    def receive(self, response: str, ranking: Ranking) -> None:
        """Take a ranking of `response`; it replaces all that was known."""
        if self.response != response:
            self.response = response
            self._asked = set()
        self.hits = {hit.rank - 1: hit for hit in ranking.hits}
        self.state, self.message = ranking.state, ranking.message
        self.took_ms, self.total = ranking.took_ms, max(ranking.total, len(ranking.hits))
        self.pool, self.cached, self.exact = ranking.pool, ranking.cached, ranking.exact
        self.approximate, self.strength = ranking.approximate, ranking.strength
        self.waiting = False

    def add(self, response: str, hits: Iterable[Hit]) -> bool:
        """Add a page; False if it belongs to an earlier response."""
        if response != self.response:
            return False
        self.hits.update((hit.rank - 1, hit) for hit in hits)
        return True

    def forget(self) -> None:
        """Empty the column: no query is open."""
        self.hits, self._asked = {}, set()
        self.response, self.state, self.message = "", None, ""
        self.total, self.pool, self.cached = 0, None, None
        self.approximate, self.strength = None, None
        self.waiting = False

    def fail(self, reason: str) -> None:
        """Empty the column: the query cannot be answered."""
        self.forget()
        self.state, self.message = State.FAILED, reason

    def wanted(self, first: int, last: int) -> list[int]:
        """Offsets of the pages with unknown rows from `first` to `last`; each is returned once."""
        if self.waiting or not self.response:
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
        """The rows of the page at `offset` from `first` to `last`."""
        return range(max(offset, first), min(offset + PAGE, last + 1, self.total))

    def unasked(self, offset: int) -> None:
        """The page at `offset` did not arrive: `wanted` may return it again."""
        self._asked.discard(offset // PAGE)

    @property
    def top(self) -> float:
        """The best score, the full length of a bar."""
        if 0 in self.absent:
            return self.absent[0].hit.score or 0.0
        first = self.hits.get(0)
        return first.score if first else 0.0

    @property
    def missed(self) -> frozenset[int]:
        """Exact ranks of the chunks that Chroma's HNSW did not return."""
        return frozenset(self.approximate.missed) if self.approximate else frozenset()


def agent_cut(
    view: RankingView, k: int, min_score: float, *, chosen: bool, agent: str = ""
) -> Divider | None:
    """Where the agent stops reading: after `k` hits, or before the first hit below `min_score`."""
    if view.total == 0:
        return None
    default = not chosen and (k, min_score) == (_DEFAULT.k, _DEFAULT.min_score)
    label = cut_name(k, CutOrigin.DEFAULT if default else CutOrigin.AGENT)
    if agent:
        label = f"{clip(shown(agent), AGENT_CELLS)}: k {k}"
    if min_score > 0:
        label += f", score {figures.score(min_score)}"
        for row in range(min(k, view.total)):
            hit = view.hits.get(row)
            if hit is not None and hit.score < min_score:
                return Divider(row, label)
    return Divider(k, label) if k < view.total else None


def dividers(
    view: RankingView, k: int, min_score: float, *, chosen: bool = False, agent: str = ""
) -> tuple[Divider, ...]:
    """The dividers of a column, from the top; only the reranked ranking and the agent's have any.

    `chosen` says whether somebody set the cut `k` and `min_score`; `agent` is whose it is, if a
    recall is shown.
    """
    if view.name != RERANKED:
        return (Divider(view.total, view.beneath),) if view.beneath else ()
    found = [cut] if (cut := agent_cut(view, k, min_score, chosen=chosen, agent=agent)) else []
    if view.pool is not None and 0 < view.pool < view.total:
        found.append(Divider(view.pool, "not reranked from here, fused order"))
    return tuple(sorted(found))
