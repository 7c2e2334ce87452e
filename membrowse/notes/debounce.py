"""Hold back changed paths until they are quiet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Touches:
    first: float
    last: float


class Debouncer:
    """Collects touched paths and releases them once they are quiet. Not thread-safe.

    A path is due `settle` seconds after its last touch, or `limit` seconds after its first; `clock`
    returns seconds.
    """

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

    def seconds_until_due(self) -> float | None:
        """Seconds until a path is due (0 or less: now); None if no path waits."""
        if not self._touched:
            return None
        earliest = min(self._due(touches) for touches in self._touched.values())
        return max(earliest, self._not_before) - self._clock()

    def take_due(self) -> frozenset[str]:
        """Remove and return the paths that are due.

        Two non-empty results are at least `settle` seconds apart, so a flood of files arrives in
        few batches.
        """
        now = self._clock()
        if now < self._not_before:
            return frozenset()
        due = frozenset(
            path for path, touches in self._touched.items() if self._due(touches) <= now
        )
        for path in due:
            del self._touched[path]
        if due:
            self._not_before = now + self._settle
        return due

    def _due(self, touches: _Touches) -> float:
        return min(touches.last + self._settle, touches.first + self._limit)
