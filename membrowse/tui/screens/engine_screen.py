"""Base classes of the screens that show the engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.dom import DOMNode
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from membrowse.client.engine import EngineRefused
from membrowse.presentation.lines import Line, Part, spread
from membrowse.text import shown
from membrowse.tui.actions import Action, Need, Where, find, of, refusal, with_keys
from membrowse.tui.keymap import Keymap
from membrowse.tui.messages import ReindexWanted, ReplyWanted
from membrowse.tui.model.engine_view import EngineView, Phase
from membrowse.tui.widgets.bars import HeaderLine, KeyBar, StatusLine
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.lines import OneLine
from membrowse.wire.request import Request

if TYPE_CHECKING:
    from membrowse.tui.app import MembrowseApp

Clock = Callable[[], datetime]
Record = TypeVar("Record")

LATE = 0.15
"""Seconds without a reply after which a screen says that it is waiting."""


class EngineScreen(Screen[None]):
    """A screen that shows the engine's state and knows which actions can run.

    Subclasses compose `header`, `status` and `keys`, and react to changes in `engine_changed`.
    """

    PLACES: ClassVar[tuple[Where, ...]] = ()
    """Whose actions this screen has."""

    def __init__(self, clock: Clock, engine: EngineView) -> None:
        super().__init__()
        self.clock = clock
        self.engine = engine
        self.header = HeaderLine()
        self.status = StatusLine()
        self.keys = KeyBar()
        self._showing = False

    def on_mount(self) -> None:
        self._showing = True
        self.show_engine(self.engine)

    def show_engine(self, view: EngineView) -> None:
        """Take the engine's state; the app calls this at every change."""
        before, self.engine = self.engine, view
        if self._showing:
            self.header.show(self.with_agent(view))
            self.status.show(view, self.clock())
            self.show_keys()
            self.engine_changed(before)

    def with_agent(self, view: EngineView) -> EngineView:
        """`view` as the header shows it."""
        return view

    def engine_changed(self, before: EngineView) -> None:
        """React to another state in `engine`; `before` is the previous one."""

    # Actions

    def acting(self, name: str) -> None:
        """React to an action with that name, of this screen or of the app, before it runs or is
        refused."""

    def show_keys(self) -> None:
        """Show the keys that act now, and which of them cannot."""
        actions = self.keymap.bound(of(*self.key_places(), Where.APP))
        self.keys.show(self.labelled(actions), lambda action: bool(self.refused(action)))

    @property
    def keymap(self) -> Keymap:
        """Which keys run which action."""
        return cast("MembrowseApp", self.app).keymap

    def labelled(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """These actions with the labels that say what they do now."""
        return actions

    def key_places(self) -> tuple[Where, ...]:
        """The places whose keys the key bar shows."""
        return self.PLACES

    def met_needs(self) -> set[Need]:
        """The needs that this screen's content meets."""
        return set()

    def refused(self, action: Action) -> str:
        """Why `action` cannot run now; empty if it can."""
        met = self.met_needs()
        if self.engine.connected:
            met.add(Need.ENGINE)
        if self.engine.phase is Phase.GAVE_UP:
            met.add(Need.RETRY)
        if not self.engine.store:
            met.add(Need.FOLDER)
        return with_keys(refusal(action, met, self.engine.rights), self.keymap.key)

    def refusal_of(self, name: str) -> str:
        """Why the action with that name cannot run now; empty if it can, or is not ours."""
        action = find(name, *self.PLACES, Where.APP)
        return self.refused(action) if action is not None else ""

    def performer(self, where: Where) -> DOMNode:
        """The node that has the methods of that place's actions."""
        return self.app if where is Where.APP else self

    def action_reindex_changed(self) -> None:
        self.app.post_message(ReindexWanted())


class TitleLine(OneLine):
    """What a screen is about, and the query."""

    def __init__(self, name: str) -> None:
        super().__init__(classes="column-head")
        self._what = name
        self._query = ""
        self._right = ""

    def show(self, query: str, right: str = "") -> None:
        """Show the query, and `right` at the right end."""
        self._query, self._right = query, right
        self.refresh()

    def line(self, width: int) -> Line:
        left = [Part(" "), Part(self._what, "strong"), Part(f"  {shown(self._query[:2000])}")]
        return spread(left, [Part(f"{self._right} ", "dim")], width)


class FilteredScreen(EngineScreen):
    """A screen with a list, and above it a field that filters the list."""

    filter: Input
    list: LineList

    def on_input_submitted(self) -> None:
        self.list.focus()

    def action_focus_filter(self) -> None:
        self.filter.focus()

    def action_other(self) -> None:
        (self.list if self.filter.has_focus else self.filter).focus()

    def action_close(self) -> None:
        """Leave the filter, else clear it, else close the screen."""
        if self.filter.has_focus:
            self.list.focus()
        elif self.filter.value:
            self.filter.value = ""
        else:
            self.dismiss(None)


class RecordScreen(EngineScreen, Generic[Record]):
    """A screen that shows one record of the engine about the open query.

    Requests the record when it opens and whenever the index has changed.
    """

    GROUP = ""
    """Group of the request."""
    NAME = ""
    WORKING = ""
    """Shown while the first record is late."""

    def __init__(
        self, clock: Clock, engine: EngineView, query: str, request: Request[Record]
    ) -> None:
        super().__init__(clock, engine)
        self.query_text = query
        self.request = request
        self.title_line = TitleLine(self.NAME)
        self.record: Record | None = None
        self._late: Timer | None = None

    def show_record(self, record: Record) -> None:
        """Show the record."""
        raise NotImplementedError

    def say(self, message: str) -> None:
        """Show a message in place of the record."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.title_line.show(self.query_text)
        self._ask()

    def _ask(self) -> None:
        """Request the record; the one shown stays until the reply is here."""
        if self._late is None and self.record is None:
            self._late = self.set_timer(LATE, self._say_late)
        self.app.post_message(ReplyWanted(self.GROUP, self.request, self._take, self._refused))

    def _say_late(self) -> None:
        if self._late is not None:  # else the reply has overtaken the timer
            self.say(self.WORKING)

    def _take(self, record: Record) -> None:
        if self.is_attached:
            self._stop_waiting()
            self.record = record
            self.show_record(record)
            self.show_keys()

    def _refused(self, error: EngineRefused) -> None:
        if self.is_attached:
            self._stop_waiting()
            self.say(shown(error.problem.message))

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.stop()
            self._late = None

    def engine_changed(self, before: EngineView) -> None:
        view = self.engine
        if view.connected and (not before.connected or view.generation > before.generation):
            self._ask()

    def action_close(self) -> None:
        self.dismiss(None)
