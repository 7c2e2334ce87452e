"""The log: what agents asked and what they got, newest first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from membrowse.client.engine import EngineRefused
from membrowse.presentation.lines import Line, Part
from membrowse.presentation.recalls import about_lines, head_line, recall_line, summary_line
from membrowse.text import shown
from membrowse.tui.actions import Need, Where, bindings, with_keys
from membrowse.tui.messages import ReplyUnwanted, ReplyWanted, StreamWanted
from membrowse.tui.model import log_filter
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.log_pages import LogPages
from membrowse.tui.model.replay import Replay
from membrowse.tui.screens.engine_screen import Clock, FilteredScreen
from membrowse.tui.widgets.bars import TableHead
from membrowse.tui.widgets.line_list import ItemList, LineList
from membrowse.tui.widgets.lines import OneLine
from membrowse.tui.widgets.plain_input import PlainInput
from membrowse.wire.recalls import (
    FollowRecallsRequest,
    NewRecalls,
    RecallFlag,
    RecallPage,
    RecallSummary,
    ReplayRequest,
)

_NEWEST, _OLDER, _FOLLOW = "log", "log older", "log follow"
_PAGE = 100
_AHEAD = 20
"""Rows below the view from which the next page is loaded."""
_PAUSE = 0.1
"""Seconds without a key, or without a new recall, until the log is loaded."""

_FILTERED = "No recall passes the filter; {log.filter} changes it, {log.close} clears it."
_NONE = """The log is empty.

A recall is what an agent asked, with what it got. To have some here:
  membrowse mcp FOLDER               let an agent search through membrowse
  membrowse agents, then attach      follow the log of an agent
  membrowse log import FILE…         read an agent's own log
  membrowse search --client NAME …   ask as an agent
Queries that you type are not recorded. membrowse docs log says more."""


class LogSummary(OneLine):
    """Counts and sparklines, or what is wrong with the filter or the log."""

    def __init__(self) -> None:
        super().__init__(classes="why-head")
        self.page: RecallPage | None = None
        self.problem = ""

    def line(self, width: int) -> Line:
        problem = self.problem or (self.page.problem if self.page else "")
        if problem:
            return [Part(" ! ", "warn"), Part(shown(problem))]
        return summary_line(self.page, width) if self.page else []


class RecallAbout(OneLine):
    """One of the two lines about the recall under the cursor."""

    def __init__(self, number: int) -> None:
        super().__init__(classes="pin-about")
        self._number = number
        self.recall: RecallSummary | None = None

    def line(self, width: int) -> Line:
        return about_lines(self.recall, width)[self._number] if self.recall else []


class RecallsList(ItemList[RecallSummary]):
    """One line per recall; says when the end of what is loaded comes near."""

    def __init__(self, clock: Clock, near_end: Callable[[], None]) -> None:
        super().__init__(lambda recall: recall.id, id="log-list")
        self._clock = clock
        self._near_end = near_end

    def row_line(self, row: int, line: int, width: int) -> Line:
        return recall_line(self.items[row], self._clock(), width)

    @property
    def is_near_end(self) -> bool:
        """Whether the view shows rows near the end of what is loaded."""
        return self.rows_in_view[1] + _AHEAD >= len(self.items)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._near_end()


class LogScreen(FilteredScreen):
    """Filters the log, loads its pages as they are scrolled to, and shows new recalls as they come.

    `go` takes the id of the recall chosen.
    """

    PLACES = (Where.LOG,)
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.LOG),
        Binding("tab,shift+tab", "other", show=False, id="log.other"),
    ]

    def __init__(
        self, clock: Clock, engine: EngineView, replay: Replay, go: Callable[[str], None]
    ) -> None:
        super().__init__(clock, engine)
        self._go = go
        self._replay = replay
        self.pages = LogPages()
        self._loading_older = False
        self.filter = PlainInput("filter by words, agent:NAME, flag:cut, since:7d", id="log-filter")
        self.list: RecallsList = RecallsList(clock, self._want_older)
        self._summary = LogSummary()
        self._about = (RecallAbout(0), RecallAbout(1))

    def compose(self) -> ComposeResult:
        yield self.header
        with Horizontal(id="query-line"):
            yield self.filter
        yield self._summary
        yield TableHead(head_line)
        yield self.list
        yield from self._about
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.list.message = "Waiting for the engine…"
        self.list.focus()
        self._load()
        self._follow()

    def on_unmount(self) -> None:
        for group in (_NEWEST, _OLDER, _FOLLOW):
            self.app.post_message(ReplyUnwanted(group))

    # Loading

    def engine_changed(self, before: EngineView) -> None:
        view = self.engine
        if not view.connected:
            return
        if not before.connected:
            self._follow()
        if not before.connected or view.generation != before.generation:
            self._load()

    def _follow(self) -> None:
        self.app.post_message(StreamWanted(_FOLLOW, FollowRecallsRequest(), self._take_new))

    def _take_new(self, new: NewRecalls) -> None:
        if new.recalls:
            self._load(_PAUSE)

    def _load(self, delay: float = 0.0) -> None:
        """Load the newest page, again perhaps."""
        try:
            request = log_filter.recalls_request(self.filter.value, self.clock(), limit=_PAGE)
        except log_filter.InvalidFilter as error:
            self._summary.problem = str(error)
            self._summary.refresh()
            return
        self._summary.problem = ""
        self.app.post_message(
            ReplyWanted(_NEWEST, request, self._take_newest, self._refused, delay=delay)
        )

    def _take_newest(self, page: RecallPage) -> None:
        if self.is_attached:
            self.pages.add_newest(page)
            self._show()
            if page.unchecked:
                self._load(_PAUSE)

    def _want_older(self) -> None:
        """Load the next page if its rows are near."""
        if self.pages.next and not self._loading_older and self.list.is_near_end:
            self._load_older(self.pages.next)

    def _load_older(self, before: str) -> None:
        self._loading_older = True
        request = log_filter.recalls_request(
            self.filter.value, self.clock(), limit=_PAGE, before=before
        )
        take = partial(self._take_older, before)
        self.app.post_message(ReplyWanted(_OLDER, request, take, self._refused, self._older_lost))

    def _take_older(self, before: str, page: RecallPage) -> None:
        self._loading_older = False
        if self.is_attached:
            self.pages.add_older(page)
            if page.unchecked:
                self._load_older(before)
            self._show()

    def _older_lost(self) -> None:
        self._loading_older = False

    def _refused(self, error: EngineRefused) -> None:
        self._loading_older = False
        self._summary.problem = error.problem.message
        self._summary.refresh()

    # Showing

    def _show(self) -> None:
        page = self.pages.newest
        self._summary.page = page
        self._summary.refresh()
        filtering = bool(self.filter.value.strip())
        self.list.message = with_keys(_FILTERED, self.keymap.key) if filtering else _NONE
        self.list.show_items(self.pages.recalls)
        self._show_recall()
        self.call_after_refresh(self._want_older)

    def _show_recall(self) -> None:
        for line in self._about:
            line.recall = self.list.item
            line.refresh()
        self.show_keys()

    def met_needs(self) -> set[Need]:
        return {Need.RECALL} if self.list.item else set()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.list.put_cursor(message.row)
        self._show_recall()

    def on_line_list_chosen(self) -> None:
        self.action_ask_recall()

    # Filter

    def on_input_changed(self) -> None:
        self.app.post_message(ReplyUnwanted(_OLDER))
        self._loading_older = False
        self.pages.restart()
        self._load(_PAUSE)

    def _step(self, field: str, choices: list[str]) -> None:
        self.filter.value = log_filter.next_value(self.filter.value, field, choices)

    def action_next_agent(self) -> None:
        agents = self.pages.newest.agents if self.pages.newest else {}
        self._step(log_filter.AGENT, sorted(agents))

    def action_next_flag(self) -> None:
        self._step(log_filter.FLAG, list(RecallFlag))

    def action_next_period(self) -> None:
        self._step(log_filter.SINCE, list(log_filter.PERIODS))

    def action_replay(self) -> None:
        """Replay the recalls of the agent and the period that the filter names."""
        from membrowse.tui.screens.replay import ReplayScreen

        try:
            chosen = log_filter.recalls_request(self.filter.value, self.clock(), limit=_PAGE)
        except log_filter.InvalidFilter as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        if chosen.flag or chosen.text or chosen.until:
            self.notify("A replay keeps to agent: and since: of the filter.", markup=False)
        request = ReplayRequest(agent=chosen.agent, since=chosen.since)
        self.app.push_screen(
            ReplayScreen(self.clock, self.engine, self._replay, request, self._ask)
        )

    # Leaving

    def action_ask_recall(self) -> None:
        if self.list.item is not None:
            self._ask(self.list.item.id)

    def _ask(self, recall: str) -> None:
        self.dismiss(None)
        self._go(recall)
