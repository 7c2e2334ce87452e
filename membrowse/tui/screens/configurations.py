"""A | B: two configurations on the open query, their reranked rankings side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from membrowse.client.engine import EngineRefused
from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, bar_parts, clip, fit, spread
from membrowse.text import shown
from membrowse.tui.actions import Where, bindings
from membrowse.tui.messages import ReplyUnwanted, ReplyWanted
from membrowse.tui.model.engine_view import EngineView, reply_basis
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.tuning import NamedConfiguration
from membrowse.tui.model.tuning_lines import passing_pins
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.lines import OneLine
from membrowse.tui.widgets.ranking_list import RankingList
from membrowse.wire.search import RERANKED, Filters
from membrowse.wire.tuning import TunedSearch, TuneRequest, TuneResponse

_GROUP = "configurations side by side"

HITS = 200
"""Hits of each side; movement is shown within them."""


class OverlapLine(OneLine):
    """The query, and how much the two rankings have in common."""

    def __init__(self, query: str) -> None:
        super().__init__(classes="why-head")
        self._query = query
        self.overlap: float | None = None
        self.problem = ""

    def line(self, width: int) -> Line:
        right: Line = [Part("◌ ranking… ", "dim")]
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
    """Letter and name of a side, and the pins that pass."""

    def __init__(self, letter: str, configuration: NamedConfiguration) -> None:
        super().__init__(classes="column-head")
        self._letter = letter
        self._label = shown(configuration.label)
        self.tried: TunedSearch | None = None
        self.pins = 0
        self.active = False

    def line(self, width: int) -> Line:
        left = [
            Part("▸" if self.active else " ", "accent"),
            Part(f"{self._letter} ", "key"),
            Part(self._label, "strong"),
        ]
        return spread(left, [*passing_pins(self.tried, self.pins), Part(" ")], width)


class SideValues(OneLine):
    """The values that the side's configuration overrides."""

    def __init__(self, configuration: NamedConfiguration) -> None:
        super().__init__()
        self._values = shown(configuration.values_text) or "overrides no setting"

    def line(self, width: int) -> Line:
        return fit([Part(f"  {self._values}", "dim")], width)


class Side(Vertical):
    """The reranked ranking of one configuration."""

    def __init__(self, letter: str, configuration: NamedConfiguration) -> None:
        super().__init__(classes="column")
        self.configuration = configuration
        self.open_query = OpenQuery()
        self.head = SideHead(letter, configuration)
        self.list = RankingList(self.open_query, RERANKED)
        self._values = SideValues(configuration)

    def compose(self) -> ComposeResult:
        yield self.head
        yield self._values
        yield self.list


class ConfigurationsScreen(EngineScreen):
    """Two sides; movement marks of each are against the other, and the cursor is shared."""

    PLACES = (Where.SIDES,)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.SIDES)]

    def __init__(
        self,
        clock: Clock,
        engine: EngineView,
        query: tuple[str, str, Filters],
        configurations: tuple[NamedConfiguration, NamedConfiguration],
    ) -> None:
        super().__init__(clock, engine)
        self._text, self._syntax, self._filters = query
        self._overlap = OverlapLine(self._text)
        a, b = configurations
        self.sides = (Side("A", a), Side("B", b))

    def compose(self) -> ComposeResult:
        yield self.header
        yield self._overlap
        yield Horizontal(*self.sides, id="columns")
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.sides[0].list.focus()
        self._ask(pins=False)

    def engine_changed(self, before: EngineView) -> None:
        view = self.engine
        if view.connected and (not before.connected or reply_basis(before) != reply_basis(view)):
            self._ask(pins=False)

    def _ask(self, *, pins: bool) -> None:
        """Rank the query with both configurations, or run the pins with them."""
        a, b = self.sides
        if not pins:
            for side in self.sides:
                side.open_query.search(self._text, self._syntax, self._filters, keep=True)
        request = TuneRequest(
            text=self._text,
            syntax=self._syntax,
            filters=self._filters,
            overrides=a.configuration.overrides,
            against=b.configuration.overrides,
            limit=1 if pins else HITS,
            number=a.open_query.number,
            pins=pins,
        )
        take = self._take_pins if pins else self._take
        self.app.post_message(ReplyWanted(_GROUP, request, take, self._refused))

    def _refused(self, error: EngineRefused) -> None:
        self._overlap.problem = error.problem.message
        self._overlap.refresh()

    def _take(self, response: TuneResponse) -> None:
        if response.b is None:
            return
        a, b = self.sides
        for side, tried in ((a, response.a), (b, response.b)):
            side.open_query.receive(tried.response)
        a.open_query.saved_ranks, b.open_query.saved_ranks = _ranks(b), _ranks(a)
        self._put_cursor_of(a)
        self._overlap.overlap = response.overlap
        self._overlap.refresh()
        self._take_pins(response)
        if self._pins:
            self._ask(pins=True)

    @property
    def _pins(self) -> int:
        """How many pins there are."""
        return self.engine.state.pins.total if self.engine.state else 0

    def _take_pins(self, response: TuneResponse) -> None:
        if response.b is None:
            return
        for side, tried in zip(self.sides, (response.a, response.b), strict=True):
            side.head.tried, side.head.pins = tried, self._pins
            cut = replace(self.engine, agent_k=tried.agent_k, agent_min_score=tried.agent_min_score)
            side.list.show(cut, self.clock())
        self._show_cursor()

    # The cursor

    def _show_cursor(self) -> None:
        for side in self.sides:
            side.head.active = side.list.has_focus
            side.set_class(side.list.has_focus, "-active")
            side.head.refresh()
            side.list.show_cursor()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        for side in self.sides:
            if side.list is message.list and side.open_query.put_cursor(RERANKED, message.row):
                self._put_cursor_of(side)
                side.list.show_row(side.list.cursor_row)
        self._show_cursor()

    def _put_cursor_of(self, moved: Side) -> None:
        """Move the other side's cursor to the chunk under the cursor of `moved`."""
        cursor = moved.open_query.cursor
        for side in self.sides:
            if side is not moved and cursor is not None:
                hits = side.open_query.views[RERANKED].hits.values()
                found = (hit for hit in hits if hit.chunk == cursor.chunk)
                side.open_query.cursor = next(found, None)
                side.list.show_row(side.list.cursor_row)

    def on_ranking_list_rows_missing(self, message: RankingList.RowsMissing) -> None:
        message.stop()

    def on_descendant_focus(self) -> None:
        self._show_cursor()

    def action_other_side(self) -> None:
        first, second = self.sides
        (second if first.list.has_focus else first).list.focus()

    def action_close(self) -> None:
        self.app.post_message(ReplyUnwanted(_GROUP))
        self.dismiss(None)


def _ranks(side: Side) -> dict[str, int]:
    """The ranks of the side's hits, by chunk."""
    return {hit.chunk: hit.rank for hit in side.open_query.views[RERANKED].hits.values()}
