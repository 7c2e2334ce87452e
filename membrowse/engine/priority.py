"""Background work gives way to queries, and can be cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LONGEST_WAIT_SECONDS = 1.0

Pause = Callable[[], None]
"""Called by background work every few milliseconds: waits while a query is being answered, and
raises `Cancelled` if the work has been cancelled."""


class Cancelled(Exception):
    """The work was cancelled."""


class QueryTraffic:
    """Counts the queries that are being answered. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queries = 0

    @contextmanager
    def query(self) -> Iterator[None]:
        """While a query is being answered."""
        with self._changed:
            self._queries += 1
        try:
            yield
        finally:
            with self._changed:
                self._queries -= 1
                self._changed.notify_all()

    def give_way(self) -> None:
        """Wait until no query is being answered, at most a second, so that work progresses."""
        with self._changed:
            self._changed.wait_for(lambda: not self._queries, _LONGEST_WAIT_SECONDS)


class BackgroundWork:
    """One piece of background work, which calls `pause` between steps."""

    def __init__(self, traffic: QueryTraffic) -> None:
        self._traffic = traffic
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Make the next `pause` raise `Cancelled`."""
        self._cancelled.set()

    def pause(self) -> None:
        """See `Pause`."""
        if self._cancelled.is_set():
            raise Cancelled("cancelled: client disconnected")
        self._traffic.give_way()
