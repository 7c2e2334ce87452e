"""The explanation on the main screen: it follows the cursor, and its heat is in the preview."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from textual.timer import Timer

from membrowse.tui.messages import InspectionWanted
from membrowse.tui.screens.browser_actions import BrowserActions
from membrowse.wire.explanation import (
    ExplainRequest,
    Explanation,
    SpellingRequest,
    SpellingSuggestion,
)

STILL = 0.03
"""Seconds that the cursor rests on a chunk before its explanation is asked for."""

LATE = 0.15
"""Seconds after which it is said that an explanation is being made."""

TALL = 26
"""Lines from which explanation and preview stand side by side under the columns."""

EXPLAIN = "explain"
"""The panel's name."""


class Explaining(BrowserActions):
    """Asks for explanations while they are wanted, and drops those that come too late."""

    explaining = False
    """Whether the explanation follows the cursor."""
    _explain_number = 0
    _spelled_for = ("", "", -1)
    _still: Timer | None = None
    _late: Timer | None = None

    @property
    def explained_beside(self) -> bool:
        """Whether there is room for the explanation beside the preview."""
        return not self.narrow and self.size.height >= TALL

    def lay_out_explanation(self, guiding: bool) -> None:
        """Show the pane where it belongs on a screen of this size."""
        alone = self.maximised == EXPLAIN
        beside = not self.maximised and self.explained_beside
        self.explain.display = self.explaining and not guiding and (alone or beside)
        self.explain.show_full(alone)

    def action_explain(self) -> None:
        """Explain, or stop explaining where the explanation is on the screen."""
        if self.explaining and self.explain.display:
            self._stop_explaining()
        else:
            self._start_explaining()

    def _start_explaining(self) -> None:
        if not self.explaining:
            self.explaining = True
            self.want_explanation()
        if self.maximised or not self.explained_beside:
            self.maximised = EXPLAIN
        self.lay_out()
        if self.maximised:
            self.explain.text.focus()
        self.show_heat()

    def _stop_explaining(self) -> None:
        if self.maximised == EXPLAIN:
            self.maximised = ""
        if self.explain.text.has_focus:
            self.active_list.focus()
        self.explaining = False
        self._explain_number += 1
        self._be_patient()
        self._spelled_for = ("", "", -1)
        self.explain.say("")
        self.lay_out()
        self.call_after_refresh(self._show_rankings)
        self.show_heat()

    def action_panel(self, number: int) -> None:
        if number != 5:
            super().action_panel(number)
            return
        if not self.explaining or not self.explain.display:
            self._start_explaining()
        self.explain.text.focus()

    # Following the cursor

    def want_explanation(self) -> None:
        """Explain the chunk under the cursor, as soon as the cursor rests."""
        if not self.explaining:
            return
        self._explain_number += 1
        if self._still is not None:
            self._still.stop()
        if self.browsing.cursor is None:
            self._be_patient()
            self.explain.say("There is no chunk under the cursor.")
            return
        number = self._explain_number
        self._still = self.set_timer(STILL, partial(self._ask_explanation, number))
        if self._late is None:
            self._late = self.set_timer(LATE, self._say_late)

    def _be_patient(self) -> None:
        if self._late is not None:
            self._late.stop()
            self._late = None

    def _say_late(self) -> None:
        if self._late is not None:  # or else the answer overtook the timer
            self.explain.say("explaining …")

    def _ask_explanation(self, number: int) -> None:
        hit = self.browsing.cursor
        if number != self._explain_number or hit is None:
            return
        text, syntax = self.browsing.text, self.browsing.syntax
        self.post_message(
            InspectionWanted(
                "explain",
                ExplainRequest(text=text, syntax=syntax, chunk=hit.chunk),
                partial(self._explained, number),
                partial(self._not_explained, number),
            )
        )

    def _explained(self, number: int, explanation: Explanation) -> None:
        if number != self._explain_number:
            return
        self._be_patient()
        self.explain.show(explanation, self.clock())
        self.show_heat()
        asked = (self.browsing.text, self.browsing.syntax, self.browsing.generation)
        if asked != self._spelled_for and any(not term.df for term in explanation.keyword.terms):
            self._spelled_for = asked
            self.post_message(
                InspectionWanted(
                    "spelling",
                    SpellingRequest(text=self.browsing.text, syntax=self.browsing.syntax),
                    partial(self._spelled, asked),
                )
            )

    def _spelled(
        self, asked: tuple[str, str, int], spellings: Sequence[SpellingSuggestion]
    ) -> None:
        if self.explaining and asked == self._spelled_for:
            self.explain.show_spellings(spellings)

    def _not_explained(self, number: int, reason: str) -> None:
        if number == self._explain_number:
            self._be_patient()
            self.explain.say(reason)
            self.show_heat()

    def show_heat(self) -> None:
        """Draw the heat of the chunk in the preview, or no longer."""
        self.preview.show_heat(self.explain.explanation, heating=self.explaining)
