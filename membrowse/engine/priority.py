"""Long work beside queries: it gives way to them, and ends when nobody waits for it any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LONGEST_WAIT_SECONDS = 1.0

Pause = Callable[[], None]
"""Called by long work every few milliseconds, between two steps: waits while a query is being
answered, and raises `Cancelled` when the work is not wanted any more."""


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class QueryTraffic:
    """How many queries are being answered. Safe to use from any thread."""

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
        """Wait until no query is being answered; not for ever, so that all work gets on."""
        with self._changed:
            self._changed.wait_for(lambda: not self._queries, _LONGEST_WAIT_SECONDS)


class BackgroundWork:
    """One piece of long work; `pause` is what it calls."""

    def __init__(self, traffic: QueryTraffic) -> None:
        self._traffic = traffic
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Let the next `pause` raise `Cancelled`."""
        self._cancelled.set()

    def pause(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("nobody waits for this any more")
        self._traffic.give_way()
