"""The rank flow of the open query: who rises and who falls from ranking to ranking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from membrowse.presentation.lines import Line, Part, cells, fit, spread
from membrowse.presentation.rank_flow import Plot, make_plot, movers, plot_head, plot_rows, story
from membrowse.tui.action_table import bindings
from membrowse.tui.actions import Need, Where
from membrowse.tui.model.cut import Divider, Layout
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.screens.engine_screen import Clock
from membrowse.tui.screens.inspection import InspectionScreen
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.painting import OneLine
from membrowse.wire.rank_flow import ChunkFlow, RankFlow, RankFlowRequest

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered

DEPTH = 20


class FlowHead(OneLine):
    """The rankings' names over their columns."""

    def __init__(self, plot: FlowList) -> None:
        super().__init__(classes="matrix-head")
        self._plot = plot

    def line(self, width: int) -> Line:
        plot = self._plot.plot
        return fit([Part("  "), *plot_head(plot)], width) if plot else []


class FlowFoot(OneLine):
    """The way of the chunk that is stressed."""

    def __init__(self, plot: FlowList) -> None:
        super().__init__(classes="column-foot")
        self._plot = plot

    def line(self, width: int) -> Line:
        plot = self._plot
        if plot.record is None or plot.flow is None:
            return []
        told = [Part("  "), *story(plot.record, plot.at)]
        return spread(told, movers(plot.record, width - cells(told) - 3), width)


class FlowList(LineList):
    """The plot; the cursor moves in its last column."""

    def __init__(self) -> None:
        super().__init__(id="flow-plot")
        self.record: RankFlow | None = None
        self.at = 0
        self.message = ""
        self.plot: Plot | None = None
        self._rows: list[Line] = []

    @property
    def cursor_row(self) -> int | None:
        if self.plot is None or self.flow is None:
            return None
        return self.plot.places[-1][self.at]

    @property
    def flow(self) -> ChunkFlow | None:
        """The chunk that is stressed."""
        flows = self.record.flows if self.record else ()
        return flows[self.at] if self.at < len(flows) else None

    def show(self, record: RankFlow | None, chunk: str) -> None:
        """Take the record; `chunk` is stressed, or else the first."""
        self.record = record
        flows = record.flows if record else ()
        self.at = next((at for at, flow in enumerate(flows) if flow.chunk == chunk), 0)
        self._plot()

    def stress(self, row: int) -> None:
        """Stress the chunk at a place of the last column."""
        if self.plot is not None:
            self.at = self.plot.orders[-1][row]
            self._plot()

    def _plot(self) -> None:
        width = self.steady_width - 2
        if self.record is None or width <= 0:
            self.plot, self._rows = None, []
            self.set_layout(Layout(0, 1))
            return
        self.plot = make_plot(self.record, width)
        self._rows = plot_rows(self.plot, self.at)
        rows, depth = len(self._rows), self.record.depth
        lines = (Divider(depth, f"beyond the first {depth}"),) if rows > depth else ()
        self.set_layout(Layout(rows, 1, lines))
        self.show_row(self.cursor_row)

    def on_resize(self) -> None:
        self._plot()

    def row_line(self, row: int, line: int, width: int) -> Line:
        return fit(self._rows[row], width) if row < len(self._rows) else []

    def empty_line(self, y: int, width: int) -> Line:
        return fit([Part(f"   {self.message}" if y == 1 else "", "dim")], width)


class FlowScreen(InspectionScreen):
    """Enter goes to the stressed chunk in the browser."""

    PLACES = (Where.FLOW, Where.LIST)
    GROUP = "flow"
    NAME = "RANK FLOW"
    WORKING = "ranking …"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.FLOW)]

    def __init__(
        self,
        clock: Clock,
        remembered: Remembered,
        engine: EngineView,
        query: str,
        syntax: str,
        chunk: str,
        go: Callable[[ChunkFlow], None],
    ) -> None:
        super().__init__(clock, remembered, engine, query)
        self._syntax = syntax
        self._go = go
        self._chunk = chunk
        self.plot = FlowList()
        self._head = FlowHead(self.plot)
        self._foot = FlowFoot(self.plot)

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.title_line
        yield self._head
        yield self.plot
        yield self._foot
        yield self.keys

    def on_mount(self) -> None:
        self.plot.focus()

    def request(self) -> RankFlowRequest:
        return RankFlowRequest(text=self.query_text, syntax=self._syntax, depth=DEPTH)

    def show_record(self, record: Any) -> None:
        flow = self.plot.flow
        self.plot.message = "No ranking has any chunk for this query."
        self.plot.show(record, flow.chunk if flow else self._chunk)
        self.title_line.show(self.query_text, f"the first {record.depth} of every ranking")
        self._paint()

    def say(self, message: str) -> None:
        self.plot.message = message
        self.plot.show(None, "")
        self._paint()

    def _paint(self) -> None:
        self._head.refresh()
        self._foot.refresh()
        self.show_keys()

    def possessions(self) -> set[Need]:
        return {Need.HIT} if self.plot.flow else set()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.plot.stress(message.row)
        self._paint()

    def on_line_list_chosen(self) -> None:
        self.action_go()

    def action_go(self) -> None:
        flow = self.plot.flow
        if flow is not None:
            self.dismiss(None)
            self._go(flow)
