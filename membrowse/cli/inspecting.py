"""One question to the engine about a recall, and what every such command does before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from membrowse.cli.connection import engine_of, until_loaded
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.client.engine import Engine, EngineRefused
from membrowse.wire.explanation import ExplainRequest, Explanation
from membrowse.wire.request import Request
from membrowse.wire.search import Target

T = TypeVar("T")

SCHEMA = 1
"""Version of what these commands print as JSON."""
_NOT_FOUND = 404


async def inspected(folder: Path, request: Request[T]) -> T:
    """The answer of the engine that serves `folder`, with its encoder loaded."""
    async with engine_of(folder) as engine:
        await until_loaded(engine)
        return await engine.ask(request)


async def explained(engine: Engine, text: str, syntax: str, target: Target) -> Explanation:
    """The explanation of the chunk of `target`; raises `Stop` where no chunk is indexed for it."""
    try:
        return await engine.ask(ExplainRequest(text=text, syntax=syntax, target=target))
    except EngineRefused as refusal:
        if refusal.status != _NOT_FOUND:
            raise
        raise Stop(Exit.NONE, f"{refusal} (`membrowse why` tells more)") from refusal
