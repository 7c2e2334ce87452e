"""How a service is: live and ready, or why not, for monitoring."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

from membrowse.client import discovery
from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.client.registered_services import RegisteredService
from membrowse.wire.engine import EngineState, StatusRequest


class State(StrEnum):
    """The three states of a monitoring plugin."""

    GOOD = "good"
    DEGRADED = "degraded"
    DOWN = "down"

    @property
    def exit_status(self) -> int:
        """0, 1 or 2, as monitoring-plugins define them."""
        return list(State).index(self)


class ServiceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What `membrowse service status` prints."""

    service: str
    state: State
    live: bool
    """The engine answers."""
    ready: bool
    """Searches are answered from an open index."""
    reasons: tuple[str, ...]
    """Why it is not good, or what it does."""
    version: str = ""
    since: str = ""
    memory_bytes: int = 0
    notes: int = 0
    chunks: int = 0
    pending: int = 0


async def examine(service: RegisteredService) -> ServiceHealth:
    """Ask the engine of `service`."""
    try:
        engine = await discovery.connect(Path(service.folder), start=False)
        try:
            status = await engine.ask(StatusRequest())
        finally:
            await engine.close()
    except (EngineUnavailable, EngineRefused) as error:
        return ServiceHealth(
            service=service.name, state=State.DOWN, live=False, ready=False, reasons=(str(error),)
        )
    reasons = tuple(_faults(status.state))
    return ServiceHealth(
        service=service.name,
        state=State.DEGRADED if reasons else State.GOOD,
        live=True,
        ready=not status.state.problem,
        reasons=reasons or (f"{status.state.notes} notes, {status.state.chunks} chunks",),
        version=status.engine.version,
        since=status.engine.since,
        memory_bytes=status.engine.memory_bytes,
        notes=status.state.notes,
        chunks=status.state.chunks,
        pending=status.state.pending.total,
    )


def _faults(state: EngineState) -> list[str]:
    """What is wrong, most important first."""
    watcher = state.watcher
    failed = state.pending.failed
    faults = [
        state.problem,
        state.stale and f"the index is out of date: {state.stale}",
        "" if watcher.alive else f"the folder is not watched: {watcher.message}",
        watcher.paused and "indexing is paused",
        f"{failed} notes cannot be indexed" if failed else "",
        state.encoder.state in ("failed", "off") and f"no vectors: {state.encoder.message}",
    ]
    return [str(fault) for fault in faults if fault]
