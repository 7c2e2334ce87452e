"""Sends the engine's state to any number of listeners, from any thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

from membrowse.wire.engine import EngineState

_QUIET_SECONDS = 0.05
"""Changes within this time are sent once."""
_HEARTBEAT_SECONDS = 10.0
"""A listener that hears nothing for much longer knows that the engine hangs."""
_STORING_SECONDS = 0.5
"""A store that is being filled announces nothing."""


class StateBroadcast:
    """Listeners get whole states, always the newest one."""

    def __init__(self, state: Callable[[], EngineState]) -> None:
        self._state = state
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[asyncio.Event] = set()

    def open(self) -> None:
        """Start sending, on the running event loop."""
        self._loop = asyncio.get_running_loop()

    def changed(self) -> None:
        """Report that the state changed; callable from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.set()

    async def states(self) -> AsyncGenerator[EngineState, None]:
        """The state now, after each change and at least every few seconds, until the engine
        stops."""
        changed = asyncio.Event()
        self._listeners.add(changed)
        try:
            while True:
                changed.clear()
                state = self._state()
                yield state
                if state.stopping:
                    return
                storing = state.progress is not None and state.progress.phase == "storing"
                seconds = _STORING_SECONDS if storing else _HEARTBEAT_SECONDS
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), seconds)
                await asyncio.sleep(_QUIET_SECONDS)
        finally:
            self._listeners.discard(changed)
