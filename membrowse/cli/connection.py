"""A command's conversation with the engine: connect, and wait until the index is what is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from membrowse import paths, settings
from membrowse.cli import output
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.client import discovery
from membrowse.client.engine import Engine, EngineRefused, EngineUnavailable
from membrowse.wire.engine import EngineState, RebuildRequest, ReindexRequest, StatesRequest
from membrowse.wire.search import RankingState, SearchRequest, SearchResponse

LOADING_SECONDS = 30.0
"""A search asks without the encoder when it takes longer than this to load."""
_FORBIDDEN = 403


@asynccontextmanager
async def engine_of(folder: Path) -> AsyncIterator[Engine]:
    """The engine that serves `folder`, started if none runs; says so on stderr.

    Raises `SettingsError` before an engine is started with settings that cannot be used.
    """
    settings.load(paths.config_file())
    engine = await discovery.connect(folder, say=output.say)
    try:
        yield engine
    finally:
        await engine.close()


async def recalled(engine: Engine, request: SearchRequest) -> SearchResponse:
    """The last, complete recall that the engine sends."""
    last: SearchResponse | None = None
    async for recall in engine.stream(request):
        last = recall
    if last is None:
        raise EngineUnavailable("the engine ended before it answered")
    return last


async def brought_up_to_date(
    engine: Engine,
    request: ReindexRequest | RebuildRequest | None = None,
    seen: Callable[[EngineState], None] = lambda _: None,
) -> EngineState:
    """Have the folder compared with the index now, and wait until they agree.

    Without the right to ask for that, it waits for what the engine does by itself, unless there is
    a `request`. `seen` is given every state on the way. Raises `Stop` where the index cannot become
    current by waiting.
    """
    try:
        asked = (await engine.ask(request or ReindexRequest())).requested
    except EngineRefused as refusal:
        if request is not None or refusal.status != _FORBIDDEN:
            raise
        asked = 0
    async with _listening(engine) as states:
        async for state in states:
            seen(state)
            if state.started >= asked and _settled(state):
                return state
    raise EngineUnavailable("the engine ended before the index was current")


async def until_loaded(engine: Engine) -> None:
    """Wait while the encoder is being loaded, so that a first search has every ranking."""
    try:
        async with asyncio.timeout(LOADING_SECONDS), _listening(engine) as states:
            async for state in states:
                if state.problem or state.encoder.state is not RankingState.LOADING:
                    return
    except TimeoutError:
        output.say("the encoder is still loading; searching without it")


@asynccontextmanager
async def _listening(engine: Engine) -> AsyncIterator[AsyncIterator[EngineState]]:
    """The engine's states; the connection that carries them ends with the block."""
    states = engine.stream(StatesRequest())
    try:
        yield states
    finally:
        if isinstance(states, AsyncGenerator):
            await states.aclose()


def _settled(state: EngineState) -> bool:
    """Whether nothing is left to wait for; raises `Stop` where the index stays behind."""
    if is_current(state):
        return True
    if state.problem:
        raise Stop(Exit.UNAVAILABLE, state.problem)
    if state.watcher.paused and state.progress is None:
        raise Stop(Exit.UNAVAILABLE, "indexing is paused: resume it in the browser with p")
    return False


def is_current(state: EngineState) -> bool:
    """Whether the folder was compared with the index, and nothing is left to do.

    Notes that failed and an encoder that cannot be loaded leave nothing to wait for.
    """
    pending = state.pending
    differ = pending.new + pending.changed + pending.deleted
    hopeless = state.encoder.state in (RankingState.FAILED, RankingState.OFF)
    unencoded = state.encoded < state.chunks and not hopeless
    busy = state.progress is not None or bool(state.stale)
    return bool(state.watcher.last_check) and not (busy or differ or unencoded)
