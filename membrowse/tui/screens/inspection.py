"""What the screens have in common that show one record of the engine about the open query."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from textual.timer import Timer

from membrowse.presentation.lines import Line, Part, spread
from membrowse.text import shown
from membrowse.tui.action_table import of
from membrowse.tui.actions import Where
from membrowse.tui.messages import InspectionWanted
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.widgets.bars import HeaderLine, KeyBar
from membrowse.tui.widgets.painting import OneLine
from membrowse.wire.request import Request

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered

LATE = 0.15
"""Seconds after which it is said that an answer is being made."""


class TitleLine(OneLine):
    """What the screen is about, and the query."""

    def __init__(self, name: str) -> None:
        super().__init__(classes="column-head")
        self._what = name
        self._query = ""
        self._right = ""

    def show(self, query: str, right: str = "") -> None:
        """Take the query, and what is said at the right."""
        self._query, self._right = query, right
        self.refresh()

    def line(self, width: int) -> Line:
        left = [Part(" "), Part(self._what, "strong"), Part(f"  {shown(self._query[:2000])}")]
        return spread(left, [Part(f"{self._right} ", "dim")], width)


class InspectionScreen(EngineScreen):
    """Asks for its record when it opens and whenever the index has changed."""

    GROUP = "inspection"
    NAME = ""
    WORKING = ""

    def __init__(
        self, clock: Clock, remembered: Remembered, engine: EngineView, query: str
    ) -> None:
        super().__init__(clock, remembered)
        self.engine = engine
        self.query_text = query
        self.header = HeaderLine()
        self.title_line = TitleLine(self.NAME)
        self.keys = KeyBar()
        self.record: Any = None
        self._asked = 0
        self._late: Timer | None = None

    def request(self) -> Request[Any]:
        """What to ask the engine."""
        raise NotImplementedError

    def show_record(self, record: Any) -> None:
        """Show the answer."""
        raise NotImplementedError

    def say(self, message: str) -> None:
        """Show why there is nothing to show."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.ready = True
        self.show_engine(self.engine)
        self.title_line.show(self.query_text)
        self.ask()

    def ask(self) -> None:
        """Ask; a record that is shown stays until the answer is there."""
        self._asked += 1
        number = self._asked
        if self._late is None and self.record is None:
            self._late = self.set_timer(LATE, self._say_late)
        self.post_message(
            InspectionWanted(
                self.GROUP, self.request(), partial(self._answered, number), self._refused(number)
            )
        )

    def _say_late(self) -> None:
        if self._late is not None:
            self.say(self.WORKING)

    def _refused(self, number: int) -> Any:
        def refused(reason: str) -> None:
            if number == self._asked and self.is_attached:
                self._done()
                self.say(shown(reason))

        return refused

    def _answered(self, number: int, record: Any) -> None:
        if number == self._asked and self.is_attached:
            self._done()
            self.record = record
            self.show_record(record)
            self.show_keys()

    def _done(self) -> None:
        if self._late is not None:
            self._late.stop()
            self._late = None

    def show_engine(self, view: EngineView) -> None:
        before, self.engine = self.engine, view
        if not self.ready:
            return
        self.header.show(view)
        self.show_keys()
        if view.connected and (not before.connected or self._is_newer(before)):
            self.ask()

    def _is_newer(self, before: EngineView) -> bool:
        state, old = self.engine.state, before.state
        return state is not None and old is not None and state.generation > old.generation

    def show_keys(self) -> None:
        """Show which keys act."""
        places = (*(place for place in self.PLACES if place is not Where.LIST), Where.APP)
        self.keys.show(of(*places), lambda action: bool(self.refused(action)))

    def action_close(self) -> None:
        self.dismiss(None)
