"""The rankings of the open query, side by side or as one list, with one cursor over all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message

from membrowse.client.engine import EngineRefused
from membrowse.presentation.hits import PLACE, SNIPPET
from membrowse.text import shown
from membrowse.tui.messages import ReplyWanted
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.open_query import COLUMNS, OpenQuery
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.ranking_column import RankingColumn
from membrowse.tui.widgets.ranking_list import RankingList
from membrowse.wire.agents import AGENT
from membrowse.wire.search import RERANKED, PageRequest, Ranking

FEWEST, FEWEST_IN_MATRIX = 7, 9
"""Hits that should be in view at least, in a column and in the matrix."""


class Rankings(Vertical):
    """Columns side by side, or on a narrow screen one list with the ranks in a matrix.

    Moves the cursor of the open query and fetches the pages that come into view.
    """

    class CursorMoved(Message):
        """The cursor moved, perhaps to a row whose hit is still unknown."""

    class Chosen(Message):
        """The user pressed enter on a hit, or double-clicked it."""

    class Outdated(Message):
        """The engine has forgotten the response: search again."""

    def __init__(self, query: OpenQuery, clock: Callable[[], datetime], *, lines: int = 0) -> None:
        super().__init__(id="rankings")
        self._chosen_lines = lines
        self.narrow = self.alone = False
        self._query = query
        self._clock = clock
        self._engine = EngineView()
        self.columns = {name: RankingColumn(query, name, f"panel.{name}") for name in COLUMNS}
        self.matrix = RankingColumn(query, query.active, "panel.reranked", matrix=True)
        self._side_by_side = Horizontal(*self.columns.values(), id="columns")

    def compose(self) -> ComposeResult:
        yield self._side_by_side
        yield self.matrix

    @property
    def active_list(self) -> RankingList:
        """The list whose cursor the keys move."""
        return self.matrix.list if self.narrow else self.columns[self._query.active].list

    @property
    def shown_columns(self) -> list[RankingColumn]:
        """The columns side by side, or the matrix alone."""
        return [self.matrix] if self.narrow else list(self.columns.values())

    # Showing

    def lay_out(self, *, narrow: bool, alone: bool) -> None:
        """Show the matrix if `narrow`, else the columns, or the active one `alone`."""
        self.narrow, self.alone = narrow, alone
        self._side_by_side.display = not narrow
        self.matrix.display = narrow
        self._display_columns()
        focused = self.screen.focused
        if isinstance(focused, RankingList) and focused.matrix is not narrow:
            self.screen.set_focus(self.active_list)

    def _display_columns(self) -> None:
        for name, column in self.columns.items():
            column.display = not self.alone or name == self._query.active
            column.set_class(self.alone, "-alone")

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def show(self, engine: EngineView | None = None) -> None:
        """Show what the open query knows now, with the cut and the changes of `engine`."""
        self._engine = engine or self._engine
        now = self._clock()
        self._match_columns()
        self.matrix.list.ranking = self._query.active
        self.matrix.action = self.columns[self._query.active].action
        for column in self.shown_columns:
            column.list.lines = self.lines
            column.show(self._engine, now)

    def _match_columns(self) -> None:
        """Have a column for each ranking."""
        for name in self._query.columns:
            if name not in self.columns:
                action = "panel.agent" if name == AGENT else ""
                self.columns[name] = RankingColumn(self._query, name, action)
                self._side_by_side.mount(self.columns[name])
        for name in [name for name in self.columns if name not in self._query.columns]:
            self.columns.pop(name).remove()
        self._display_columns()

    def show_response(self, engine: EngineView, arrived: tuple[str, ...]) -> None:
        """Show a response, or part of one, in which the rankings `arrived` are new."""
        self._match_columns()
        if not self._query.keeping:
            for column in self.shown_columns:
                if column.list.ranking in arrived:
                    column.list.to_top()
        self.show(engine)

    @property
    def lines(self) -> int:
        """Lines of a hit: those chosen, or else what leaves room for several hits."""
        if self._chosen_lines:
            return self._chosen_lines
        hits = FEWEST_IN_MATRIX if self.narrow else FEWEST
        return max(1 if self.narrow else PLACE, min(SNIPPET, (self.size.height - 2) // hits))

    def next_rows(self) -> None:
        """Show hits on another number of lines."""
        self._chosen_lines = self.lines % SNIPPET + 1
        self.remember_anchors()
        self.show()

    def remember_anchors(self) -> list[str]:
        """Choose the chunks that the scrolls stay with, and return them."""
        return [chunk for column in self.shown_columns for chunk in column.list.remember_anchor()]

    # The cursor

    def select(self, name: str) -> None:
        """Make a ranking the active one and focus its list."""
        self._query.active = name
        self._display_columns()
        self.show()
        self.screen.set_focus(self.active_list)
        self.active_list.show_row(self.active_list.cursor_row)

    def move_by(self, rows: int) -> None:
        """Move the cursor in the active ranking."""
        name = self._query.active
        total = self._query.views[name].total
        if total:
            row = self._query.row(name)
            self.move_to(name, max(0, min(total - 1, (-1 if row is None else row) + rows)))

    def move_to(self, ranking: str, row: int) -> None:
        """Move the cursor to a row of a ranking, at once or when the row's hit is known."""
        if self._query.put_cursor(ranking, row) or self._query.wanted is not None:
            self._show_cursor(ranking)

    def go_to(self, ranks: Mapping[str, int | None]) -> bool:
        """Select the chunk with these ranks, by the reranked one if it has any; False if none."""
        for name in (RERANKED, *ranks):
            rank = ranks.get(name)
            if rank is not None and name in self._query.views:
                self.select(name)
                self.move_to(name, rank - 1)
                return True
        return False

    def _show_cursor(self, ranking: str) -> None:
        for column in self.shown_columns:
            if column.list.ranking == ranking:
                column.list.show_row(column.list.cursor_row)
                column.list.want_rows()
            column.show_cursor()
        self.post_message(self.CursorMoved())

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        message.stop()
        if isinstance(message.list, RankingList):
            self.move_to(message.list.ranking, message.row)

    def on_line_list_chosen(self, message: LineList.Chosen) -> None:
        message.stop()
        self.post_message(self.Chosen())

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if isinstance(event.widget, RankingList):
            if not event.widget.matrix and event.widget.ranking in self._query.views:
                self._query.active = event.widget.ranking
            event.widget.show_row(event.widget.cursor_row)
        for column in self.shown_columns:
            column.show_cursor()

    # Pages

    def on_ranking_list_rows_missing(self, message: RankingList.RowsMissing) -> None:
        message.stop()
        response, ranking, offset = self._query.response, message.ranking, message.offset
        self.app.post_message(
            ReplyWanted(
                f"page {ranking} {offset}",
                PageRequest(response=response, ranking=ranking, offset=offset),
                partial(self._take_page, response, ranking),
                partial(self._page_refused, response, ranking, offset),
                partial(self._page_lost, ranking, offset),
            )
        )

    def _take_page(self, response: str, ranking: str, page: Ranking) -> None:
        before = self._query.cursor
        if self._query.add_page(response, ranking, page.hits):
            self.show()
            if self._query.cursor is not before:
                self._show_cursor(ranking)

    def _page_refused(self, response: str, ranking: str, offset: int, error: EngineRefused) -> None:
        if error.status != 404:
            self._page_lost(ranking, offset)
            self.notify(shown(error.problem.message), severity="warning", markup=False)
        elif response == self._query.response and self._query.complete:
            self.post_message(self.Outdated())

    def _page_lost(self, ranking: str, offset: int) -> None:
        """Let the page be fetched again when its rows are in view the next time."""
        if ranking in self._query.views:
            self._query.views[ranking].unasked(offset)
