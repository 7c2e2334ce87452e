"""A | B: two configurations on the open query, their reranked rankings side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, bar_parts, clip, fit, spread
from membrowse.text import shown
from membrowse.tui.action_table import bindings, of
from membrowse.tui.actions import Where
from membrowse.tui.messages import InspectionUnwanted, InspectionWanted
from membrowse.tui.model.browsing import Browsing
from membrowse.tui.model.engine_view import EngineView, rests_on
from membrowse.tui.model.tuning import Named
from membrowse.tui.model.tuning_lines import holding
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.widgets.bars import HeaderLine, KeyBar, StatusLine
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.painting import OneLine
from membrowse.tui.widgets.ranking_list import RankingList
from membrowse.wire.search import RERANKED
from membrowse.wire.tuning import TunedSearch, TuneRequest, TuneResponse

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered

_GROUP = "side-by-side"
HITS = 200
"""Hits of each side: what lies beyond is not compared, either."""


@dataclass(frozen=True, slots=True)
class Side:
    """A configuration and the letter it is called by."""

    letter: str
    named: Named


class OverlapLine(OneLine):
    """The query, and how much the two rankings have in common."""

    def __init__(self, query: str) -> None:
        super().__init__(classes="why-asked")
        self._query = query
        self.overlap: float | None = None
        self.problem = ""

    def line(self, width: int) -> Line:
        right: Line = [Part("◌ asking… ", "dim")]
        if self.problem:
            right = [Part(f"✗ {shown(self.problem)} ", "bad")]
        elif self.overlap is not None:
            right = [
                Part("overlap ", "dim"),
                *bar_parts(self.overlap, 10),
                Part(f" {figures.score(self.overlap)}", "strong"),
                Part(" of 1, rank-biased ", "dim"),
            ]
        left = [Part(" / ", "key"), Part(clip(shown(self._query), max(8, width - 45)))]
        return spread(left, right, width)


class SideHead(OneLine):
    """Letter and name of a side."""

    def __init__(self, side: Side) -> None:
        super().__init__(classes="column-head")
        self._side = side
        self.tried: TunedSearch | None = None
        self.pins = 0
        self.active = False

    def line(self, width: int) -> Line:
        left = [
            Part("▸" if self.active else " ", "accent"),
            Part(f"{self._side.letter} ", "key"),
            Part(shown(self._side.named.label), "strong"),
        ]
        return spread(left, [*holding(self.tried, self.pins), Part(" ")], width)


class SideValues(OneLine):
    """What the side's configuration sets."""

    def __init__(self, side: Side) -> None:
        super().__init__()
        self._told = shown(side.named.told) or "no setting of its own"

    def line(self, width: int) -> Line:
        return fit([Part(f"  {self._told}", "dim")], width)


class SideColumn(Vertical):
    """One side: its own rankings, of which the reranked one is shown."""

    def __init__(self, side: Side) -> None:
        super().__init__(classes="column")
        self.browsing = Browsing()
        self.head = SideHead(side)
        self.list = RankingList(self.browsing, RERANKED)
        self._values = SideValues(side)

    def compose(self) -> ComposeResult:
        yield self.head
        yield self._values
        yield self.list


class SideBySideScreen(EngineScreen):
    """The movement marks of each side are against the other."""

    PLACES = (Where.SIDES,)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.SIDES)]

    def __init__(
        self,
        clock: Clock,
        remembered: Remembered,
        engine: EngineView,
        *,
        query: tuple[str, str],
        sides: tuple[Side, Side],
    ) -> None:
        super().__init__(clock, remembered)
        self.engine = engine
        self._query, self._sides = query, sides
        self.header = HeaderLine()
        self._overlap = OverlapLine(query[0])
        self.columns = tuple(SideColumn(side) for side in sides)
        self.status = StatusLine()
        self.keys = KeyBar()

    def compose(self) -> ComposeResult:
        yield self.header
        yield self._overlap
        yield Horizontal(*self.columns, id="columns")
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.ready = True
        self.columns[0].list.focus()
        self.show_engine(self.engine)
        self._ask(pins=False)

    def show_engine(self, view: EngineView) -> None:
        before, self.engine = self.engine, view
        if not self.ready:
            return
        self.header.show(view)
        self.status.show(view, self.clock())
        self.keys.show(of(Where.SIDES, Where.APP), lambda action: bool(self.refused(action)))
        if view.connected and (not before.connected or rests_on(before) != rests_on(view)):
            self._ask(pins=False)

    def _ask(self, *, pins: bool) -> None:
        numbers = [
            column.browsing.number if pins else column.browsing.ask(self._query[0], keep=True)
            for column in self.columns
        ]
        request = TuneRequest(
            text=self._query[0],
            syntax=self._query[1],
            overrides=self._sides[0].named.overrides,
            against=self._sides[1].named.overrides,
            limit=1 if pins else HITS,
            number=numbers[0],
            pins=pins,
        )
        take = self._take_pins if pins else self._take
        self.post_message(InspectionWanted(_GROUP, request, take, self._failed))

    def _failed(self, reason: str) -> None:
        self._overlap.problem = reason
        self._overlap.refresh()

    def _take(self, tuned: TuneResponse) -> None:
        if tuned.b is None:
            return
        ranks = []
        for column, tried in zip(self.columns, (tuned.a, tuned.b), strict=True):
            column.browsing.receive(tried.response)
            hits = column.browsing.views[RERANKED].hits.values()
            ranks.append({hit.chunk: hit.rank for hit in hits})
        self.columns[0].browsing.saved_ranks = ranks[1]
        self.columns[1].browsing.saved_ranks = ranks[0]
        self._link(self.columns[0])
        self._overlap.overlap = tuned.overlap
        self._overlap.refresh()
        self._take_pins(tuned)
        state = self.engine.state
        if state is not None and state.pins.total:
            self._ask(pins=True)

    def _take_pins(self, tuned: TuneResponse) -> None:
        if tuned.b is None:
            return
        state = self.engine.state
        for column, tried in zip(self.columns, (tuned.a, tuned.b), strict=True):
            column.head.tried = tried
            column.head.pins = state.pins.total if state else 0
            cut = replace(self.engine, agent_k=tried.agent_k, agent_min_score=tried.agent_min_score)
            column.list.show(cut, self.clock())
        self._show_cursor()

    # One cursor over both

    def _show_cursor(self) -> None:
        for column in self.columns:
            active = column.list.has_focus
            column.head.active = active
            column.set_class(active, "-active")
            column.head.refresh()
            column.list.show_cursor()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        for column in self.columns:
            if column.list is message.list and column.browsing.put_cursor(RERANKED, message.row):
                self._link(column)
                column.list.show_row(column.list.cursor_row)
        self._show_cursor()

    def _link(self, moved: SideColumn) -> None:
        """Put the other side's cursor on the same chunk."""
        cursor = moved.browsing.cursor
        for column in self.columns:
            if column is moved or cursor is None:
                continue
            hits = column.browsing.views[RERANKED].hits.values()
            column.browsing.cursor = next((h for h in hits if h.chunk == cursor.chunk), None)
            column.list.show_row(column.list.cursor_row)

    def on_ranking_list_short(self, message: RankingList.Short) -> None:
        message.stop()

    def on_descendant_focus(self) -> None:
        self._show_cursor()

    def action_other_side(self) -> None:
        first, second = self.columns
        (second if first.list.has_focus else first).list.focus()

    def action_close(self) -> None:
        self.post_message(InspectionUnwanted(_GROUP))
        self.dismiss(None)
