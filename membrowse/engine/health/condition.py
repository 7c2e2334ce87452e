"""What is wrong with a running engine, from its state."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.wire.engine import EngineState
from membrowse.wire.health import EngineHealth
from membrowse.wire.search import RankingState

_FEW, _PART = 10, 0.1
"""An index lags behind its folder for a moment after every change; so much is more than that."""


def engine_health(state: EngineState, *, opened: bool) -> EngineHealth:
    """Ready once the index is `opened`, which answers also if something is wrong."""
    return EngineHealth(ready=opened, reasons=(*_obstacles(state), *_gaps(state)))


def _obstacles(state: EngineState) -> Iterator[str]:
    """What keeps the index from following its folder."""
    if state.problem:
        yield state.problem
    for root in state.roots:
        if root.problem:
            yield f"the root {root.name} is not indexed: {root.problem}"
    if state.stale:
        yield f"the index is out of date: {state.stale}"
    if state.self_check is not None and state.self_check.unrepaired:
        stores = ", ".join(sorted(state.self_check.unrepaired))
        yield f"the stores disagree ({stores}): `membrowse index --rebuild` makes them again"
    if not state.watcher.alive:
        yield f"the folder is not watched: {state.watcher.message}"
    if state.watcher.paused:
        yield "indexing is paused"


def _gaps(state: EngineState) -> Iterator[str]:
    """What the index lacks."""
    pending = state.pending
    missing = pending.new + pending.changed + pending.deleted
    if missing > max(_FEW, _PART * state.notes):
        yield f"the index is incomplete: {missing} notes differ from it"
    no_encoder = state.encoder.state in (RankingState.FAILED, RankingState.OFF)
    if not no_encoder and state.chunks - state.encoded > max(_FEW, _PART * state.chunks):
        yield f"{state.chunks - state.encoded} of {state.chunks} chunks have no vector yet"
    if pending.failed:
        yield f"{pending.failed} notes cannot be indexed"
    if no_encoder and state.encoder.message:
        yield f"no vectors: {state.encoder.message}"
