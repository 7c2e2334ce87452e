"""The time by which entries of a database age.

A clock may be years ahead until it is set: on a board without a battery, after a restored snapshot.
If retention believed it, everything that is kept for some days would be deleted at once.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime

_DAY = 86_400
_ADVANCE_SECONDS = 3600.0


class RetentionClock:
    """Follows the clock, but advances by at most one day per hour of running, and per start.

    The last day that it reached is kept in the database (`user_version`). After a standstill of
    some months, entries are deleted as many hours later.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        running: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._running = running
        self._advanced = float("-inf")

    def before(self, connection: sqlite3.Connection, days: float) -> datetime:
        """The time before which an entry is older than `days`; 0 days means now, always."""
        now = self._clock()
        aged = now if days == 0 else min(now, self._reached(connection, int(now // _DAY)))
        return datetime.fromtimestamp(max(0.0, aged - days * _DAY), UTC)

    def _reached(self, connection: sqlite3.Connection, today: int) -> float:
        """The end of the last day that counts, in seconds since the epoch."""
        (last,) = connection.execute("PRAGMA user_version").fetchone()
        if today > last:
            if last and today > last + 1:
                today = self._next(last)
            if today > last:
                connection.execute(f"PRAGMA user_version = {today}")
        return float((today + 1) * _DAY)

    def _next(self, last: int) -> int:
        """The day after `last`, or `last` if it was reached less than an hour ago."""
        if self._running() - self._advanced < _ADVANCE_SECONDS:
            return last
        self._advanced = self._running()
        return last + 1
