"""How a service is: live and ready, or why not, for monitoring."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.client import discovery
from membrowse.client.engine import EngineHangs, EngineRefused, EngineUnavailable
from membrowse.client.registered_services import RegisteredService
from membrowse.wire.engine import HelloRequest, StatesRequest
from membrowse.wire.health import EngineHealth, HealthRequest


class State(StrEnum):
    """The states of a monitoring plugin."""

    GOOD = "good"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    """The asking user may not connect."""

    @property
    def exit_status(self) -> int:
        """0 to 3, as monitoring-plugins define them."""
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
    """Why it is not good."""
    version: str = ""
    since: str = ""
    memory_bytes: int = 0
    notes: int = 0
    chunks: int = 0
    pending: int = 0


def state_of(health: EngineHealth) -> State:
    """An engine that is still opening its index is degraded, one that cannot open it is down."""
    if health.ready:
        return State.DEGRADED if health.reasons else State.GOOD
    return State.DOWN if health.reasons else State.DEGRADED


def _without_answer(service: RegisteredService, error: Exception) -> ServiceHealth:
    """What is known of a service whose engine cannot be asked."""
    state, reason = State.DOWN, str(error)
    if not service.own and not service.admits:
        state = State.UNKNOWN
    elif isinstance(error, EngineHangs):
        remedy = f"`membrowse service restart {service.name}` if that lasts"
        reason = f"{service.unit} runs, but does not answer: {remedy}"
    elif service.own or isinstance(error, discovery.ServiceUnavailable):
        reason = f"{service.unit} does not answer: `membrowse service logs {service.name}` says why"
    return ServiceHealth(
        service=service.name, state=state, live=False, ready=False, reasons=(reason,)
    )


async def examine(service: RegisteredService) -> ServiceHealth:
    """Ask the engine of `service`."""
    try:
        engine = await discovery.connect_to(service)
        try:
            health = await engine.ask(HealthRequest())
            hello = await engine.ask(HelloRequest())
            state = await anext(engine.stream(StatesRequest()))
        finally:
            await engine.close()
    except (EngineUnavailable, EngineRefused) as error:
        return _without_answer(service, error)
    return ServiceHealth(
        service=service.name,
        state=state_of(health),
        live=True,
        ready=health.ready,
        reasons=health.reasons or (() if health.ready else ("the index is being opened",)),
        version=hello.engine.version,
        since=hello.engine.since,
        memory_bytes=hello.engine.memory_bytes,
        notes=state.notes,
        chunks=state.chunks,
        pending=state.pending.total,
    )
