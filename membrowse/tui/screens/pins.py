"""Every pin, whether it holds, and how its rank went; enter asks its query again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from membrowse.presentation.lines import Line, Part, fit
from membrowse.presentation.pins import (
    about_lines,
    failing_first,
    file_line,
    head_line,
    pin_line,
    summary_line,
)
from membrowse.text import shown
from membrowse.tui.action_table import bindings, of
from membrowse.tui.actions import Need, Where
from membrowse.tui.messages import InspectionWanted
from membrowse.tui.model.cut import Layout
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.widgets.bars import HeaderLine, KeyBar, StatusLine, TableHead
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.painting import OneLine
from membrowse.wire.pins import Pin, PinResult, PinRun, PinsRequest, RemovePinRequest

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered

_GROUP = "pins"

_NONE = (
    "",
    "No query is pinned yet.",
    "In the rankings, m pins the query to the target, or to the chunk under the cursor:",
    "it is asked again after every change, and you are told when the chunk moves.",
)


class PinsSummary(OneLine):
    """How many hold, and the measures."""

    def __init__(self) -> None:
        super().__init__(classes="why-asked")
        self.run: PinRun | None = None

    def line(self, width: int) -> Line:
        return summary_line(self.run, width)


class PinsFile(PinsSummary):
    """Where the pins are kept."""

    def line(self, width: int) -> Line:
        return file_line(self.run, width)


class PinAbout(OneLine):
    """The pin under the cursor; one of its two lines."""

    def __init__(self, number: int) -> None:
        super().__init__(classes="pin-about")
        self._number = number
        self.result: PinResult | None = None

    def line(self, width: int) -> Line:
        return about_lines(self.result, width)[self._number] if self.result else []


class PinsList(LineList):
    """One line a pin."""

    def __init__(self) -> None:
        super().__init__(id="pins-list")
        self.results: list[PinResult] = []
        self.at = 0
        self.told: tuple[str, ...] = ("",)

    @property
    def cursor_row(self) -> int | None:
        return self.at if self.results else None

    @property
    def result(self) -> PinResult | None:
        """The pin under the cursor."""
        return self.results[self.at] if self.at < len(self.results) else None

    def show(self, results: list[PinResult]) -> None:
        """Take the pins; the cursor stays on its pin."""
        pin = self.result.pin.id if self.result else ""
        self.results = results
        places = (at for at, result in enumerate(results) if result.pin.id == pin)
        self.at = next(places, min(self.at, max(0, len(results) - 1)))
        self.set_layout(Layout(len(results), 1))

    def row_line(self, row: int, line: int, width: int) -> Line:
        return pin_line(self.results[row], width)

    def empty_line(self, y: int, width: int) -> Line:
        return fit([Part(f"   {self.told[y]}" if y < len(self.told) else "", "dim")], width)


class PinsScreen(EngineScreen):
    """The pins' last run, followed as the index changes."""

    PLACES = (Where.PINS,)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.PINS)]

    def __init__(
        self, clock: Clock, remembered: Remembered, engine: EngineView, go: Callable[[Pin], None]
    ) -> None:
        super().__init__(clock, remembered)
        self.engine = engine
        self._go = go
        self.header = HeaderLine()
        self._summary, self._file = PinsSummary(), PinsFile()
        self.list = PinsList()
        self._about = (PinAbout(0), PinAbout(1))
        self.status = StatusLine()
        self.keys = KeyBar()

    def compose(self) -> ComposeResult:
        yield self.header
        yield self._summary
        yield self._file
        yield TableHead(head_line)
        yield self.list
        yield from self._about
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.ready = True
        self.list.focus()
        self.show_engine(self.engine)
        self._ask()

    def show_engine(self, view: EngineView) -> None:
        before, self.engine = self.engine, view
        if not self.ready:
            return
        self.header.show(view)
        self.status.show(view, self.clock())
        self._show_keys()
        pins = before.state.pins if before.state else None
        if view.connected and view.state is not None:
            if not before.connected or view.state.pins != pins:
                self._ask()

    def _ask(self) -> None:
        self.post_message(InspectionWanted(_GROUP, PinsRequest(), self.show_run, self._failed))

    def _failed(self, reason: str) -> None:
        self.list.told = ("", f"✗ {shown(reason)}")
        self.list.show([])

    def show_run(self, run: PinRun) -> None:
        """Take the pins of a run."""
        self._summary.run = self._file.run = run
        self.list.told = _NONE
        self.list.show(failing_first(run))
        self._summary.refresh()
        self._file.refresh()
        self._show_pin()

    def _show_pin(self) -> None:
        for line in self._about:
            line.result = self.list.result
            line.refresh()
        self._show_keys()

    def _show_keys(self) -> None:
        self.keys.show(of(Where.PINS, Where.APP), lambda action: bool(self.refused(action)))

    def possessions(self) -> set[Need]:
        return {Need.PIN} if self.list.result else set()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.list.at = message.row
        self.list.show_cursor()
        self.list.show_row(message.row)
        self._show_pin()

    def on_line_list_chosen(self) -> None:
        self.action_ask_pin()

    def action_ask_pin(self) -> None:
        if self.list.result is not None:
            self.dismiss(None)
            self._go(self.list.result.pin)

    def action_unpin(self) -> None:
        from membrowse.tui.screens.confirm import ConfirmScreen

        result = self.list.result
        if result is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                request = RemovePinRequest(id=result.pin.id)
                self.post_message(InspectionWanted(_GROUP, request, self.show_run))

        text = f"Unpin “{result.pin.query}” from {result.pin.path}?\nThe note is not touched."
        self.app.push_screen(ConfirmScreen("Unpin", text, "unpin it"), answered)

    def action_close(self) -> None:
        self.dismiss(None)
