"""A replay of the log: every question asked again, and how the answer differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from membrowse.client.engine import EngineRefused
from membrowse.presentation.lines import Line, Part
from membrowse.presentation.recalls import (
    replay_about,
    replay_head,
    replay_line,
    replay_progress,
    replay_summary,
    replay_title,
)
from membrowse.text import shown
from membrowse.tui.actions import Need, Where, bindings
from membrowse.tui.messages import ReplyUnwanted, ReplyWanted, StreamWanted
from membrowse.tui.model.engine_view import EngineView, reply_basis
from membrowse.tui.model.replay import Replay
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.widgets.bars import TableHead
from membrowse.tui.widgets.line_list import ItemList, LineList
from membrowse.tui.widgets.lines import OneLine
from membrowse.wire.recalls import ReplayedRecall, ReplayProgress, ReplayRequest
from membrowse.wire.tuning import Configurations, ConfigurationsRequest

_REPLAY, _SAVED = "replay", "replay configurations"
_SUMMARY_LINES = 5
_NOTHING = "No question of the log can be compared."


class ReplayLine(OneLine):
    """One line that a function makes."""

    def __init__(self, make: Callable[[int], Line]) -> None:
        super().__init__(classes="why-head")
        self._make = make

    def line(self, width: int) -> Line:
        return self._make(width)


class ReplayScreen(EngineScreen):
    """Replays `request`, unless `replay` has the answer; what is compared with can be changed.

    `go` takes the id of the recall chosen.
    """

    PLACES = (Where.REPLAY,)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.REPLAY)]

    def __init__(
        self,
        clock: Clock,
        engine: EngineView,
        replay: Replay,
        request: ReplayRequest,
        go: Callable[[str], None],
    ) -> None:
        super().__init__(clock, engine)
        self._replay, self._request, self._go = replay, request, go
        self._saved: Sequence[str] = ()
        """Names of the saved configurations."""
        self._problem = ""
        self.list: ItemList[ReplayedRecall] = ReplayedList()
        self._title = ReplayLine(lambda width: replay_title(self._request, width))
        self._summary = [
            ReplayLine(partial(self._summary_line, number)) for number in range(_SUMMARY_LINES)
        ]
        self._about = [ReplayLine(partial(self._about_line, number)) for number in range(2)]

    def compose(self) -> ComposeResult:
        yield self.header
        yield self._title
        yield from self._summary
        yield TableHead(replay_head)
        yield self.list
        yield from self._about
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.list.focus()
        self.app.post_message(ReplyWanted(_SAVED, ConfigurationsRequest(), self._take_saved))
        self._start()

    def on_unmount(self) -> None:
        for group in (_REPLAY, _SAVED):
            self.app.post_message(ReplyUnwanted(group))

    # Replaying

    def engine_changed(self, before: EngineView) -> None:
        view = self.engine
        if view.connected and (not before.connected or reply_basis(view) != self._replay.basis):
            self._start()

    def _start(self) -> None:
        """Replay, unless that was done."""
        basis = reply_basis(self.engine)
        self._problem = ""
        if not self._replay.answers(self._request, basis):
            self._replay.begin(self._request, basis)
            self.app.post_message(StreamWanted(_REPLAY, self._request, self._take, self._refused))
        self._show()

    def _take(self, progress: ReplayProgress) -> None:
        if self.is_attached:
            self._replay.receive(progress)
            self._show()

    def _refused(self, error: EngineRefused) -> None:
        if self.is_attached:
            self._problem = error.problem.message
            self._show()

    def _take_saved(self, known: Configurations) -> None:
        self._saved = [each.name for each in known.saved]
        self.show_keys()

    # Showing

    def _show(self) -> None:
        replay = self._replay
        self.list.message = _NOTHING if replay.summary else ""
        self.list.show_items(replay.recalls)
        for line in self._summary[1:]:
            line.display = replay.summary is not None and bool(replay.recalls)
        for line in (self._title, *self._summary):
            line.refresh()
        self._show_recall()

    def _summary_line(self, number: int, width: int) -> Line:
        replay = self._replay
        if self._problem:
            return [Part(" ! ", "warn"), Part(shown(self._problem))]
        if replay.summary is None:
            return replay_progress(len(replay.recalls), replay.total, width)
        return replay_summary(replay.summary)[number]

    def _show_recall(self) -> None:
        for line in self._about:
            line.refresh()
        self.show_keys()

    def _about_line(self, number: int, width: int) -> Line:
        return replay_about(self.list.item, width)[number] if self.list.item else []

    def met_needs(self) -> set[Need]:
        met = {Need.RECALL} if self.list.item else set()
        return met | ({Need.CONFIGURATIONS} if self._saved or self._request.against else set())

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.list.put_cursor(message.row)
        self._show_recall()

    def on_line_list_chosen(self) -> None:
        self.action_ask_recall()

    # Actions

    def action_ask_recall(self) -> None:
        if self.list.item is not None:
            recall = self.list.item
            self.dismiss(None)
            self._go(recall.id)

    def action_next_against(self) -> None:
        """Compare with what the agents got, then with each saved configuration."""
        choices = ["", *self._saved]
        now = self._request.against
        at = choices.index(now) + 1 if now in choices else 0
        against = choices[at % len(choices)]
        self._request = ReplayRequest(
            agent=self._request.agent, since=self._request.since, against=against
        )
        self._start()

    def action_close(self) -> None:
        self.dismiss(None)


class ReplayedList(ItemList[ReplayedRecall]):
    """One line per question."""

    def __init__(self) -> None:
        super().__init__(lambda recall: recall.id, id="replay-list")

    def row_line(self, row: int, line: int, width: int) -> Line:
        return replay_line(self.items[row], width)
