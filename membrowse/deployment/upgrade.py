"""Let a service run another version of the program, and go back if that is unhealthy."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from membrowse.client.registered_services import RegisteredService
from membrowse.counts import counted
from membrowse.deployment import steps
from membrowse.deployment.health import ServiceHealth, State, examine

_DURABLE_SECONDS = 600.0
_HEALTHY_SECONDS = 120.0
_POLL_SECONDS = 1.0
_PROGRAM = re.compile(r'^ExecStart="(?P<python>[^"]+)"', re.MULTILINE)


class UpgradeFailed(Exception):
    """The service does not run the new version; the message says what runs now."""


async def upgrade(service: RegisteredService, python: Path, say: Callable[[str], None]) -> Path:
    """Restart `service` with the interpreter `python`, once nothing is pending.

    Returns the interpreter it ran before. Raises `UpgradeFailed` if it was unhealthy with the new
    one (it runs the old one again) or cannot be changed.
    """
    drop_in = steps.drop_in(service)
    old = drop_in.read_text(encoding="utf-8")
    found = _PROGRAM.search(old)
    if found is None:
        raise UpgradeFailed(f"{drop_in} names no program; run `membrowse service install` again")
    before = await _when_durable(service, say)
    new = old.replace(f'"{found["python"]}"', f'"{python}"', 1)
    try:
        _run_with(service, drop_in, new)
        after = await _when_healthy(service, before)
    except subprocess.CalledProcessError as error:
        after = str(error.stderr).strip() or str(error)
    if after:
        say("unhealthy: going back to the version before")
        runs = f"{found['python']} runs again"
        try:
            _run_with(service, drop_in, old)
        except subprocess.CalledProcessError as error:
            runs = f"{drop_in} is as before, but nothing was restarted: {error.stderr.strip()}"
        raise UpgradeFailed(
            f"unhealthy with {python}: {after}; {runs}. "
            f"`membrowse service logs {service.name}` says why"
        )
    return Path(found["python"])


def _run_with(service: RegisteredService, drop_in: Path, content: str) -> None:
    for step in (
        steps.WriteFile(drop_in, content),
        steps.systemctl(service, "daemon-reload"),
        steps.systemctl(service, "restart", service.unit),
    ):
        step.carry_out()


async def _when_durable(service: RegisteredService, say: Callable[[str], None]) -> ServiceHealth:
    """Wait until nothing is pending, at most ten minutes."""
    deadline = time.monotonic() + _DURABLE_SECONDS
    health = await examine(service)
    if health.pending:
        say(f"waiting for {counted(health.pending, 'note')} to be indexed")
    while health.pending and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
        health = await examine(service)
    return health


async def _when_healthy(service: RegisteredService, before: ServiceHealth) -> str:
    """Empty once the service is as good as before, else the reason after two minutes."""
    deadline = time.monotonic() + _HEALTHY_SECONDS
    while True:
        health = await examine(service)
        if health.ready and (health.state is State.GOOD or before.state is not State.GOOD):
            return ""
        if time.monotonic() > deadline:
            return "; ".join(health.reasons)
        await asyncio.sleep(_POLL_SECONDS)
