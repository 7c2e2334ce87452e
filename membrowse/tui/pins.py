"""Pinning: the pin of the open query, and news of pins that moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.screen import Screen

from membrowse.presentation import figures
from membrowse.presentation.lines import clip_path
from membrowse.presentation.pins import moved_text, passing_text
from membrowse.text import shown_block
from membrowse.tui.messages import ReplyWanted
from membrowse.tui.model.engine_view import EngineView, short_path
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.target_choices import cursor_target
from membrowse.tui.widgets.target_line import TargetLine
from membrowse.wire.pins import AddPinRequest, PinResult, PinRun, PinsRequest, RemovePinRequest
from membrowse.wire.search import Target

_GROUP = "pin"


class Pins:
    """Pins the open query to what it should find, and unpins it.

    `screen` shows the toasts and dialogues; what the query should find is the target, or else the
    chunk under the cursor.
    """

    def __init__(self, screen: Screen[Any], query: OpenQuery, target_line: TargetLine) -> None:
        self._screen = screen
        self._query = query
        self._target_line = target_line

    def toggle(self) -> None:
        """Pin the open query; if it is pinned, offer to unpin it."""
        self._screen.app.post_message(ReplyWanted(_GROUP, PinsRequest(), self._pin_or_unpin))

    def _pin_or_unpin(self, run: PinRun) -> None:
        expected, query = self._expected(), self._query
        if expected is None or not query.text:
            return
        pinned = next((result for result in run.results if self._matches(result)), None)
        if pinned is not None:
            self._offer_to_unpin(pinned)
            return
        request = AddPinRequest(
            text=query.text, syntax=query.syntax, target=expected, filters=query.filters
        )
        self._screen.app.post_message(ReplyWanted(_GROUP, request, self._pinned))

    def _expected(self) -> Target | None:
        return self._target_line.target or cursor_target(self._query)

    def _matches(self, result: PinResult) -> bool:
        """Whether a pin is of the open query and of what it should find."""
        line, expected = self._target_line, self._expected()
        hit = self._query.cursor
        if line.target is not None:
            hit = line.match.hit if line.match else None
        pin, query = result.pin, self._query
        if expected is None or (pin.query.split(), pin.filters) != (
            query.text.split(),
            query.filters,
        ):
            return False
        if hit is not None and result.chunk:
            return result.chunk == hit.chunk
        return result.pin.path == expected.path

    def _pinned(self, run: PinRun) -> None:
        passing = passing_text(run.passing, run.total)
        file = clip_path(short_path(Path(run.file)), 40)
        self._say(f"Pinned; {passing}\nSaved in {file}")

    def _offer_to_unpin(self, result: PinResult) -> None:
        from membrowse.tui.screens.prompts import ConfirmPrompt

        def answered(yes: bool | None) -> None:
            if yes:
                request = RemovePinRequest(id=result.pin.id)
                self._screen.app.post_message(ReplyWanted(_GROUP, request, self._unpinned))

        text = f"This query is already pinned to {result.pin.path}. Unpin it?"
        self._screen.app.push_screen(ConfirmPrompt("Already pinned", text, "unpin it"), answered)

    def _unpinned(self, run: PinRun) -> None:
        self._say(f"Unpinned; {figures.counted(run.total, 'pin')} left in {run.file}")

    def announce_moves(self, before: EngineView, now: EngineView) -> None:
        """Say which pins moved since the run over an earlier generation."""
        was = before.state.pins if before.state else None
        pins = now.state.pins if now.state else None
        if was is None or pins is None or not pins.moved or not was.generation:
            return
        if (pins.generation, pins.moved) != (was.generation, was.moved):
            self._say(moved_text(pins))

    def _say(self, text: str) -> None:
        self._screen.notify(shown_block(text), markup=False, timeout=6)
