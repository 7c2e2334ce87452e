"""What every screen does that shows the engine's state and acts on notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from membrowse.tui.action_table import BY_METHOD
from membrowse.tui.actions import Action, Need, Situation, Where, refusal
from membrowse.tui.messages import ReindexWanted
from membrowse.tui.model.engine_view import EngineView, Phase
from membrowse.wire.notes import FileRecord

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered

Clock = Callable[[], datetime]


class EngineScreen(Screen[None]):
    """Keeps the last view of the engine, and says of each action whether it can act now."""

    PLACES: ClassVar[tuple[Where, ...]] = ()
    """Whose actions are bound on this screen."""

    def __init__(self, clock: Clock, remembered: Remembered) -> None:
        super().__init__()
        self.clock = clock
        self.remembered = remembered
        self.engine = EngineView()
        self.ready = False
        """Whether the widgets are there to show things."""

    def show_engine(self, view: EngineView) -> None:
        """Take what is known of the engine now."""
        self.engine = view

    def show_files(self, records: Sequence[FileRecord]) -> None:
        """Take every file of the folder; most screens have no use for them."""

    def possessions(self) -> set[Need]:
        """What there is on this screen to act on."""
        return set()

    def situation(self) -> Situation:
        """What actions can count on now."""
        has = self.possessions()
        if self.engine.connected:
            has.add(Need.ENGINE)
        if self.engine.folder is not None:
            has.add(Need.FOLDER)
        if self.engine.phase is Phase.GAVE_UP:
            has.add(Need.RETRY)
        return Situation(frozenset(has), self.engine.rights)

    def refused(self, action: Action) -> str:
        """Why `action` cannot act now; empty when it can."""
        return refusal(action, self.situation())

    def refusal_of(self, method: str, places: tuple[Where, ...] = ()) -> str:
        """Why the action with that method cannot act now; empty when it can, or is not ours."""
        for place in places or self.PLACES:
            action = BY_METHOD.get((place, method))
            if action is not None:
                return self.refused(action)
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return None if self.refusal_of(action) else True

    def action_reindex_changed(self) -> None:
        self.post_message(ReindexWanted())
