"""The query bar: where the query is typed, how it was read, and where queries come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from membrowse.presentation.lines import Line, Part, cells
from membrowse.presentation.query import query_line, warnings_line
from membrowse.tui.actions import Where, bindings
from membrowse.tui.messages import QueryAsked
from membrowse.tui.model.filter_choices import without_chips
from membrowse.tui.model.questions import Questions
from membrowse.tui.widgets.filter_chips import FilterChips
from membrowse.tui.widgets.lines import OneLine, keymap_of
from membrowse.tui.widgets.plain_input import PlainInput
from membrowse.wire.search import NO_FILTERS, Filters, Query, Target

DEBOUNCE = 0.05
"""Seconds without a key until the query is searched."""


class QueryInput(PlainInput):
    """The input; its keys act on the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.QUERY)]


class Slash(OneLine):
    """The sign before the query."""

    def line(self, width: int) -> Line:
        return [Part(f" {keymap_of(self).key('query.focus')} ", "key", "screen.focus_query")]


class QuerySide(OneLine):
    """The syntax, and the place in the list of questions."""

    def __init__(self) -> None:
        super().__init__(id="query-side")
        self._syntax, self._place = "", ""

    def line(self, width: int) -> Line:
        style = "dim" if self._syntax == "literal" else "accent"
        line = [Part(" "), Part(self._syntax, style, "screen.operators")]
        if self._place:
            next_question = "screen.question(1)"
            line += [Part(" · ", "dim"), Part(self._place, "", next_question)]
            line += [Part(f" {keymap_of(self).key('question.next')}", "key", next_question)]
        return [*line, Part(" ")]

    def show(self, syntax: str, place: str) -> None:
        """Show these, as wide as they are."""
        self._syntax, self._place = syntax, place
        self.styles.width = cells(self.line(0))
        self.refresh()


class QueryCaption(OneLine):
    """Terms, stop words, word pieces and filters."""

    def __init__(self) -> None:
        super().__init__(classes="query-caption")
        self._query: Query | None = None

    def line(self, width: int) -> Line:
        return query_line(self._query, width)

    def show(self, query: Query | None) -> None:
        """Show what the analyser and the encoder made of the query."""
        self._query = query
        self.refresh()


class QueryWarnings(OneLine):
    """Warnings about the query; hidden if there is none."""

    def __init__(self) -> None:
        super().__init__(classes="query-warnings")
        self._query: Query | None = None

    def line(self, width: int) -> Line:
        return warnings_line(self._query, width)

    def show(self, query: Query | None) -> None:
        """Show the warnings about this query."""
        self._query = query
        self.display = bool(warnings_line(query, self.screen.size.width))
        self.refresh()


class QueryBar(Vertical):
    """The query's text, syntax and filters, the questions to step through, and earlier queries."""

    class Edited(Message):
        """Typing has paused, or the syntax changed: search."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, QueryBar.Edited)

    class Replaced(Message):
        """Another query replaces the old one, and all that belonged to it."""

        def __init__(self, target: Target | None = None) -> None:
            super().__init__()
            self.target = target
            """What the new query should find, if that is known."""

    def __init__(self, history: Callable[[], Sequence[str]]) -> None:
        super().__init__(id="query-bar")
        self.input = QueryInput("what did the agent ask?", id="query")
        self.syntax = "literal"
        self.picked = NO_FILTERS
        """The filters that the user chose; they stay with the next query."""
        self._filters = NO_FILTERS
        self.questions = Questions()
        self._history = history
        self._at = -1
        """The history's query that was last put here; −1: none."""
        self._side = QuerySide()
        self._chips = FilterChips()
        self._caption = QueryCaption()
        self._warnings = QueryWarnings()
        self._debounce: Timer | None = None
        self._last = ""

    def compose(self) -> ComposeResult:
        with Horizontal(id="query-line"):
            yield Slash(id="slash")
            yield self.input
            yield self._side
        yield self._chips
        yield self._caption
        yield self._warnings

    def on_mount(self) -> None:
        self._warnings.display = False
        self._show_side()

    def show(self, query: Query | None) -> None:
        """Show what the analyser and the encoder made of the query."""
        if query is not None and query.filters:
            typed = without_chips(self.filters, query.filters)
            query = msgspec.structs.replace(query, filters=typed)
        self._caption.show(query)
        self._warnings.show(query)

    def _show_side(self) -> None:
        self._side.show(self.syntax, self.questions.caption(self.input.value))

    # Filters

    @property
    def filters(self) -> Filters:
        """Which notes the query ranks: those that the user chose, or those of a recall or pin."""
        return self._filters

    @filters.setter
    def filters(self, filters: Filters) -> None:
        self._filters = filters
        self._chips.show(filters)

    @property
    def put_off(self) -> tuple[str, ...]:
        """The filters that the user chose and that do not hold now, as they are shown."""
        given = self.filters.given
        return tuple(
            f"{name}:{value}"
            for name, value in self.picked.given.items()
            if given.get(name) != value
        )

    def pick(self, filters: Filters) -> None:
        """Rank these notes for this query and the next ones."""
        self.filters = self.picked = filters

    # Editing

    @property
    def text(self) -> str:
        """What is typed, without lone surrogates."""
        return self.input.value.encode("utf-8", "replace").decode()

    def put(self, text: str, syntax: str | None = None, filters: Filters | None = None) -> None:
        """Change the text, and with `syntax` how it is read; a new text is searched at once.

        It is selected while it is edited: typing replaces it, an arrow keeps it.
        """
        self.syntax = syntax or self.syntax
        self.filters = self.filters if filters is None else filters
        self.input.value = text
        self.select()
        self._show_side()

    def ask_another(
        self,
        text: str,
        target: Target | None = None,
        syntax: str | None = None,
        filters: Filters | None = None,
    ) -> None:
        """Put another query in the place of the old one, and what it should find.

        Without `filters`, those that the user chose hold.
        """
        self.post_message(self.Replaced(target))
        self.put(text, syntax, self.picked if filters is None else filters)

    def select(self) -> None:
        """Select the text if it is being edited, else show its beginning."""
        if self.screen.focused is self.input:
            self.input.select_all()
        else:
            self.input.cursor_position = 0

    def search_now(self) -> None:
        """Search for what is typed without waiting for a pause."""
        if self._debounce is not None:
            self._edited()

    def on_plain_input_replaced(self, event: PlainInput.Replaced) -> None:
        event.stop()
        self.filters = self.picked
        self.post_message(self.Replaced())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._show_side()
        if self._debounce is not None:
            self._debounce.stop()
        if event.value != self._last:
            self._debounce = self.set_timer(DEBOUNCE, self._edited)

    def _edited(self) -> None:
        self._last = self.input.value
        self.post_message(self.Edited())
        if self._debounce is not None:
            self._debounce.stop()
        self._debounce = None

    def on_descendant_blur(self) -> None:
        """A query enters the history when it is left, so that none is half typed."""
        if text := self.text.strip():
            self.app.post_message(QueryAsked(text))

    def toggle_syntax(self) -> None:
        """Read the query with operators, or literally."""
        self.syntax = "operators" if self.syntax == "literal" else "literal"
        self._show_side()
        if self.text:
            self._edited()

    # Earlier queries and questions

    def put_older(self, by: int) -> None:
        """Put the query `by` steps further back in the history."""
        queries = self._history()
        if queries:
            self._at = max(-1, min(len(queries) - 1, self._at + by))
            self.ask_another(queries[self._at] if self._at >= 0 else "")

    def forget_place(self) -> None:
        """Begin at the newest earlier query: the history is another folder's."""
        self._at = -1

    def put_recent(self, at: int) -> None:
        """Put the query at a place of the history."""
        queries = self._history()
        if at < len(queries):
            self.ask_another(queries[at])

    def choose_from_history(self) -> None:
        """Let the user choose an earlier query."""
        from membrowse.tui.screens.history import HistoryScreen

        def chosen(text: str | None) -> None:
            if text is not None:
                self.ask_another(text)

        self.app.push_screen(HistoryScreen(self._history()), chosen)

    def load_questions(self, questions: Questions) -> None:
        """Take a list of questions; the first one is a step away."""
        self.questions = questions
        self._show_side()

    def step_question(self, by: int) -> None:
        """Put the question `by` steps further down the list."""
        question = self.questions.step(by)
        if question is not None:
            self.ask_another(question.query, question.target)
