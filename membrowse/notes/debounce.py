"""Paths that were touched, held back until they are quiet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Touches:
    first: float
    last: float


class Debouncer:
    """Touched paths and when each may be handed on. Not thread-safe; `clock` gives seconds."""

    def __init__(
        self, settle: float, limit: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settle = settle
        self._limit = limit
        self._clock = clock
        self._touched: dict[str, _Touches] = {}
        self._not_before = 0.0

    def touch(self, path: str) -> None:
        now = self._clock()
        touches = self._touched.setdefault(path, _Touches(now, now))
        touches.last = now

    def wait(self) -> float | None:
        """Seconds until something may be handed on (0 or less: now); None if nothing waits."""
        if not self._touched:
            return None
        earliest = min(self._due(touches) for touches in self._touched.values())
        return max(earliest, self._not_before) - self._clock()

    def take(self) -> frozenset[str]:
        """The paths that were quiet for `settle` seconds or were first touched `limit` ago.

        There are `settle` seconds at least between two times that this gives any, so that a flood
        of files comes in a few parts.
        """
        now = self._clock()
        if now < self._not_before:
            return frozenset()
        due = frozenset(path for path, seen in self._touched.items() if self._due(seen) <= now)
        for path in due:
            del self._touched[path]
        if due:
            self._not_before = now + self._settle
        return due

    def _due(self, touches: _Touches) -> float:
        return min(touches.last + self._settle, touches.first + self._limit)
