"""A command's conversation with the engine: connect, wait until it is ready, ask."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec

import typer

from membrowse import paths, settings
from membrowse.cli import output
from membrowse.cli.chosen_agent import chosen_profile
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.client import discovery
from membrowse.client.engine import Engine, EngineRefused, EngineUnavailable
from membrowse.client.profiled_engine import ProfiledEngine
from membrowse.wire.engine import EngineState, RebuildRequest, ReindexRequest, StatesRequest
from membrowse.wire.explanation import ExplainRequest, Explanation
from membrowse.wire.search import RankingState, SearchRequest, SearchResponse, Target

Parameters = ParamSpec("Parameters")

LOADING_SECONDS = 30.0
"""A search does without the encoder if it takes longer than this to load."""
FORBIDDEN, NOT_FOUND = 403, 404


def asynchronous(
    command: Callable[Parameters, Coroutine[Any, Any, Exit]],
) -> Callable[Parameters, None]:
    """`command` as Typer wants it: run in an event loop, ending with the status it returns."""

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        raise typer.Exit(asyncio.run(command(*args, **kwargs)))

    return run


@asynccontextmanager
async def engine_of(folder: Path) -> AsyncIterator[Engine]:
    """The engine that serves `folder`; it is started if none runs, with a word on stderr.

    With `--agent`, it ranks by the agent's profile. Raises `SettingsError` before an engine starts
    with settings that cannot be used.
    """
    settings.load(paths.config_file())
    engine: Engine = await discovery.connect(folder, say=output.say)
    if profile := chosen_profile():
        engine = ProfiledEngine(engine, profile)
    try:
        yield engine
    finally:
        await engine.close()


async def search_response(engine: Engine, request: SearchRequest) -> SearchResponse:
    """The last, complete response to `request`."""
    last: SearchResponse | None = None
    async for response in engine.stream(request):
        last = response
    if last is None:
        raise EngineUnavailable("the engine ended before it answered")
    return last


async def explain_target(engine: Engine, text: str, syntax: str, target: Target) -> Explanation:
    """The explanation of the target's chunk; raises `Stop` if none is indexed."""
    try:
        return await engine.ask(ExplainRequest(text=text, syntax=syntax, target=target))
    except EngineRefused as refusal:
        if refusal.status != NOT_FOUND:
            raise
        raise Stop(Exit.NONE, f"{refusal} (run `membrowse why` for details)") from refusal


async def index_current(
    engine: Engine,
    request: ReindexRequest | RebuildRequest | None = None,
    seen: Callable[[EngineState], None] = lambda _: None,
) -> EngineState:
    """Ask for a comparison of folder and index (or for `request`), and wait until they agree.

    Without the right to ask, it waits for the engine's own work, unless there is a `request`.
    `seen` gets every state on the way. Raises `Stop` if waiting cannot make the index current.
    """
    try:
        requested = (await engine.ask(request or ReindexRequest())).requested
    except EngineRefused as refusal:
        if request is not None or refusal.status != FORBIDDEN:
            raise
        requested = 0
    async with _states(engine) as states:
        async for state in states:
            seen(state)
            if state.started >= requested and _settled(state):
                return state
    raise EngineUnavailable("the engine ended before the index was current")


async def encoder_loaded(engine: Engine) -> None:
    """Wait until the encoder is loaded, so that a first search has every ranking."""
    try:
        async with asyncio.timeout(LOADING_SECONDS), _states(engine) as states:
            async for state in states:
                if state.problem or state.encoder.state is not RankingState.LOADING:
                    return
    except TimeoutError:
        output.say("the encoder is still loading; searching without it")


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
    """Whether there is nothing left to wait for; raises `Stop` if the index will stay behind."""
    if is_current(state):
        return True
    if state.problem:
        raise Stop(Exit.UNAVAILABLE, state.problem)
    if state.watcher.paused and state.progress is None:
        raise Stop(Exit.UNAVAILABLE, "indexing is paused: resume it in the browser with p")
    return False


def is_current(state: EngineState) -> bool:
    """Whether the folder was compared with the index and no work is left.

    There is nothing to wait for in notes that failed or an encoder that cannot be loaded.
    """
    pending = state.pending
    differ = pending.new + pending.changed + pending.deleted
    hopeless = state.encoder.state in (RankingState.FAILED, RankingState.OFF)
    unencoded = state.encoded < state.chunks and not hopeless
    busy = state.progress is not None or bool(state.stale)
    return bool(state.watcher.last_check) and not (busy or differ or unencoded)
