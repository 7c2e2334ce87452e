"""The tokens and word pieces of the query and of the chunk under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from membrowse.presentation.lines import Line
from membrowse.presentation.tokens import TokenLines
from membrowse.tui.actions import Where, bindings
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.screens.engine_screen import Clock, RecordScreen
from membrowse.tui.widgets.scrolled_lines import ScrolledLines
from membrowse.wire.tokens import TokenisedText, Tokens, TokensRequest

BROAD = 150
"""Cells from which query and chunk are side by side."""


class StackedLines(Sequence[Line]):
    """The lines of several texts, with an empty line after each."""

    def __init__(self, texts: Sequence[TokenLines]) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return sum(len(lines) + 1 for lines in self._texts)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[index] for index in range(*at.indices(len(self)))]
        for lines in self._texts:
            if at < len(lines):
                return lines[at]
            if at == len(lines):
                return []
            at -= len(lines) + 1
        raise IndexError(at)


def _lines(texts: Sequence[TokenisedText], width: int) -> Sequence[Line]:
    return StackedLines([TokenLines(text, width) for text in texts])


class TokensScreen(RecordScreen[Tokens]):
    """Query and chunk side by side if there is room, else one below the other."""

    PLACES = (Where.TOKENS,)
    GROUP = "tokens"
    NAME = "TOKENS"
    WORKING = "tokenising …"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.TOKENS),
        Binding("tab,shift+tab", "other", show=False, id="tokens.other"),
    ]

    def __init__(self, clock: Clock, engine: EngineView, query: str, chunk: str) -> None:
        super().__init__(clock, engine, query, TokensRequest(text=query, chunk=chunk))
        self.left = ScrolledLines(id="tokens-left")
        self.right = ScrolledLines(id="tokens-right")

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.title_line
        yield Horizontal(self.left, self.right, id="tokens")
        yield self.keys

    def on_mount(self) -> None:
        self.right.display = False
        self.left.focus()

    def on_resize(self, event: events.Resize) -> None:
        if self.record is not None:
            self.show_record(self.record)

    def show_record(self, record: Tokens) -> None:
        texts = record.texts
        beside = self.size.width >= BROAD and len(texts) > 1
        self.right.display = beside
        if beside:
            self.left.show(partial(_lines, texts[:1]))
            self.right.show(partial(_lines, texts[1:]))
        else:
            self.left.show(partial(_lines, texts))
            self.left.focus()

    def say(self, message: str) -> None:
        self.left.message = message
        self.left.show(None)

    def action_other(self) -> None:
        if self.right.display:
            (self.right if self.left.has_focus else self.left).focus()
