"""`membrowse status`: index, pending changes and engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from membrowse.cli import folders, output, terminal
from membrowse.cli.connection import asynchronous, engine_of
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson, FolderOption
from membrowse.client.titles import title
from membrowse.presentation.figures import counted, size
from membrowse.presentation.lines import plain
from membrowse.presentation.progress import progress_line, reading_text
from membrowse.text import shown
from membrowse.wire.engine import Pending, Status, StatusRequest, Watcher
from membrowse.wire.notes import NOT_INDEXED

EMBEDDED_CHUNKS = 250_000
"""Beyond, the embedded store takes more time and memory than a debugger should."""


@asynchronous
async def status(folder: FolderOption = None, as_json: AsJson = False) -> Exit:
    """Show index, pending changes and engine status."""
    async with engine_of(folders.chosen(folder)) as engine:
        answer = await engine.ask(StatusRequest())
    if as_json:
        output.write_json(answer)
    else:
        output.write(
            "".join(f"{name:<12} {shown(value)}\n" for name, value in _status_rows(answer))
        )
    return Exit.DONE


def _status_rows(status: Status) -> Iterator[tuple[str, str]]:
    state, engine = status.state, status.engine
    kind, _, name = title(Path(state.folder)).partition(" ")
    if state.store:
        yield "store", state.store
    elif state.roots and name:
        yield kind, name
    else:
        yield "folder", state.folder
    for root in state.roots:
        notes = counted(status.notes_by_root.get(root.name, 0), "note")
        found = f"{root.name}: {root.path}, {notes}"
        yield "root", f"{found}; out of reach: {root.problem}" if root.problem else found
    yield "index", f"{status.index_dir} ({size(sum(status.sizes.values()))})"
    yield "", ", ".join(f"{name} {size(count)}" for name, count in status.sizes.items())
    if state.records:
        yield "records", "; ".join(state.records)
    if status.store:
        yield "kept in", status.store
    yield "engine", f"process {engine.pid} of {engine.user} since {engine.since}"
    yield "", f"version {engine.version}, memory {size(engine.memory_bytes)}, log {engine.log}"
    notes, chunks = counted(state.notes, "note"), counted(state.chunks, "chunk")
    yield "generation", f"{state.generation}: {notes}, {chunks}"
    if state.chunks > EMBEDDED_CHUNKS:
        yield "size", f"more than {EMBEDDED_CHUNKS:,} chunks: see `membrowse docs scale`"
    reading = reading_text(state)
    yield "files", _files_text(status.notes_by_state) or ("not known yet" if reading else "none")
    yield "pending", reading or _pending(state.pending)
    if state.progress is not None:
        yield "progress", plain(progress_line(state.progress, terminal.width()))
    encoder = state.encoder
    precision = f", {encoder.precision}" if encoder.precision else ""
    message = f"; {encoder.message}" if encoder.message else ""
    yield "encoder", f"{encoder.name}{precision}: {encoder.state}{message}"
    yield "vectors", f"{state.encoded:,} of {chunks}"
    tokens = status.token_vectors
    budget = f"{size(tokens.bytes)} of {size(tokens.budget_bytes)}"
    yield "tokens", f"token vectors of {counted(tokens.chunks, 'chunk')}, {budget}"
    yield "recipe", ", ".join(f"{name} {value}" for name, value in status.recipe.items())
    yield "settings", status.settings_digest
    yield "watcher", _watcher_text(state.watcher)
    if state.stale:
        yield "stale", state.stale
    if state.problem:
        yield "problem", state.problem


def _files_text(by_state: Mapping[str, int]) -> str:
    """`131 indexed, 2 new, 5 not indexed (4 ignored, 1 failed)`."""
    left_out = {name: count for name, count in by_state.items() if name in NOT_INDEXED}
    counts = [f"{count} {name}" for name, count in by_state.items() if name not in left_out]
    if left_out:
        states = ", ".join(f"{count} {name}" for name, count in left_out.items())
        counts.append(f"{sum(left_out.values())} not indexed ({states})")
    return ", ".join(counts)


def _pending(pending: Pending) -> str:
    new_and_changed = f"{pending.new} new, {pending.changed} changed"
    return f"{new_and_changed}, {pending.deleted} deleted, {pending.failed} failed"


def _watcher_text(watcher: Watcher) -> str:
    health = "paused" if watcher.paused else "watching" if watcher.alive else "not running"
    parts = [
        f"{watcher.kind}, {health}",
        f"last event {watcher.last_event or 'none'}",
        f"last check {watcher.last_check or 'none'}",
        f"died, restarted {watcher.restarted_at}" if watcher.restarted_at else "",
        watcher.message,
    ]
    return "; ".join(filter(None, parts))
