"""What an indexer's thread is told, in order, with its requests counted."""

from __future__ import annotations

import queue
import threading
import time

from membrowse.engine.indexing.events import Event, IndexRequested


class EventQueue:
    """Any thread may put events; one takes them."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._counting = threading.Lock()
        self.requested = 1
        """Requests so far; the first is the indexer's own first look."""

    def put(self, event: Event) -> None:
        self._events.put(event)

    def request(self, paths: frozenset[str], *, rebuild: bool) -> int:
        """Have notes indexed, or the whole index rebuilt; returns the number of the request."""
        with self._counting:
            self.requested += 1
            self.put(IndexRequested(paths, rebuild=rebuild))
            return self.requested

    def take(self, deadline: float) -> Event | None:
        """The next event, or None if there is none until `deadline` (monotonic seconds)."""
        try:
            return self._events.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None
