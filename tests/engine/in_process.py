"""An engine's real components in this process, without its socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from membrowse.engine.components import open_components
from membrowse.engine.priority import QueryTraffic
from membrowse.engine.state import open_state
from membrowse.settings import EngineSettings, Settings
from membrowse.wire.engine import EngineState
from tests.waiting import DEADLINE_SECONDS


class Told:
    """Every state that an engine in this process tells its clients."""

    def __init__(self, folder: Path, check_seconds: float) -> None:
        self.states: list[EngineState] = []
        self._more = threading.Condition()
        settings = Settings(engine=EngineSettings(settle_ms=50, check_seconds=check_seconds))
        self.components = open_components(folder, settings, QueryTraffic(), self._changed)

    def _changed(self) -> None:
        with self._more:
            self.states.append(open_state(self.components))
            self._more.notify_all()

    def until(self, condition: Callable[[EngineState], bool]) -> EngineState:
        """The first state for which `condition` holds, of those that were not asked for yet."""
        with self._more:
            while not (found := next(filter(condition, self.states), None)):
                assert self._more.wait(DEADLINE_SECONDS), "no such state was told"
            del self.states[: self.states.index(found)]
            return found


@contextmanager
def telling(folder: Path, check_seconds: float = 1.0) -> Iterator[Told]:
    """An engine that runs, and checks the folder every `check_seconds`."""
    told = Told(folder, check_seconds)
    told.components.start()
    try:
        yield told
    finally:
        told.components.close()
