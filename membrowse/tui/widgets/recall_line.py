"""The recall that is shown: the line that says who asked and when, and following what comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.message import Message

from membrowse.presentation.lines import Line, Part, cells, shortened, spread
from membrowse.presentation.recalls import asked_line
from membrowse.tui.messages import ReplyUnwanted, ReplyWanted, StreamWanted
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.widgets.lines import OneLine
from membrowse.wire.recalls import (
    FollowRecallsRequest,
    NewRecalls,
    Recall,
    RecallRequest,
    RecallView,
)

_RECALL, _FOLLOW = "recall", "follow"


class RecallLine(OneLine):
    """Fetches a recall, and the newest one while it follows; hidden while there is nothing to say.

    Posts `Opened` when another recall, or another state of the one shown, is there.
    """

    class Opened(Message):
        """There is a recall to show."""

        def __init__(self, view: RecallView) -> None:
            super().__init__()
            self.view = view

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(id="recall")
        self.view: RecallView | None = None
        self.following = False
        self.display = False
        self._clock = clock
        self._engine = EngineView()
        self._in_force: tuple[str, ...] | None = None
        self._put_off: tuple[str, ...] = ()

    @property
    def recall(self) -> Recall | None:
        """The recall that is shown."""
        return self.view.recall if self.view else None

    def open(self, recall: str) -> None:
        """Fetch the recall with this id and show it."""
        self.app.post_message(ReplyWanted(_RECALL, RecallRequest(id=recall), self.show))

    def show(self, view: RecallView) -> None:
        """Show a recall; one without an id is in no log, and not fetched again."""
        self.view = view
        self._in_force = None
        self._update()
        self.post_message(self.Opened(view))

    def show_filters(self, in_force: tuple[str, ...], put_off: tuple[str, ...]) -> None:
        """Take the filters of our rankings, and the user's that do not hold meanwhile."""
        self._in_force, self._put_off = in_force, put_off
        self.refresh()

    def close(self) -> None:
        """Show no recall, and follow no more."""
        self.stop_following()
        self.app.post_message(ReplyUnwanted(_RECALL))
        self.view = None
        self._update()

    def show_engine(self, view: EngineView) -> None:
        """Take the engine's state; another generation has other places for the recall's hits."""
        before, self._engine = self._engine, view
        if not view.connected:
            return
        if self.following and not before.connected:
            self._follow()
        shown = self.view
        if shown is not None and shown.recall.id and view.generation > shown.generation:
            self.open(shown.recall.id)

    # Following

    def follow(self) -> None:
        """Show each new recall as it comes."""
        self.following = True
        self._update()
        self._follow()

    def stop_following(self) -> None:
        """Stay with the recall that is shown."""
        if self.following:
            self.following = False
            self.app.post_message(ReplyUnwanted(_FOLLOW))
            self._update()

    def _follow(self) -> None:
        self.app.post_message(StreamWanted(_FOLLOW, FollowRecallsRequest(), self._take_new))

    def _take_new(self, new: NewRecalls) -> None:
        if new.recalls and self.following:
            self.open(new.recalls[-1].id)

    # Showing

    def _update(self) -> None:
        self.display = self.following or self.view is not None
        self.refresh()

    def line(self, width: int) -> Line:
        lead = [Part(" ● following  " if self.following else " ◂ ", "good")]
        if self.view is None:
            return [*lead, Part("waiting for an agent to ask; any key stops", "dim")]
        facts = asked_line(
            self.view.recall, self.view.flags, self._clock(), self._in_force, self._put_off
        )
        does = " stop " if self.following else " leave "
        right = [Part("esc", "key", "screen.back"), Part(does, "dim", "screen.back")]
        return spread([*lead, *shortened(facts, width - cells([*lead, *right]) - 1)], right, width)
