"""One connection to an engine that follows the engine's state.

The open stream of states keeps the engine from ending as idle, and reveals its death.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from membrowse.client.engine import Engine, EngineUnavailable
from membrowse.errors import MembrowseError
from membrowse.wire.engine import EngineState, StatesRequest


class Session:
    """An engine, and its latest state."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._state: EngineState | None = None
        self._news = asyncio.Event()
        self._following = asyncio.create_task(self._follow())

    @property
    def is_lost(self) -> bool:
        """Whether the engine is gone."""
        return self._following.done()

    async def state(self, condition: Callable[[EngineState], bool] = lambda _: True) -> EngineState:
        """The first state, from the latest on, for which `condition` holds.

        Raises `EngineUnavailable` if the engine ends before.
        """
        while True:
            if self._state is not None and condition(self._state):
                return self._state
            if self.is_lost:
                raise EngineUnavailable("the engine ended")
            self._news.clear()
            await self._news.wait()

    async def close(self) -> None:
        """End the connection."""
        self._following.cancel()
        await asyncio.wait([self._following])
        await self.engine.close()

    async def _follow(self) -> None:
        states = self.engine.stream(StatesRequest())
        try:
            async with contextlib.aclosing(states):
                async for state in states:
                    self._state = state
                    self._news.set()
                    if state.stopping:
                        return
        except MembrowseError:
            return
        finally:
            self._following.add_done_callback(lambda _: self._news.set())
