"""A command's conversation with the engine: connect, wait until it is ready, ask."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec

import typer

from membrowse import paths, settings
from membrowse.agents.collections import outdated
from membrowse.cli import output
from membrowse.cli.chosen_agent import chosen_profile
from membrowse.cli.error_handling import Stop, report_unexpected
from membrowse.cli.exit_codes import Exit
from membrowse.client import discovery, readiness
from membrowse.client.engine import Engine, EngineRefused
from membrowse.client.profiled_engine import ProfiledEngine
from membrowse.roots import collection_of
from membrowse.shell_commands import command
from membrowse.wire.engine import EngineState, HelloRequest, RebuildRequest, ReindexRequest
from membrowse.wire.explanation import ExplainRequest, Explanation
from membrowse.wire.search import NO_FILTERS, Filters, Target

Parameters = ParamSpec("Parameters")

NOT_FOUND = 404


def asynchronous(
    command: Callable[Parameters, Coroutine[Any, Any, Exit]],
) -> Callable[Parameters, None]:
    """`command` as Typer wants it: run in an event loop, ending with the status it returns."""

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        async def ended() -> Exit:
            asyncio.get_running_loop().set_exception_handler(_failed_in_background)
            return await command(*args, **kwargs)

        raise typer.Exit(asyncio.run(ended()))

    return run


def _failed_in_background(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what no one awaits in one line, as `guarded` does.

    anyio answers a waiter twice if its socket has data at the moment when it is cancelled, and the
    second answer is an `InvalidStateError`: nothing is lost.
    """
    error = context.get("exception") or RuntimeError(context["message"])
    if not isinstance(error, asyncio.InvalidStateError):
        report_unexpected(error)


@asynccontextmanager
async def engine_of(folder: Path) -> AsyncIterator[Engine]:
    """The engine that serves `folder`; it is started if none runs, with a word on stderr.

    With `--agent`, it ranks by the agent's profile. Raises `SettingsError` before an engine starts
    with settings that cannot be used.
    """
    configured = settings.load(paths.config_file())
    engine: Engine = await discovery.connect(folder, say=output.say)
    if collection_of(folder):
        served = (await engine.ask(HelloRequest())).roots
        if served and (difference := outdated(folder, served, configured)):
            output.say(difference)
    if profile := chosen_profile():
        engine = ProfiledEngine(engine, profile)
    try:
        yield engine
    finally:
        await engine.close()


async def explain_target(
    folder: Path,
    engine: Engine,
    text: str,
    syntax: str,
    target: Target,
    filters: Filters = NO_FILTERS,
) -> Explanation:
    """The explanation of the target's chunk; raises `Stop` if none is indexed."""
    request = ExplainRequest(text=text, syntax=syntax, target=target, filters=filters)
    try:
        return await engine.ask(request)
    except EngineRefused as refusal:
        if refusal.status != NOT_FOUND:
            raise
        why = command("why", folder)
        raise Stop(Exit.NONE, f"{refusal} (run {why} for details)") from refusal


async def index_current(
    engine: Engine,
    request: ReindexRequest | RebuildRequest | None = None,
    seen: Callable[[EngineState], None] = lambda _: None,
) -> EngineState:
    """`readiness.index_current`; raises `Stop` if waiting cannot make the index current."""
    try:
        return await readiness.index_current(engine, request, seen)
    except readiness.NeverCurrent as error:
        raise Stop(Exit.UNAVAILABLE, str(error)) from error


async def encoder_loaded(engine: Engine) -> EngineState | None:
    """Wait until the encoder is loaded, so that a first search has every ranking, and say which
    roots are out of reach. Returns the state; None if it loads no more in time."""
    state = await readiness.encoder_loaded(engine)
    if state is None:
        output.say("the encoder is still loading; searching without it")
        return None
    for root in state.roots:
        if root.problem:
            output.say(f"the root {root.name} is out of reach: {root.problem}")
    return state
