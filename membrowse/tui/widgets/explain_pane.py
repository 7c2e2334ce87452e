"""The explanation of the chunk under the cursor, beside the preview or in place of all panels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Vertical

from membrowse.presentation.lines import Line, Part, clip_start, spread
from membrowse.text import shown
from membrowse.tui.widgets.painting import OneLine
from membrowse.tui.widgets.scrolled_lines import ScrolledLines
from membrowse.wire.explanation import Explanation, SpellingSuggestion

AIRY = 20
"""Lines from which there is an empty line between the sections."""


class ExplainHead(OneLine):
    """Which chunk is explained, and how long that took."""

    def __init__(self, pane: ExplainPane) -> None:
        super().__init__(classes="column-head")
        self._pane = pane

    def line(self, width: int) -> Line:
        pane = self._pane
        active = pane.text.has_focus
        left = [
            Part("▸" if active else " ", "accent"),
            Part("5 ", "key"),
            Part("EXPLANATION", "strong" if active else "name"),
        ]
        explanation = pane.explanation
        if explanation is None:
            return spread(left, [Part(f"{pane.waiting} ", "dim")], width)
        hit = explanation.hit
        place = clip_start(shown(f"{hit.path}:{hit.start_line}"), max(10, width - 24))
        more = "" if pane.full else "+ in full "
        return spread([*left, Part(f"  {place}", "strong")], [Part(more, "dim")], width)


class ExplainPane(Vertical):
    """Head and figures. The last explanation stays until the next one is there, or is late."""

    def __init__(self) -> None:
        super().__init__(id="explain", classes="column")
        self.explanation: Explanation | None = None
        self.waiting = ""
        self.full = False
        self.text = ScrolledLines(id="explain-text")
        self._query = ""
        self._spellings: Sequence[SpellingSuggestion] = ()
        self._now = datetime.now().astimezone()
        self._head = ExplainHead(self)

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.text

    def show(self, explanation: Explanation, now: datetime) -> None:
        """Show an explanation; the scroll stays, so that chunks can be compared by eye."""
        if explanation.query != self._query:
            self._spellings, self._query = (), explanation.query
        self.explanation, self._now, self.waiting = explanation, now, ""
        self._show()

    def show_spellings(self, spellings: Sequence[SpellingSuggestion]) -> None:
        """Add what is written nearly as a word that stands nowhere."""
        self._spellings = spellings
        self._show()

    def say(self, message: str) -> None:
        """Show no explanation, but why: it is being made, or cannot be."""
        self.explanation, self.waiting = None, shown(message)
        self.text.message = self.waiting
        self._show()

    def show_full(self, full: bool) -> None:
        """With the small print, or without."""
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

    def refresh_head(self) -> None:
        """Paint the head anew."""
        self.set_class(self.text.has_focus, "-active")
        self._head.refresh()
