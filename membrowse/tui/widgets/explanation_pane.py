"""The explanation of the chunk under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from textual.app import ComposeResult
from textual.message import Message
from textual.timer import Timer

from membrowse.client.engine import EngineRefused
from membrowse.presentation.lines import Line, Part, clip_start, spread
from membrowse.text import shown
from membrowse.tui.messages import ReplyWanted
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.panel_title import panel_title
from membrowse.tui.widgets.lines import keymap_of
from membrowse.tui.widgets.scrolled_lines import ScrolledLines
from membrowse.tui.widgets.text_pane import TextPane
from membrowse.wire.explanation import (
    ExplainRequest,
    Explanation,
    SpellingRequest,
    SpellingSuggestion,
)

STILL = 0.03
"""Seconds that the cursor rests on a chunk before its explanation is requested."""

LATE = 0.15
"""Seconds without a reply after which the pane says that it is waiting."""

AIRY = 20
"""Lines from which there is an empty line between the sections."""


class ExplanationPane(TextPane[ScrolledLines]):
    """Explains the chunk under the cursor of the open query, once started.

    An explanation stays until the next one arrives or is late; one that arrives for an earlier
    request is dropped.
    """

    class Changed(Message):
        """There is another explanation, or none; or the pane was switched on or off."""

    def __init__(self, query: OpenQuery, clock: Callable[[], datetime]) -> None:
        super().__init__(ScrolledLines(id="explanation-text"), id="explanation")
        self.following = False
        """Whether the chunk under the cursor is explained."""
        self.explanation: Explanation | None = None
        self.waiting = ""
        """Why there is no explanation."""
        self.full = False
        self._query = query
        self._clock = clock
        self._spellings: Sequence[SpellingSuggestion] = ()
        self._spellings_query = ""
        """The query whose spelling suggestions are shown."""
        self._spelled: tuple[str, str, int] | None = None
        """Text, syntax and generation for which spelling suggestions were last requested."""
        self._now = clock()
        self._request: ExplainRequest | None = None
        self._late: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.text

    def head_line(self, width: int, *, active: bool) -> Line:
        """The place of the chunk, or why there is no explanation."""
        title = panel_title(keymap_of(self).key("panel.explanation"), "EXPLANATION", active=active)
        if self.explanation is None:
            return spread(title, [Part(f"{self.waiting} ", "dim")], width)
        hit = self.explanation.hit
        place = clip_start(shown(f"{hit.path}:{hit.start_line}"), max(10, width - 24))
        more = "" if self.full else f"{keymap_of(self).key('panel.maximise')} in full "
        return spread([*title, Part(f"  {place}", "strong")], [Part(more, "dim")], width)

    # Following the cursor

    def start(self) -> None:
        """Explain the chunk under the cursor from now on."""
        self.following = True
        self.follow()
        self.post_message(self.Changed())

    def stop(self) -> None:
        """Explain nothing."""
        self.following = False
        self._request = self._spelled = None
        self._stop_waiting()
        self.say("")
        self.post_message(self.Changed())

    def follow(self) -> None:
        """Explain the chunk under the cursor as soon as the cursor rests."""
        if not self.following:
            return
        query = self._query
        if query.cursor is None:
            self._request = None
            self._stop_waiting()
            self.say("There is no chunk under the cursor.")
            return
        request = ExplainRequest(
            text=query.text,
            syntax=query.syntax,
            chunk=query.cursor.chunk,
            filters=query.filters,
        )
        self._request = request
        if self._late is None:
            self._late = self.set_timer(LATE, self._say_late)
        self.app.post_message(
            ReplyWanted(
                "explanation",
                request,
                partial(self.take, request),
                partial(self._refused, request),
                delay=STILL,
            )
        )

    def _say_late(self) -> None:
        if self._late is not None:  # else the reply has overtaken the timer
            self.say("explaining …")

    def take(self, request: ExplainRequest, explanation: Explanation) -> None:
        """Show the reply to `request`, if that is the latest one."""
        if request is not self._request:
            return
        self._stop_waiting()
        if explanation.query != self._spellings_query:
            self._spellings, self._spellings_query = (), explanation.query
        self.explanation, self._now, self.waiting = explanation, self._clock(), ""
        self._show()
        self.post_message(self.Changed())
        asked = (self._query.text, self._query.syntax, self._query.generation)
        if asked != self._spelled and any(not t.df for t in explanation.keyword.terms):
            self._spelled = asked
            spelling = SpellingRequest(text=self._query.text, syntax=self._query.syntax)
            self.app.post_message(
                ReplyWanted("spelling", spelling, partial(self._take_spellings, asked))
            )

    def _take_spellings(
        self, asked: tuple[str, str, int], spellings: Sequence[SpellingSuggestion]
    ) -> None:
        if self.following and asked == self._spelled:
            self._spellings = spellings
            self._show()

    def _refused(self, request: ExplainRequest, error: EngineRefused) -> None:
        if request is self._request:
            self._stop_waiting()
            self.say(error.problem.message)
            self.post_message(self.Changed())

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.stop()
            self._late = None

    # Showing

    def say(self, message: str) -> None:
        """Show a message in place of the explanation."""
        self.explanation, self.waiting = None, shown(message)
        self.text.message = self.waiting
        self._show()

    def show_full(self, full: bool) -> None:
        """Show the explanation with or without the small print."""
        self.set_class(full, "-full")
        if full is not self.full:
            self.full = full
            self._show()

    def _show(self) -> None:
        self.text.show(self._lines if self.explanation else None)
        self.refresh_head()

    def _lines(self, width: int) -> Sequence[Line]:
        from membrowse.presentation.explanation import explanation_lines

        if self.explanation is None:
            return ()
        return explanation_lines(
            self.explanation,
            self._spellings or None,
            self._now,
            width,
            full=self.full,
            airy=self.size.height >= AIRY,
        )

    def on_resize(self) -> None:
        self._show()
