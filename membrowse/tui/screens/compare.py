"""Two chunks under the open query: what sets them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from membrowse.presentation.comparison import Row, comparison_rows
from membrowse.presentation.lines import Line, Part, fit
from membrowse.tui.action_table import bindings
from membrowse.tui.actions import Need, Where
from membrowse.tui.model.cut import Layout
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.screens.engine_screen import Clock
from membrowse.tui.screens.inspection import InspectionScreen
from membrowse.tui.widgets.line_list import LineList
from membrowse.wire.comparison import CompareRequest, Comparison

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered


class ComparedLines(LineList):
    """The comparison; the cursor stops only where there is a chunk to open."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(id="compared")
        self.message = ""
        self.at = 0
        """Place among the rows that have a chunk."""
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
        """Take another comparison, or none."""
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

    def empty_line(self, y: int, width: int) -> Line:
        return fit([Part(f"   {self.message}" if y == 1 else "", "dim")], width)

    def _move_by(self, by: int) -> None:
        """Go to the next row with a chunk where it is in view; else scroll towards it."""
        step = 1 if by > 0 else -1
        there = self.at + step
        within = 0 <= there < len(self._stops)
        if abs(by) == 1 and within and self.in_view(self._stops[there]):
            self._move(self._stops[there])
        else:
            self._look_at(self.scroll_offset.y + by)

    def _move(self, row: int) -> None:
        if row in self._stops:
            self.post_message(self.Moved(self, row))
        else:
            self._look_at(row)

    def stop_at(self, row: int) -> None:
        """Put the cursor on a row, if there is a chunk to open."""
        if row in self._stops:
            self.at = self._stops.index(row)
            self.show_cursor()

    def _look_at(self, y: int) -> None:
        self.scroll_to(y=y, animate=False, force=True, immediate=True)
        self._stay_in_view()

    def _stay_in_view(self) -> None:
        """Take the cursor along to a row with a chunk in view, if there is one."""
        if self.in_view(self.cursor_row):
            return
        seen = [at for at, row in enumerate(self._stops) if self.in_view(row)]
        if seen:
            self.at = seen[0]
            self.show_cursor()


class CompareScreen(InspectionScreen):
    """Left is the chunk that was under the cursor; enter opens a chunk in the browser."""

    PLACES = (Where.COMPARE, Where.LIST)
    GROUP = "compare"
    NAME = "COMPARE"
    WORKING = "comparing …"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.COMPARE)]

    def __init__(
        self,
        clock: Clock,
        remembered: Remembered,
        engine: EngineView,
        request: CompareRequest,
        go: Callable[[int | None], None],
    ) -> None:
        super().__init__(clock, remembered, engine, request.text)
        self._request = request
        self._go = go
        self.lines = ComparedLines(clock)

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.title_line
        yield self.lines
        yield self.keys

    def on_mount(self) -> None:
        self.lines.focus()

    def request(self) -> CompareRequest:
        return self._request

    def show_record(self, record: Any) -> None:
        self.lines.show(record)

    def say(self, message: str) -> None:
        self.lines.message = message
        self.lines.show(None)

    def possessions(self) -> set[Need]:
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
