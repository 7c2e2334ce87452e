"""Sends new recalls to any number of followers, from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence

from membrowse.wire.recalls import Recall

_SIGN_OF_LIFE_SECONDS = 10.0
"""A follower that hears nothing for much longer knows that the engine hangs."""
_BATCHES_WAITING = 100
"""Limit of what waits for a slow follower; the oldest batches are dropped."""

_Batch = Sequence[Recall]


class RecallFeed:
    """Followers get batches of recalls as they are written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followers: dict[asyncio.Queue[_Batch | None], asyncio.AbstractEventLoop] = {}

    def publish(self, recalls: _Batch) -> None:
        """Send `recalls` to all followers."""
        if recalls:
            self._send(recalls)

    def end(self) -> None:
        """End all followers' streams."""
        self._send(None)

    async def follow(self) -> AsyncGenerator[_Batch, None]:
        """New recalls as they come; an empty batch at first and as a sign of life."""
        waiting: asyncio.Queue[_Batch | None] = asyncio.Queue()
        with self._lock:
            self._followers[waiting] = asyncio.get_running_loop()
        try:
            batch: _Batch | None = ()
            while batch is not None:
                yield batch
                try:
                    batch = await asyncio.wait_for(waiting.get(), _SIGN_OF_LIFE_SECONDS)
                except TimeoutError:
                    batch = ()
        finally:
            with self._lock:
                del self._followers[waiting]

    def _send(self, batch: _Batch | None) -> None:
        with self._lock:
            for waiting, loop in self._followers.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_put, waiting, batch)


def _put(waiting: asyncio.Queue[_Batch | None], batch: _Batch | None) -> None:
    if waiting.qsize() >= _BATCHES_WAITING:
        waiting.get_nowait()
    waiting.put_nowait(batch)
