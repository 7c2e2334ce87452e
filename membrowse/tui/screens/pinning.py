"""Pinning the open query to what it should find, and telling when pins move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from membrowse.presentation import figures
from membrowse.presentation.pins import moved_text, passing_text
from membrowse.text import shown_block
from membrowse.tui.messages import InspectionWanted
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.finding import chunk_target
from membrowse.tui.screens.engine_screen import EngineScreen
from membrowse.wire.pins import AddPinRequest, Pin, PinResult, PinRun, PinsRequest, RemovePinRequest
from membrowse.wire.search import Target

if TYPE_CHECKING:
    from membrowse.tui.model.browsing import Browsing
    from membrowse.tui.widgets.query_bar import QueryBar
    from membrowse.tui.widgets.ranking_list import RankingList

_GROUP = "pin"


class Pinning(EngineScreen):
    """Action methods about pins; `BrowserScreen` has what they act on."""

    browsing: Browsing
    query_bar: QueryBar

    if TYPE_CHECKING:

        @property
        def active_list(self) -> RankingList: ...

        def set_target(self, target: Target | None) -> None: ...

    def action_pins(self) -> None:
        from membrowse.tui.screens.pins import PinsScreen

        self.app.push_screen(PinsScreen(self.clock, self.remembered, self.engine, self._ask_pin))

    def _ask_pin(self, pin: Pin) -> None:
        """Ask a pin's query, with what it should find as the target."""
        self.browsing.syntax = pin.syntax
        self.set_target(Target(path=pin.path, text=pin.text))
        self.query_bar.put(pin.query)
        self.call_after_refresh(lambda: self.active_list.focus())

    def action_pin(self) -> None:
        """Pin, or offer to unpin what is pinned already."""
        self.post_message(InspectionWanted(_GROUP, PinsRequest(), self._pin_unless_pinned))

    def _pin_unless_pinned(self, run: PinRun) -> None:
        target, browsing = self._wanted(), self.browsing
        if target is None or not browsing.text:
            return
        pinned = next((result for result in run.results if self._is_this(result)), None)
        if pinned is not None:
            self._offer_to_unpin(pinned)
            return
        request = AddPinRequest(text=browsing.text, syntax=browsing.syntax, target=target)
        self.post_message(InspectionWanted(_GROUP, request, self._pinned))

    def _wanted(self) -> Target | None:
        """The target, else the chunk under the cursor."""
        if self.browsing.target is not None:
            return self.browsing.target
        return chunk_target(self.browsing.cursor) if self.browsing.cursor else None

    def _is_this(self, result: PinResult) -> bool:
        """Whether a pin is of the open query and what it is to be pinned to."""
        browsing, target = self.browsing, self._wanted()
        expected = browsing.expected.hit if browsing.expected else None
        hit = expected if browsing.target is not None else browsing.cursor
        if target is None or result.pin.query.split() != browsing.text.split():
            return False
        if hit is not None and result.chunk:
            return result.chunk == hit.chunk
        return result.pin.path == target.path

    def _pinned(self, run: PinRun) -> None:
        passing = passing_text(run.passing, run.total)
        self._say(f"Pinned “{self.browsing.text[:80]}”; {passing}.\nKept in {run.file}")

    def _offer_to_unpin(self, result: PinResult) -> None:
        from membrowse.tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                request = RemovePinRequest(id=result.pin.id)
                self.post_message(InspectionWanted(_GROUP, request, self._unpinned))

        text = f"This query is pinned to {result.pin.path} already. Unpin it?"
        self.app.push_screen(ConfirmScreen("Pinned already", text, "unpin it"), answered)

    def _unpinned(self, run: PinRun) -> None:
        self._say(f"Unpinned; {figures.counted(run.total, 'pin')} left in {run.file}")

    def tell_pins(self, before: EngineView) -> None:
        """Say what moved, where the pins ran over another generation than before."""
        was = before.state.pins if before.state else None
        now = self.engine.state.pins if self.engine.state else None
        if was is None or now is None or not now.moved or not was.generation:
            return
        if (now.generation, now.moved) != (was.generation, was.moved):
            self._say(moved_text(now))

    def _say(self, text: str) -> None:
        self.notify(shown_block(text), markup=False, timeout=6)
