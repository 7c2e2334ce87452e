"""Who has the first places: of the open query, of all pins, or of what agents got."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from membrowse.presentation.crowding import crowding_lines
from membrowse.presentation.lines import Line, Part
from membrowse.tui.messages import ReplyUnwanted, ReplyWanted
from membrowse.tui.screens.dialog import Dialog
from membrowse.tui.widgets.lines import LineBlock
from membrowse.tui.widgets.scroll_box import ScrollBox
from membrowse.wire.crowding import Crowding, CrowdingRequest, CrowdingSource

_NAMES = {
    CrowdingSource.QUERY: "this query",
    CrowdingSource.PINS: "all pins",
    CrowdingSource.LOG: "what agents got",
}


class CrowdingScreen(Dialog[None]):
    """Shows the shares of one source; tab goes on to the next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "other(1)", show=False, id="crowding.next", priority=True),
        Binding("shift+tab", "other(-1)", show=False, id="crowding.previous", priority=True),
        Binding("q,C", "close", show=False, id="crowding.close"),
    ]

    def __init__(self, query: CrowdingRequest | None) -> None:
        super().__init__(classes="-large")
        others = (CrowdingSource.PINS, CrowdingSource.LOG)
        self._requests = [*([query] if query else []), *(CrowdingRequest(source=s) for s in others)]
        self._at = 0
        self._head = LineBlock([])
        self._shares = LineBlock([])

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Who has the first places?"
            box.border_subtitle = "esc close"
            yield self._head
            with ScrollBox():
                yield self._shares

    def on_mount(self) -> None:
        self.query_one(ScrollBox).focus()
        self._ask()

    def on_unmount(self) -> None:
        self.app.post_message(ReplyUnwanted("crowding"))

    def action_other(self, by: int) -> None:
        self._at = (self._at + by) % len(self._requests)
        self._ask()

    def _ask(self) -> None:
        self._head.show([self._sources(), []])
        self._shares.show([[Part(" counting…", "dim")]])
        request = self._requests[self._at]
        self.app.post_message(ReplyWanted("crowding", request, self._take))

    def _sources(self) -> Line:
        line: Line = []
        for at, request in enumerate(self._requests):
            style = "accent" if at == self._at else "dim"
            line += [Part(f" {_NAMES[request.source]} ", style), Part(" ")]
        return [*line, Part("  tab", "key", "screen.other(1)"), Part(" next", "dim")]

    def _take(self, crowding: Crowding) -> None:
        if self.is_attached and crowding.source is self._requests[self._at].source:
            self._shares.show(list(crowding_lines(crowding, self._shares.size.width)))
