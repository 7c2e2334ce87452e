"""Watch a real folder and record what the watch reports."""

from __future__ import annotations

import threading
from pathlib import Path

from membrowse.notes.watcher import FolderWatch
from tests.waiting import DEADLINE_SECONDS


class Reports:
    """The paths that a watch reported."""

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
            arrived = self._more.wait_for(lambda: set(paths) <= self.paths, DEADLINE_SECONDS)
        assert arrived, f"{paths} not in {self.paths}"

    def clear(self) -> None:
        with self._more:
            self.calls.clear()


Watched = tuple[Path, FolderWatch, Reports]


class PollingWatch(FolderWatch):
    """A watch on a system without native observers."""

    def _observe_natively(self) -> bool:
        return False


def watched(folder: Path, *, polling: bool = False) -> Watched:
    """Start a watch on `folder` that records what it reports."""
    reports = Reports()
    kind = PollingWatch if polling else FolderWatch
    watch = kind(folder, reports, settle=0.05, limit=0.5)
    watch.start()
    return folder, watch, reports
