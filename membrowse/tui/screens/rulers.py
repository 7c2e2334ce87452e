"""How the machinery sees the query and the chunk under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from membrowse.presentation.lines import Line
from membrowse.presentation.tokens import TokenLines
from membrowse.tui.action_table import bindings
from membrowse.tui.actions import Where
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.screens.engine_screen import Clock
from membrowse.tui.screens.inspection import InspectionScreen
from membrowse.tui.widgets.scrolled_lines import ScrolledLines
from membrowse.wire.tokens import TokenisedText, Tokens, TokensRequest

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered

BROAD = 150
"""Cells from which query and chunk stand side by side."""


class Stacked(Sequence[Line]):
    """The lines of several rulers, one after the other, an empty one between them."""

    def __init__(self, rulers: Sequence[TokenLines]) -> None:
        self._rulers = rulers

    def __len__(self) -> int:
        return sum(len(lines) + 1 for lines in self._rulers)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[index] for index in range(*at.indices(len(self)))]
        for lines in self._rulers:
            if at < len(lines):
                return lines[at]
            if at == len(lines):
                return []
            at -= len(lines) + 1
        raise IndexError(at)


def _made(rulers: Sequence[TokenisedText], width: int) -> Sequence[Line]:
    return Stacked([TokenLines(ruler, width) for ruler in rulers])


class RulersScreen(InspectionScreen):
    """Side by side where there is room, else one under the other."""

    PLACES = (Where.RULERS,)
    GROUP = "rulers"
    NAME = "RULERS"
    WORKING = "measuring …"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.RULERS),
        Binding("tab,shift+tab", "other", show=False, id="rulers.other"),
    ]

    def __init__(
        self,
        clock: Clock,
        remembered: Remembered,
        engine: EngineView,
        query: str,
        chunk: str,
    ) -> None:
        super().__init__(clock, remembered, engine, query)
        self._chunk = chunk
        self.left = ScrolledLines(id="ruler-left")
        self.right = ScrolledLines(id="ruler-right")

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.title_line
        yield Horizontal(self.left, self.right, id="rulers")
        yield self.keys

    def on_mount(self) -> None:
        self.right.display = False
        self.left.focus()

    def request(self) -> TokensRequest:
        return TokensRequest(text=self.query_text, chunk=self._chunk)

    def on_resize(self, event: events.Resize) -> None:
        if self.record is not None:
            self.show_record(self.record)

    def show_record(self, record: Any) -> None:
        rulers: Tokens = record
        beside = self.size.width >= BROAD and len(rulers.texts) > 1
        self.right.display = beside
        if beside:
            self.left.show(partial(_made, rulers.texts[:1]))
            self.right.show(partial(_made, rulers.texts[1:]))
        else:
            self.left.show(partial(_made, rulers.texts))
            self.left.focus()

    def say(self, message: str) -> None:
        self.left.message = message
        self.left.show(None)

    def action_other(self) -> None:
        if self.right.display:
            (self.right if self.left.has_focus else self.left).focus()
