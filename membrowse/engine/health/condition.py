"""What is wrong with a running engine, from its state."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.wire.engine import EngineState
from membrowse.wire.health import EngineHealth
from membrowse.wire.search import RankingState


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
        yield f"the stores disagree ({stores}): `membrowse index --rebuild` makes them again"
    if not state.watcher.alive:
        yield f"the folder is not watched: {state.watcher.message}"
    if state.watcher.paused:
        yield "indexing is paused"
    if state.pending.failed:
        yield f"{state.pending.failed} notes cannot be indexed"
    if state.encoder.state in (RankingState.FAILED, RankingState.OFF) and state.encoder.message:
        yield f"no vectors: {state.encoder.message}"
