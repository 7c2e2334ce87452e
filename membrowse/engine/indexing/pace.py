"""How fast the steps of some work are done, and when to show it."""

from __future__ import annotations

import time

_SHOW_SECONDS = 0.25
_SURE_SECONDS = 1.0


class Pace:
    """The pace of `total` equal steps, from now on."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._started = time.monotonic()
        self._shown = self._started

    def due(self) -> bool:
        """Whether a quarter of a second has passed since this was last so, or since the start."""
        now = time.monotonic()
        if now - self._shown < _SHOW_SECONDS:
            return False
        self._shown = now
        return True

    def seconds_left(self, done: int) -> float | None:
        """Estimated from the `done` steps; None in the first second, which says little."""
        elapsed = time.monotonic() - self._started
        return elapsed * (self.total - done) / done if elapsed >= _SURE_SECONDS else None
