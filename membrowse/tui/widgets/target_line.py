"""The target: the line under the query that shows how it fared, and the dialogues about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from textual.message import Message

from membrowse.presentation.lines import Line, Part
from membrowse.presentation.ranks import letters
from membrowse.presentation.target import target_line
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.target_choices import cursor_target
from membrowse.tui.widgets.lines import OneLine, keymap_of
from membrowse.wire.diagnosis import DiagnosisRequest, Suggestion
from membrowse.wire.search import SearchResponse, Target, TargetMatch

if TYPE_CHECKING:
    from membrowse.tui.screens.target_finder import Picked
    from membrowse.tui.screens.why import WhyScreen


class TargetLine(OneLine):
    """What the user expects the open query to find; hidden without a target.

    Opens the finder that chooses the target and the screen that says why it is not found.
    """

    class Changed(Message):
        """There is another target, or none: search again with it."""

    class Applied(Message):
        """The user applies a suggestion for the settings or the query."""

        def __init__(self, suggestion: Suggestion) -> None:
            super().__init__()
            self.suggestion = suggestion

    class PinWanted(Message):
        """The user pins the diagnosed query to the diagnosed target."""

    def __init__(self, query: OpenQuery, clock: Callable[[], datetime]) -> None:
        super().__init__(id="target")
        self.target: Target | None = None
        self._match: TargetMatch | None = None
        """How the target fared in the last response that says so, by our cut."""
        self.display = False
        self._query = query
        self._clock = clock
        self._engine = EngineView()
        self._why: WhyScreen | None = None

    @property
    def match(self) -> TargetMatch | None:
        """How the target fared, by the cut of the recall that is shown, if one is."""
        agent = self._query.agent
        return agent.match(self._match) if agent and self._match else self._match

    def show_engine(self, view: EngineView) -> None:
        """Take the engine's state."""
        self._engine = view
        self.refresh()

    def expect(self, target: Target | None) -> None:
        """Set or clear the target."""
        self.target, self._match = target, None
        self._update()
        self.post_message(self.Changed())

    def reset(self) -> None:
        """Clear the target without a new search."""
        self.target = None
        self.forget_match()

    def forget_match(self) -> None:
        """No query is open, so it is unknown how the target fares."""
        self._match = None
        self._update()

    def receive(self, response: SearchResponse) -> None:
        """Take the match of a response of the open query."""
        if response.complete or response.target is not None:
            self._match = response.target
        self._update()

    def _update(self) -> None:
        self.display = self.target is not None
        self.refresh()

    def line(self, width: int) -> Line:
        if self.target is None:
            return []
        key = keymap_of(self).key("target.why")
        return target_line(
            self.target,
            self.match,
            letters(self._query.rankings),
            width,
            asked=bool(self._query.text),
            complete=self._query.complete,
            right=[Part(key, "key", "screen.why"), Part(" why ", "dim", "screen.why")],
        )

    # Dialogues

    def choose(self) -> None:
        """Open the finder."""
        from membrowse.tui.screens.target_finder import TargetFinder

        roots = self._engine.root_beginnings
        self.app.push_screen(TargetFinder(self.target, self._query.cursor, roots), self._picked)

    def _picked(self, picked: Picked | None) -> None:
        if picked is None:
            return
        if picked.target != self.target:
            self.expect(picked.target)
        if picked.target is None:
            if self._why is not None:
                self._why.action_close()
        elif self._query.text:
            self.diagnose()
        else:
            self.notify("Now type what the agent asked.", markup=False)

    def diagnose(self) -> None:
        """Open the diagnosis of the target, or first the finder if there is no target or query.

        While a recall is shown, what is under the cursor is a target, too.
        """
        query = self._query
        target = self.target or (cursor_target(query) if query.agent else None)
        if target is None or not query.text:
            self.choose()
            return
        recall = query.agent.recall if query.agent else None
        k = recall.recall.k if recall else None
        request = DiagnosisRequest(
            text=query.text, syntax=query.syntax, target=target, k=k, filters=query.filters
        )
        if self._why is not None:
            self._why.diagnose(request)
            return
        from membrowse.tui.screens.why import WhyScreen

        self._why = WhyScreen(
            self._clock,
            self._engine,
            request,
            apply=self._apply,
            find=self.choose,
            pin=self._pin,
            recall=recall,
        )
        self.app.push_screen(self._why, self._why_closed)

    def _why_closed(self, _: None) -> None:
        self._why = None

    def _pin(self) -> None:
        self.post_message(self.PinWanted())

    def _apply(self, suggestion: Suggestion) -> None:
        self.post_message(self.Applied(suggestion))
