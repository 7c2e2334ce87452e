"""Two chunks compared under the open query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from membrowse.presentation.comparison import Row, comparison_rows
from membrowse.presentation.lines import Line, fit
from membrowse.tui.actions import Need, Where, bindings
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.list_layout import Layout
from membrowse.tui.screens.engine_screen import Clock, RecordScreen
from membrowse.tui.widgets.line_list import LineList
from membrowse.wire.comparison import CompareRequest, Comparison


class ComparisonList(LineList):
    """The lines of a comparison; the cursor stops only at chunks."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(id="comparison")
        self.at = 0
        """Index among the rows that have a chunk."""
        self._clock = clock
        self._comparison: Comparison | None = None
        self._rows: Sequence[Row] = ()
        self._stops: list[int] = []

    @property
    def cursor_row(self) -> int | None:
        return self._stops[self.at] if self.at < len(self._stops) else None

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        at = self.cursor_row
        return None if at is None else self._rows[at]

    def show(self, comparison: Comparison | None) -> None:
        """Show a comparison, or with None the message."""
        self._comparison = comparison
        self._make()

    def _make(self) -> None:
        width = self.steady_width - 2
        made = self._comparison is not None and width > 0
        self._rows = comparison_rows(self._comparison, self._clock(), width) if made else ()  # type: ignore[arg-type]
        self._stops = [at for at, row in enumerate(self._rows) if row.chunk]
        self.at = min(self.at, max(0, len(self._stops) - 1))
        self.set_layout(Layout(len(self._rows), 1))

    def on_resize(self) -> None:
        self._make()

    def row_line(self, row: int, line: int, width: int) -> Line:
        return fit(self._rows[row].line, width) if row < len(self._rows) else []

    def _move_by(self, by: int) -> None:
        """Move to the next chunk if it is in view, else scroll towards it."""
        step = 1 if by > 0 else -1
        there = self.at + step
        within = 0 <= there < len(self._stops)
        if abs(by) == 1 and within and self.in_view(self._stops[there]):
            self._move(self._stops[there])
        else:
            self._scroll_towards(self.scroll_offset.y + by)

    def _move(self, row: int) -> None:
        if row in self._stops:
            self.post_message(self.Moved(self, row))
        else:
            self._scroll_towards(row)

    def stop_at(self, row: int) -> None:
        """Move the cursor to a row, if it has a chunk."""
        if row in self._stops:
            self.at = self._stops.index(row)
            self.show_cursor()

    def _scroll_towards(self, y: int) -> None:
        self.scroll_to(y=y, animate=False, force=True, immediate=True)
        self._stay_in_view()

    def _stay_in_view(self) -> None:
        """Move the cursor to a chunk in view, if there is one."""
        if self.in_view(self.cursor_row):
            return
        seen = [at for at, row in enumerate(self._stops) if self.in_view(row)]
        if seen:
            self.at = seen[0]
            self.show_cursor()


class ComparisonScreen(RecordScreen[Comparison]):
    """Left is the chunk under the cursor; enter goes to a chunk in the rankings."""

    PLACES = (Where.COMPARE, Where.LIST)
    GROUP = "comparison"
    NAME = "COMPARE"
    WORKING = "comparing …"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.COMPARE)]

    def __init__(
        self,
        clock: Clock,
        engine: EngineView,
        request: CompareRequest,
        go: Callable[[int | None], None],
    ) -> None:
        super().__init__(clock, engine, request.text, request)
        self._go = go
        self.lines = ComparisonList(clock)

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.title_line
        yield self.lines
        yield self.keys

    def on_mount(self) -> None:
        self.lines.focus()

    def show_record(self, record: Comparison) -> None:
        self.lines.show(record)

    def say(self, message: str) -> None:
        self.lines.message = message
        self.lines.show(None)

    def met_needs(self) -> set[Need]:
        return {Need.HIT} if self.lines.row else set()

    def on_line_list_chosen(self) -> None:
        self.action_go()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.lines.stop_at(message.row)
        self.show_keys()

    def action_go(self) -> None:
        row = self.lines.row
        if row is not None:
            self.dismiss(None)
            self._go(row.rank)
