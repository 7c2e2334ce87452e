"""Messages to the service manager that started the engine: systemd's notify protocol.

See sd_notify(3): each message is a datagram of `NAME=value` lines, sent to `$NOTIFY_SOCKET`.
Without a service manager every message is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from membrowse.counts import counted
from membrowse.wire.engine import EngineState

if TYPE_CHECKING:
    from membrowse.engine.service import Service

log = logging.getLogger(__name__)

_READY, _RELOADING, _STOPPING, _ALIVE = "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1"


class ServiceManager:
    """The service manager that `environment` describes, if there is one."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_seconds = int(environment.get("WATCHDOG_USEC", "0")) / 1e6 if watched else 0.0
        """A longer silence than this counts as a hang; 0: no limit."""

    @property
    def present(self) -> bool:
        return bool(self._address)

    def ready(self, status: str) -> None:
        """Report that the engine answers requests."""
        self._send(_READY, f"STATUS={status}")

    def status(self, status: str) -> None:
        """Report what the engine does, in one line."""
        self._send(f"STATUS={status}")

    def reloading(self) -> None:
        """Report that the settings are read again; `ready` ends it."""
        self._send(_RELOADING)

    def stopping(self) -> None:
        """Report that the engine ends."""
        self._send(_STOPPING)

    def alive(self) -> None:
        """Reset the watchdog."""
        self._send(_ALIVE)

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)  # a service manager that hangs must not hang the engine
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.warning("the service manager cannot be notified: %s", error.strerror or error)


async def report_states(service: Service, manager: ServiceManager) -> None:
    """Tell `manager` when the engine is ready, and what it does from then on."""
    ready, last = False, ""
    async for state in service.states():
        status = status_line(state)
        if state.stopping:
            return
        if not ready and not _opening(state):
            ready = True
            manager.ready(status)
        elif status != last:
            manager.status(status)
        last = status


async def feed_watchdog(service: Service, manager: ServiceManager) -> None:
    """Reset the watchdog as long as the event loop and the ranking threads go on.

    A hang of either stops this, and the service manager restarts the engine.
    """
    while manager.watchdog_seconds:
        await service.pass_through_ranking()
        manager.alive()
        await asyncio.sleep(manager.watchdog_seconds / 4)


def _opening(state: EngineState) -> bool:
    return state.progress is not None and state.progress.phase == "opening"


def status_line(state: EngineState) -> str:
    """The state in one line without any text of notes, for a service manager."""
    if state.problem:
        return "problem: see the log, or `membrowse doctor`"
    if state.progress is None and state.reading:
        return "reading the notes"
    if state.progress is None:
        notes, chunks = counted(state.notes, "note"), counted(state.chunks, "chunk")
        return f"{notes}, {chunks}, generation {state.generation}"
    progress = state.progress
    if progress.chunks_total:
        total = counted(progress.chunks_total, "chunk")
        return f"{progress.phase}: {progress.chunks_done:,} of {total}"
    if progress.notes_total:
        total = counted(progress.notes_total, "note")
        return f"{progress.phase}: {progress.notes_done:,} of {total}"
    return progress.phase
