"""What is wrong with a running engine, from its state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from membrowse.counts import counted
from membrowse.shell_commands import command
from membrowse.wire.engine import EncoderState, EngineState
from membrowse.wire.health import EngineHealth
from membrowse.wire.search import RankingState

_NO_ENCODER = (RankingState.FAILED, RankingState.OFF)
_OVERDUE_SECONDS = 900.0
_FEW, _PART = 10, 0.1
"""An index lags behind its folder for a moment after every change; more than this is reported."""


def overdue(state: EngineState, check_seconds: float) -> str:
    """That the folder has not been compared with the index for long, though it should be; empty if
    it has."""
    last = state.watcher.last_check
    if not last or state.watcher.kind == "store":
        return ""
    seconds = time.time() - datetime.fromisoformat(last).timestamp()
    if seconds < max(_OVERDUE_SECONDS, 3 * check_seconds):
        return ""
    return (
        f"folder and index were last compared {seconds // 60:.0f} minutes ago: "
        "the folder's disk may not answer"
    )


def engine_health(state: EngineState, *, opened: bool) -> EngineHealth:
    """Ready once the index is `opened`, which answers also if something is wrong."""
    return EngineHealth(ready=opened, reasons=tuple(_condition_faults(state)))


def _condition_faults(state: EngineState) -> Iterator[str]:
    if state.problem:
        yield state.problem
    for root in state.roots:
        if root.problem:
            yield f"the root {root.name} is not indexed: {root.problem}"
    if state.stale:
        yield f"the index is out of date: {state.stale}"
    if state.self_check is not None and state.self_check.unrepaired:
        stores = ", ".join(sorted(state.self_check.unrepaired))
        rebuild = command("index --rebuild", Path(state.folder))
        yield f"the stores disagree ({stores}): {rebuild} makes them again"
    if not state.watcher.alive:
        yield f"changes are not noticed: {state.watcher.message}"
    if state.watcher.paused:
        yield "indexing is paused"
    yield from _incomplete(state)
    if state.pending.failed:
        failed = state.pending.failed
        yield f"{counted(failed, 'note')} cannot be indexed"
    yield from _without_vectors(state.encoder)


def _without_vectors(encoder: EncoderState) -> Iterator[str]:
    if not encoder.message:
        return
    if encoder.state in _NO_ENCODER:
        yield f"no vectors: {encoder.message}"
    elif encoder.state is RankingState.LOADING:
        yield f"no vectors for queries yet: {encoder.message}"


def _incomplete(state: EngineState) -> Iterator[str]:
    """What the index lacks, if that is more than the moment after a change explains."""
    pending = state.pending
    missing = pending.new + pending.changed + pending.deleted
    if missing > max(_FEW, _PART * state.notes):
        yield f"the index is incomplete: {missing} notes differ from it"
    unencoded = 0 if state.encoder.state in _NO_ENCODER else state.chunks - state.encoded
    if unencoded > max(_FEW, _PART * state.chunks):
        yield f"{unencoded} of {state.chunks} chunks have no vector yet"
