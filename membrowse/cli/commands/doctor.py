"""`membrowse doctor`: what is wrong, and which command fixes it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import typer

from membrowse import interpreter
from membrowse.agents.index_comparison import compare_index
from membrowse.cli import folders, output
from membrowse.cli.chosen_agent import chosen_profile
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson, FolderOption
from membrowse.client import discovery
from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.client.registered_services import RegisteredService, registered
from membrowse.deployment import health as service_health
from membrowse.presentation.agent_health import agent_health_lines
from membrowse.presentation.figures import counted
from membrowse.shell_commands import command
from membrowse.text import shown
from membrowse.wire.agents import AgentProfile
from membrowse.wire.health import Check, CheckState, Health
from membrowse.wire.notes import FilesRequest, NoteState

_SIGNS = {
    CheckState.OK: "ok     ",
    CheckState.WARNING: "warning",
    CheckState.PROBLEM: "PROBLEM",
}
_STDERR_LINES = 5


def doctor(folder: FolderOption = None, as_json: AsJson = False) -> None:
    """Find problems, and say which command fixes them.

    Works even if no engine can start. With --agent, the agent's memory on disk is compared with its
    own index and with ours, file by file. Exit status 1 if there is a problem.
    """
    chosen = folders.chosen(folder)
    profile = chosen_profile()
    if profile is not None and not profile.memory.store:
        raise typer.Exit(_examine_agent(profile, chosen, as_json=as_json))
    service = registered(chosen)
    health = asyncio.run(_examine_service(service)) if service else _run_doctor_child(chosen)
    if as_json:
        output.write_json(health)
    else:
        output.write("".join(_health_lines(health)))
    raise typer.Exit(Exit.DONE if health.healthy else Exit.NONE)


def _examine_agent(profile: AgentProfile, folder: Path, *, as_json: bool) -> Exit:
    """Print what the agent finds of its memory, and what it does not."""
    ours = asyncio.run(_our_states(folder))
    health = compare_index(profile, ours)
    if ours is None:
        index = command("index", folder)
        output.say(f"our index is not compared: no engine runs ({index} starts one)")
    if as_json:
        output.write_json(health, output.SCHEMA)
    else:
        output.write("".join(f"{line}\n" for line in agent_health_lines(health)))
    return Exit.DONE if health.healthy else Exit.NONE


async def _our_states(folder: Path) -> dict[str, NoteState] | None:
    """The states of the folder's files in our index, by path; None if no engine runs."""
    try:
        engine = await discovery.connect(folder, start=False)
    except EngineUnavailable:
        return None
    try:
        return {file.path: file.state for file in await engine.ask(FilesRequest())}
    except (EngineUnavailable, EngineRefused):
        return None
    finally:
        await engine.close()


async def _examine_service(service: RegisteredService) -> Health:
    """What the service's engine reports; its index may be closed to this user."""
    found = await service_health.examine(service)
    name, logs = service.unit, f"membrowse service logs {service.name}"
    if not found.live:
        state, remedy = CheckState.PROBLEM, logs
        checks = [Check(name=name, state=state, detail=found.reasons[0], remedy=remedy)]
    else:
        notes, chunks = counted(found.notes, "note"), counted(found.chunks, "chunk")
        detail = f"{notes}, {chunks}, {found.pending} pending"
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
    child = interpreter.run("membrowse.engine.health.doctor", folder=folder)
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
    warnings = sum(check.state is CheckState.WARNING for check in health.checks)
    doubts = f", with {counted(warnings, 'warning')}" if warnings else ""
    healthy = f"healthy{doubts}\n"
    yield healthy if health.healthy else f"not healthy: {counted(problems, 'problem')}\n"
