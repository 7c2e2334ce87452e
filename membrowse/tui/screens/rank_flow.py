"""The rank flow of the open query: which chunks rise and fall from ranking to ranking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from membrowse.presentation.lines import Line, Part, cells, fit, spread
from membrowse.presentation.rank_flow import Plot, make_plot, movers, plot_head, plot_rows, story
from membrowse.tui.actions import Need, Where, bindings
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.list_layout import Divider, Layout
from membrowse.tui.screens.engine_screen import Clock, RecordScreen
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.lines import OneLine
from membrowse.wire.rank_flow import ChunkFlow, RankFlow, RankFlowRequest

DEPTH = 20
"""Hits of each ranking whose chunks are drawn."""


class PlotHead(OneLine):
    """The names of the rankings."""

    def __init__(self, plot: RankFlowPlot) -> None:
        super().__init__(classes="matrix-head")
        self._plot = plot

    def line(self, width: int) -> Line:
        plot = self._plot.plot
        return fit([Part("  "), *plot_head(plot)], width) if plot else []


class PlotFoot(OneLine):
    """The ranks of the chunk under the cursor."""

    def __init__(self, plot: RankFlowPlot) -> None:
        super().__init__(classes="column-foot")
        self._plot = plot

    def line(self, width: int) -> Line:
        plot = self._plot
        if plot.record is None or plot.flow is None:
            return []
        ranks = [Part("  "), *story(plot.record, plot.at)]
        return spread(ranks, movers(plot.record, width - cells(ranks) - 3, plot.roots), width)


class RankFlowPlot(LineList):
    """Chunks as lines from ranking to ranking; the cursor moves in the last column."""

    def __init__(self, target: str = "") -> None:
        super().__init__(id="flow-plot")
        self._target = target
        self.record: RankFlow | None = None
        self.roots: Mapping[str, str] = {}
        """Those of a collection, see `clip_path`."""
        self.at = 0
        """Index of the chunk under the cursor."""
        self.plot: Plot | None = None
        self._rows: list[Line] = []

    @property
    def cursor_row(self) -> int | None:
        if self.plot is None or self.flow is None:
            return None
        return self.plot.places[-1][self.at]

    @property
    def flow(self) -> ChunkFlow | None:
        """The chunk under the cursor."""
        flows = self.record.flows if self.record else ()
        return flows[self.at] if self.at < len(flows) else None

    def show(self, record: RankFlow | None, chunk: str) -> None:
        """Show a record with the cursor on `chunk`, else on the first; or with None the message."""
        self.record = record
        flows = record.flows if record else ()
        self.at = next((at for at, flow in enumerate(flows) if flow.chunk == chunk), 0)
        self._plot()

    def put_cursor(self, row: int) -> None:
        """Move the cursor to the chunk on a row."""
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
        flows = enumerate(self.record.flows)
        target = next((at for at, flow in flows if flow.chunk == self._target), None)
        self._rows = plot_rows(self.plot, self.at, target, self.roots)
        rows, depth = len(self._rows), self.record.depth
        lines = (Divider(depth, f"beyond the first {depth}"),) if rows > depth else ()
        self.set_layout(Layout(rows, 1, lines))
        self.show_row(self.cursor_row)

    def on_resize(self) -> None:
        self._plot()

    def row_line(self, row: int, line: int, width: int) -> Line:
        return fit(self._rows[row], width) if row < len(self._rows) else []


class RankFlowScreen(RecordScreen[RankFlow]):
    """Enter calls `go` with the ranks of the chunk under the cursor."""

    PLACES = (Where.FLOW, Where.LIST)
    GROUP = "rank flow"
    NAME = "RANK FLOW"
    WORKING = "ranking …"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.FLOW)]

    def __init__(
        self,
        clock: Clock,
        engine: EngineView,
        request: RankFlowRequest,
        *,
        cursor: str,
        target: str,
        go: Callable[[Mapping[str, int | None]], None],
    ) -> None:
        """`cursor` and `target` are ids of chunks, or empty."""
        super().__init__(clock, engine, request.text, request)
        self._go = go
        self._cursor = cursor
        self.plot = RankFlowPlot(target)
        self._head = PlotHead(self.plot)
        self._foot = PlotFoot(self.plot)

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.title_line
        yield self._head
        yield self.plot
        yield self._foot
        yield self.keys

    def on_mount(self) -> None:
        self.plot.focus()

    def show_record(self, record: RankFlow) -> None:
        flow = self.plot.flow
        self.plot.message = "No chunk is ranked for this query."
        self.plot.roots = self.engine.root_beginnings
        self.plot.show(record, flow.chunk if flow else self._cursor)
        self.title_line.show(self.query_text, f"top {record.depth} of every ranking")
        self._show()

    def say(self, message: str) -> None:
        self.plot.message = message
        self.plot.show(None, "")
        self._show()

    def _show(self) -> None:
        self._head.refresh()
        self._foot.refresh()
        self.show_keys()

    def met_needs(self) -> set[Need]:
        return {Need.HIT} if self.plot.flow else set()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.plot.put_cursor(message.row)
        self._show()

    def on_line_list_chosen(self) -> None:
        self.action_go()

    def action_go(self) -> None:
        flow = self.plot.flow
        if flow is not None:
            self.dismiss(None)
            self._go(flow.ranks)
