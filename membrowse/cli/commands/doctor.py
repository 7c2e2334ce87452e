"""`membrowse doctor`: what is wrong, and which command fixes it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import typer

from membrowse import interpreter
from membrowse.cli import folders, output
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson, FolderOption
from membrowse.client.registered_services import RegisteredService, registered
from membrowse.deployment import health as service_health
from membrowse.presentation.figures import counted
from membrowse.text import shown
from membrowse.wire.health import Check, CheckState, Health

_SIGNS = {
    CheckState.OK: "ok     ",
    CheckState.WARNING: "warning",
    CheckState.PROBLEM: "PROBLEM",
}
_STDERR_LINES = 5


def doctor(folder: FolderOption = None, as_json: AsJson = False) -> None:
    """Find problems, and say which command fixes them.

    Works even if no engine can start. Exit status 1 if there is a problem.
    """
    chosen = folders.chosen(folder)
    service = registered(chosen)
    health = asyncio.run(_examine_service(service)) if service else _run_doctor_child(chosen)
    if as_json:
        output.write_json(health)
    else:
        output.write("".join(_health_lines(health)))
    raise typer.Exit(Exit.DONE if health.healthy else Exit.NONE)


async def _examine_service(service: RegisteredService) -> Health:
    """What the service's engine reports; its index may be closed to this user."""
    found = await service_health.examine(service)
    name, logs = service.unit, f"membrowse service logs {service.name}"
    if not found.live:
        state, remedy = CheckState.PROBLEM, f"systemctl status {service.unit}"
        checks = [Check(name=name, state=state, detail=found.reasons[0], remedy=remedy)]
    else:
        detail = f"{found.notes} notes, {found.chunks} chunks, {found.pending} pending"
        checks = [Check(name=name, state=CheckState.OK, detail=detail)]
        state = CheckState.WARNING if found.ready else CheckState.PROBLEM
        checks += [
            Check(name="engine", state=state, detail=reason, remedy=logs)
            for reason in found.reasons
        ]
    healthy = not any(check.state is CheckState.PROBLEM for check in checks)
    return Health(healthy=healthy, checks=tuple(checks))


def _run_doctor_child(folder: Path) -> Health:
    """The checks; a child process opens the index and the models."""
    child = interpreter.run("membrowse.engine.health.doctor", str(folder))
    try:
        return msgspec.json.decode(child.stdout, type=Health)
    except msgspec.DecodeError as error:
        words = child.stderr.decode("utf-8", errors="replace").strip().splitlines()
        last = "\n".join(words[-_STDERR_LINES:])
        raise Stop(
            Exit.INTERNAL, f"the check itself failed (status {child.returncode}): {last}"
        ) from error


def _health_lines(health: Health) -> Iterator[str]:
    width = max((len(check.name) for check in health.checks), default=0)
    for check in health.checks:
        yield f"{_SIGNS[check.state]}  {shown(check.name):<{width}}  {shown(check.detail)}\n"
        if check.remedy:
            yield f"{'':7}  {'':{width}}  → {shown(check.remedy)}\n"
    problems = sum(check.state is CheckState.PROBLEM for check in health.checks)
    yield "healthy\n" if health.healthy else f"not healthy: {counted(problems, 'problem')}\n"
