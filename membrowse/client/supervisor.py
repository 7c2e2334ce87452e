"""Keep a client connected: find or start the engine, and restart it if it dies."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from membrowse import paths
from membrowse.client import discovery
from membrowse.client.engine import Engine, EngineRefused, EngineUnavailable
from membrowse.client.profiled_engine import ProfiledEngine
from membrowse.client.registered_services import own_registered, registered
from membrowse.shell_commands import command
from membrowse.wire.agents import AgentProfile
from membrowse.wire.engine import EngineState, Hello, HelloRequest, StatesRequest

DEATHS_ALLOWED = 3
DEATHS_WINDOW_SECONDS = 60.0
_LOG_LINES = 15
_RETRY_SECONDS = 0.2
_SERVICE_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Starting:
    """An engine is being looked for or started."""

    message: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The engine answers."""

    engine: Engine
    hello: Hello


@dataclass(frozen=True, slots=True)
class Changed:
    """The engine's state changed, or is known for the first time."""

    state: EngineState


@dataclass(frozen=True, slots=True)
class Lost:
    """The engine is gone; another attempt follows."""

    message: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """There is no further attempt; the message says why and what to do."""

    message: str
    log_tail: str = ""


Session = Starting | Connected | Changed | Lost | GaveUp


class Supervisor:
    """Supervises the connection of one client to the engine of `folder`.

    With a profile, the engine ranks by it.
    """

    def __init__(self, folder: Path, profile: AgentProfile | None = None) -> None:
        self._folder = folder
        self._profile = profile
        self._deaths: deque[float] = deque(maxlen=DEATHS_ALLOWED)

    async def sessions(self) -> AsyncGenerator[Session, None]:
        """What happens to the connection, until `GaveUp` or until the caller closes the generator.

        The open stream of states reveals the engine's death: its socket closes with the process.
        """
        while True:
            yield Starting(f"looking for the engine of {self._folder}")
            try:
                engine: Engine = await discovery.connect(self._folder, wait=False)
                if self._profile is not None:
                    engine = ProfiledEngine(engine, self._profile)
                try:
                    yield Connected(engine, await engine.ask(HelloRequest()))
                    async for state in engine.stream(StatesRequest()):
                        yield Changed(state)
                        if state.stopping:
                            break
                finally:
                    await engine.close()
                message = "the engine ended"
            except (EngineUnavailable, EngineRefused) as error:
                message = str(error)
            if await self._is_managed():
                yield Lost(message)  # its service manager restarts it, however often it ends
                await asyncio.sleep(_SERVICE_RETRY_SECONDS)
                continue
            if self._too_often():
                yield self._give_up(message)
                return
            yield Lost(message)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _is_managed(self) -> bool:
        """Whether a service manager runs the engine; it may have stopped a user's own."""
        if registered(self._folder) is not None:
            return True
        own = own_registered(self._folder)
        return own is not None and await asyncio.to_thread(lambda: own.restarts)

    def _too_often(self) -> bool:
        """Count a death; whether it is the last one allowed within the window."""
        now = time.monotonic()
        self._deaths.append(now)
        full = len(self._deaths) == DEATHS_ALLOWED
        return full and now - self._deaths[0] <= DEATHS_WINDOW_SECONDS

    def _give_up(self, message: str) -> GaveUp:
        log = paths.log_file(self._folder)
        return GaveUp(
            f"the engine ended {DEATHS_ALLOWED} times within a minute: {message}. "
            f"run {command('doctor', self._folder)} to find the cause; the log is {log}",
            discovery.last_words(log, _LOG_LINES),
        )
