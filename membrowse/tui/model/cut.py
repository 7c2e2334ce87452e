"""The lines across a ranking: the agent's cut, and where reranking ends."""

from __future__ import annotations

from typing import NamedTuple

from membrowse.presentation import figures
from membrowse.tui.model.ranking_view import RankingView
from membrowse.wire.search import RERANKED


class Divider(NamedTuple):
    """A line after the first `after` rows."""

    after: int
    label: str


def agent_cut(view: RankingView, k: int, min_score: float) -> Divider | None:
    """Where the agent stops reading: after `k` hits, or before the first below `min_score`."""
    if view.total == 0:
        return None
    label = f"the agent's cut: k {k}"
    if min_score > 0:
        label += f", score {figures.score(min_score)}"
        for row in range(min(k, view.total)):
            hit = view.hits.get(row)
            if hit is not None and hit.score < min_score:
                return Divider(row, label)
    return Divider(k, label) if k < view.total else None


def dividers(view: RankingView, k: int, min_score: float) -> tuple[Divider, ...]:
    """The lines across a column, from the top; only the reranked one has any."""
    if view.name != RERANKED:
        return ()
    found = [cut] if (cut := agent_cut(view, k, min_score)) else []
    if view.pool is not None and 0 < view.pool < view.total:
        found.append(Divider(view.pool, "not reranked from here, fused order"))
    return tuple(sorted(found))


class Layout(NamedTuple):
    """Which line of a column holds which row: `height` lines a row, one line a divider."""

    rows: int
    height: int
    dividers: tuple[Divider, ...] = ()

    @property
    def lines(self) -> int:
        """Lines in all."""
        return self.rows * self.height + len(self.dividers)

    def y(self, row: int) -> int:
        """The first line of `row`."""
        return row * self.height + sum(divider.after <= row for divider in self.dividers)

    def at(self, y: int) -> tuple[int, int] | Divider | None:
        """What is on line `y`: (row, its line), a divider, or nothing."""
        shift = 0
        for divider in self.dividers:
            place = divider.after * self.height + shift
            if y == place:
                return divider
            if y < place:
                break
            shift += 1
        row, line = divmod(y - shift, self.height)
        return (row, line) if 0 <= row < self.rows else None
