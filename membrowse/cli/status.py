"""`membrowse status`: what the engine and its index are up to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from membrowse.cli import output
from membrowse.cli.connection import engine_of
from membrowse.cli.exit_codes import Exit
from membrowse.cli.indexing import measure
from membrowse.text import shown
from membrowse.wire.engine import EngineState, Status, StatusRequest, Watcher


async def status(folder: Path, *, as_json: bool) -> Exit:
    """Print the status of the engine that serves `folder`."""
    async with engine_of(folder) as engine:
        told = await engine.ask(StatusRequest())
    if as_json:
        output.write_json(told)
    else:
        output.write("".join(f"{name:<12} {shown(value)}\n" for name, value in _rows(told)))
    return Exit.DONE


def _rows(told: Status) -> Iterator[tuple[str, str]]:
    state, engine = told.state, told.engine
    yield "folder", state.folder
    yield "index", f"{told.index_dir} ({_size(sum(told.sizes.values()))})"
    yield "", ", ".join(f"{name} {_size(size)}" for name, size in told.sizes.items())
    yield "engine", f"process {engine.pid} of {engine.user} since {engine.since}"
    yield "", f"version {engine.version}, memory {_size(engine.memory_bytes)}, log {engine.log}"
    yield "generation", f"{state.generation}: {state.notes} notes, {state.chunks} chunks"
    yield "files", ", ".join(f"{n} {name}" for name, n in told.notes_by_state.items()) or "none"
    yield "pending", _pending(state)
    if state.progress is not None:
        yield "progress", " ".join((state.progress.phase, measure(state.progress)[2]))
    encoder = state.encoder
    precision = f", {encoder.precision}" if encoder.precision else ""
    yield "encoder", f"{encoder.name}{precision}: {encoder.state} {encoder.message}".rstrip()
    yield "vectors", f"{state.encoded} of {state.chunks} chunks"
    tokens = told.token_vectors
    budget = f"{_size(tokens.bytes)} of {_size(tokens.budget_bytes)}"
    yield "tokens", f"token vectors of {tokens.chunks} chunks, {budget}"
    yield "recipe", ", ".join(f"{name} {value}" for name, value in told.recipe.items())
    yield "settings", told.settings_digest
    yield "watcher", _watcher(state.watcher)
    if state.stale:
        yield "stale", state.stale
    if state.problem:
        yield "problem", state.problem


def _pending(state: EngineState) -> str:
    pending = state.pending
    return (
        f"{pending.new} new, {pending.changed} changed, "
        f"{pending.deleted} deleted, {pending.failed} failed"
    )


def _watcher(watcher: Watcher) -> str:
    health = "paused" if watcher.paused else "watching" if watcher.alive else "not running"
    parts = [f"{watcher.kind}, {health}", f"last event {watcher.last_event or 'none'}"]
    parts.append(f"last check {watcher.last_check or 'none'}")
    if watcher.restarted_at:
        parts.append(f"had died, started again {watcher.restarted_at}")
    return "; ".join([*parts, *filter(None, [watcher.message])])


def _size(count: int) -> str:
    """`count` bytes for a person."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
