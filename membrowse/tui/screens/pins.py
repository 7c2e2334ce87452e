"""Every pin: whether it passes, and how its rank changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from membrowse.client.engine import EngineRefused
from membrowse.presentation.lines import Line, Part, spread
from membrowse.presentation.pins import (
    about_lines,
    failing_first,
    file_line,
    pin_line,
    pins_head,
    summary_line,
)
from membrowse.text import shown
from membrowse.tui.actions import Need, Where, bindings, with_keys
from membrowse.tui.messages import ReplyWanted
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.widgets.bars import TableHead
from membrowse.tui.widgets.line_list import ItemList, LineList
from membrowse.tui.widgets.lines import OneLine
from membrowse.wire.pins import Pin, PinResult, PinRun, PinsRequest, RemovePinRequest

_GROUP = "pins"

_NONE = """No query is pinned yet.
In the rankings, {pin.add} pins the query to the target, or to the chunk under the cursor.
Pins run after every change, and a message says which ones moved."""


class PinsSummary(OneLine):
    """How many pins pass, and the measures."""

    def __init__(self) -> None:
        super().__init__(classes="why-head")
        self.run: PinRun | None = None

    def line(self, width: int) -> Line:
        return summary_line(self.run, width)


class PinsFile(PinsSummary):
    """Where the pins are kept, and that they run without the profile of `agent`."""

    def __init__(self, agent: str) -> None:
        super().__init__()
        self._agent = agent

    def line(self, width: int) -> Line:
        without = f"run without {shown(self._agent)}'s profile " if self._agent else ""
        right = [Part(without, "warn")]
        return spread(file_line(self.run, width - len(without)), right, width)


class PinAbout(OneLine):
    """One of the two lines about the pin under the cursor."""

    def __init__(self, number: int) -> None:
        super().__init__(classes="pin-about")
        self._number = number
        self.result: PinResult | None = None

    def line(self, width: int) -> Line:
        return about_lines(self.result, width)[self._number] if self.result else []


class PinsList(ItemList[PinResult]):
    """One line per pin."""

    def __init__(self) -> None:
        super().__init__(lambda result: result.pin.id, id="pins-list")
        self.so_far = False
        """Whether the results are not final."""
        self.roots: Mapping[str, str] = {}
        """Those of a collection, see `clip_path`."""

    def row_line(self, row: int, line: int, width: int) -> Line:
        return pin_line(self.items[row], width, so_far=self.so_far, roots=self.roots)


class PinsScreen(EngineScreen):
    """The last run of the pins, updated as the index changes; `go` takes the pin chosen.

    `agent` is the name of a profile, without which pins run.
    """

    PLACES = (Where.PINS,)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.PINS)]

    def __init__(
        self, clock: Clock, engine: EngineView, agent: str, go: Callable[[Pin], None]
    ) -> None:
        super().__init__(clock, engine)
        self._go = go
        self._summary, self._file = PinsSummary(), PinsFile(agent)
        self.list = PinsList()
        self._about = (PinAbout(0), PinAbout(1))

    def compose(self) -> ComposeResult:
        yield self.header
        yield self._summary
        yield self._file
        yield TableHead(pins_head)
        yield self.list
        yield from self._about
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.list.focus()
        self._ask()

    def engine_changed(self, before: EngineView) -> None:
        state = self.engine.state
        pins = before.state.pins if before.state else None
        if self.engine.connected and state is not None:
            final_now = self.list.so_far and state.progress is None
            if not before.connected or state.pins != pins or final_now:
                self._ask()

    def _ask(self) -> None:
        self.app.post_message(ReplyWanted(_GROUP, PinsRequest(), self._take, self._refused))

    def _refused(self, error: EngineRefused) -> None:
        self.list.message = f"✗ {shown(error.problem.message)}"
        self.list.show_items([])

    def _take(self, run: PinRun) -> None:
        self._summary.run = self._file.run = run
        self.list.message = with_keys(_NONE, self.keymap.key)
        self.list.so_far = bool(run.provisional)
        self.list.roots = self.engine.root_beginnings
        self.list.show_items(failing_first(run))
        self._summary.refresh()
        self._file.refresh()
        self._show_pin()

    def _show_pin(self) -> None:
        for line in self._about:
            line.result = self.list.item
            line.refresh()
        self.show_keys()

    def met_needs(self) -> set[Need]:
        return {Need.PIN} if self.list.item else set()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.list.put_cursor(message.row)
        self._show_pin()

    def on_line_list_chosen(self) -> None:
        self.action_ask_pin()

    def action_ask_pin(self) -> None:
        if self.list.item is not None:
            self.dismiss(None)
            self._go(self.list.item.pin)

    def action_unpin(self) -> None:
        from membrowse.tui.screens.prompts import ConfirmPrompt

        result = self.list.item
        if result is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                request = RemovePinRequest(id=result.pin.id)
                self.app.post_message(ReplyWanted(_GROUP, request, self._take))

        text = f"Unpin “{result.pin.query}” from {result.pin.path}?\nThe note does not change."
        self.app.push_screen(ConfirmPrompt("Unpin", text, "unpin it"), answered)

    def action_close(self) -> None:
        self.dismiss(None)
