"""A folder that is really watched, and what its watch told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from membrowse.notes.watcher import FolderWatch

DEADLINE = 10.0


class Told:
    """The paths a watch told of."""

    def __init__(self) -> None:
        self.calls: list[frozenset[str]] = []
        self._more = threading.Condition()

    def __call__(self, paths: frozenset[str]) -> None:
        with self._more:
            self.calls.append(paths)
            self._more.notify_all()

    @property
    def paths(self) -> set[str]:
        return set().union(*self.calls)

    def wait_for(self, *paths: str) -> None:
        with self._more:
            found = self._more.wait_for(lambda: set(paths) <= self.paths, DEADLINE)
        assert found, f"{paths} not in {self.paths}"

    def clear(self) -> None:
        with self._more:
            self.calls.clear()


def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds."""
    pause = threading.Event()
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        pause.wait(0.01)


Watched = tuple[Path, FolderWatch, Told]


def watched(folder: Path, *, polling: bool = False) -> Watched:
    told = Told()
    watch = FolderWatch(folder, told, settle=0.05, limit=0.5, polling=polling)
    watch.start()
    return folder, watch, told
