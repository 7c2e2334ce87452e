"""Wait until an engine's encoder is loaded, or until its index is current."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

from membrowse.client.engine import Engine, EngineRefused, EngineUnavailable
from membrowse.errors import MembrowseError
from membrowse.wire.engine import EngineState, RebuildRequest, ReindexRequest, StatesRequest
from membrowse.wire.search import RankingState

LOADING_SECONDS = 30.0
"""A search does without the encoder if it takes longer than this to load."""
_FORBIDDEN = 403


class NeverCurrent(MembrowseError):
    """Waiting cannot make the index current; the message says why."""


async def encoder_loaded(engine: Engine) -> EngineState | None:
    """The first state in which the encoder is loaded, or will not be, so that a search has every
    ranking that it can have; None if that takes too long."""
    try:
        async with asyncio.timeout(LOADING_SECONDS), _states(engine) as states:
            async for state in states:
                if has_encoder(state):
                    return state
    except TimeoutError:
        return None
    raise EngineUnavailable("the engine ended before the encoder was loaded")


def is_open(state: EngineState) -> bool:
    """Whether the index is open, or cannot be opened."""
    return state.progress is None or state.progress.phase != "opening"


def has_encoder(state: EngineState) -> bool:
    """Whether the encoder is loaded, or will not be."""
    return bool(state.problem) or state.encoder.state is not RankingState.LOADING


async def index_current(
    engine: Engine,
    request: ReindexRequest | RebuildRequest | None = None,
    seen: Callable[[EngineState], None] = lambda _: None,
) -> EngineState:
    """Ask for a comparison of folder and index (or for `request`), and wait until they agree.

    Without the right to ask, it waits for the engine's own work, unless there is a `request`.
    `seen` gets every state on the way. Raises `NeverCurrent`.
    """
    try:
        requested = (await engine.ask(request or ReindexRequest())).requested
    except EngineRefused as refusal:
        if request is not None or refusal.status != _FORBIDDEN:
            raise
        requested = 0
    async with _states(engine) as states:
        async for state in states:
            seen(state)
            if state.started >= requested and _settled(state):
                return state
    raise EngineUnavailable("the engine ended before the index was current")


@asynccontextmanager
async def _states(engine: Engine) -> AsyncIterator[AsyncIterator[EngineState]]:
    """The engine's states; their connection is closed with the block."""
    states = engine.stream(StatesRequest())
    try:
        yield states
    finally:
        if isinstance(states, AsyncGenerator):
            await states.aclose()


def _settled(state: EngineState) -> bool:
    """Whether there is nothing left to wait for. Raises `NeverCurrent`."""
    if is_current(state):
        return True
    if state.problem:
        raise NeverCurrent(state.problem)
    if state.watcher.paused and state.progress is None:
        raise NeverCurrent("indexing is paused: resume it in the browser with p")
    return False


def is_current(state: EngineState) -> bool:
    """Whether the folder was compared with the index and no work is left.

    There is nothing to wait for in notes that failed or an encoder that cannot be loaded. A store
    that could not be read again may have changed.
    """
    pending = state.pending
    differ = pending.new + pending.changed + pending.deleted
    hopeless = state.encoder.state in (RankingState.FAILED, RankingState.OFF)
    unencoded = state.encoded + state.vectorless < state.chunks and not hopeless
    busy = state.progress is not None or bool(state.stale)
    unread = bool(state.store and state.problem)
    return bool(state.watcher.last_check) and not (busy or differ or unencoded or unread)
