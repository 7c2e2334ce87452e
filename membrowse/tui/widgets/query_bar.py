"""The query: where it is typed, and what the analyser and the encoder made of it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from membrowse.presentation.lines import Line, Part, cells
from membrowse.presentation.query import query_line, warnings_line
from membrowse.tui.action_table import bindings
from membrowse.tui.actions import Where
from membrowse.tui.widgets.painting import OneLine
from membrowse.tui.widgets.plain_input import PlainInput
from membrowse.wire.search import Query

DEBOUNCE = 0.05
"""Seconds without a key until the query is asked."""


class QueryInput(PlainInput):
    """Where the query is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.QUERY)]


class Slash(OneLine):
    """The sign before the query."""

    def line(self, width: int) -> Line:
        return [Part(" / ", "key", "screen.focus_query")]


class QuerySide(OneLine):
    """How the query is read, and which question of the list it is."""

    def __init__(self) -> None:
        super().__init__(id="query-side")
        self.syntax = "literal"
        self.place = ""

    def _all(self) -> Line:
        line = [
            Part(self.syntax, "accent" if self.syntax != "literal" else "dim", "screen.operators")
        ]
        if self.place:
            line += [Part(" · ", "dim"), Part(self.place)]
        return [*line, Part(" ")]

    def line(self, width: int) -> Line:
        return self._all()

    def show(self, syntax: str, place: str) -> None:
        """Take what is to be said and be as wide as it."""
        self.syntax, self.place = syntax, place
        self.styles.width = cells(self._all())
        self.refresh()


class QueryNotes(OneLine):
    """Terms, stop words, pieces, filters."""

    def __init__(self, *, warnings: bool = False) -> None:
        super().__init__(classes="query-warnings" if warnings else "query-notes")
        self._warnings = warnings
        self._query: Query | None = None

    def line(self, width: int) -> Line:
        return (warnings_line if self._warnings else query_line)(self._query, width)

    def show(self, query: Query | None) -> None:
        """Take what was made of the query."""
        self._query = query
        if self._warnings:
            self.display = bool(warnings_line(query, self.screen.size.width))
        self.refresh()


class QueryBar(Vertical):
    """All of the above. Posts `Edited` once the typing has paused."""

    class Edited(Message):
        """The query is to be asked."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, QueryBar.Edited)

    def __init__(self) -> None:
        super().__init__(id="query-bar")
        self.input = QueryInput("what did the agent ask?", id="query")
        self._side = QuerySide()
        self._notes = QueryNotes()
        self._warnings = QueryNotes(warnings=True)
        self._timer: Timer | None = None
        self._last = ""

    def compose(self) -> ComposeResult:
        with Horizontal(id="query-line"):
            yield Slash(id="slash")
            yield self.input
            yield self._side
        yield self._notes
        yield self._warnings

    def on_mount(self) -> None:
        self._warnings.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        if event.value != self._last:
            self._timer = self.set_timer(DEBOUNCE, self._edited)

    def _edited(self) -> None:
        self._timer = None
        self._last = self.input.value
        self.post_message(self.Edited(self._last))

    def put(self, text: str) -> None:
        """Put `text` into the field, to be asked at once."""
        self.input.value = text
        self.input.cursor_position = len(text)

    def show(self, query: Query | None, syntax: str, place: str) -> None:
        """Take what was made of the query and how it is read."""
        self._side.show(syntax, place)
        self._notes.show(query)
        self._warnings.show(query)
