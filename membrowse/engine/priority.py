"""Background work gives way to queries, and can be cancelled."""

from __future__ import annotations

import threading
import time
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
        self._last = float("-inf")
        """When (monotonic seconds) a query was last answered."""

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
                self._last = time.monotonic()
                self._changed.notify_all()

    def give_way(self, quiet: float = 0.0, longest: float = _LONGEST_WAIT_SECONDS) -> None:
        """Wait until no query has been answered for `quiet` seconds.

        Waits at most `longest` seconds, so that work progresses.
        """
        until = time.monotonic() + longest
        with self._changed:
            while (left := until - time.monotonic()) > 0:
                rest = left if self._queries else self._last + quiet - time.monotonic()
                if rest <= 0:
                    return
                self._changed.wait(min(rest, left))


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
